//! TLS: versions, the certificates of the daemon and of its callers, and their replacement.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioExecutor, TokioIo};
use misp_sim::{Moment, Sim};
use rustls::pki_types::CertificateDer;
use site_config::ReloadOutcome;
use tempfile::TempDir;
use token_crypto::{Permission, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answer, Ask, Authority, Client, Daemon, Events, FEED, Issued, KEY, SALT, Setup, event, raw};

/// A daemon with a certificate, and the authority that issued it.
struct Secured {
    daemon: Daemon,
    authority: Authority,
    own: Issued,
    files: TempDir,
}

fn keys(directory: &Path) -> String {
    let directory = directory.display();
    format!("tls:\n  certificate: {directory}/own.pem\n  key: {directory}/own.key\n")
}

impl Secured {
    /// Starts a daemon, and waits until it has read its certificate: tests replace the files.
    async fn start() -> Self {
        let secured = Self::with("", Setup::default()).await;
        secured.shown().await;
        secured
    }

    /// Starts a daemon with these lines after those of the certificate.
    async fn with(lines: &str, setup: Setup) -> Self {
        let (files, authority) = (tempfile::tempdir().unwrap(), Authority::new("servers"));
        let own = authority.server();
        own.write(files.path());
        let core = format!("{}{lines}{}", keys(files.path()), setup.core);
        Self {
            daemon: Daemon::with(Setup { core, ..setup }).await,
            authority,
            own,
            files,
        }
    }

    /// Asks for the feed over a new connection.
    async fn feed(&self, client: &Client) -> std::io::Result<Answer> {
        let stream = client.connect(self.daemon.addr).await?;
        let ask = Ask::get(FEED).header("token", self.daemon.token());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        let connection = tokio::spawn(connection);
        let response = sender
            .send_request(ask.into_request())
            .await
            .map_err(std::io::Error::other)?;
        let answer = Answer::received(response).await;
        drop(sender);
        let _ = connection.await;
        Ok(answer)
    }

    fn client(&self) -> Client {
        Client::trusting(&self.authority)
    }

    /// Returns the certificate that the daemon presents to a new connection.
    async fn shown(&self) -> CertificateDer<'static> {
        let stream = self.client().connect(self.daemon.addr).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    async fn metric(&self, name: &str) -> f64 {
        let stream = self.client().connect(self.daemon.addr).await.unwrap();
        let page = Ask::get("/metrics").send_over(stream).await;
        let value = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    }
}

/// Waits until the condition holds, for up to a minute on a busy machine.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_comes_over_both_versions_of_tls_and_of_http() {
    let secured = Secured::start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Client::with(&secured.authority, None, &[version]).speaking("http/1.1");
        let stream = client.connect(secured.daemon.addr).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let ask = Ask::get(FEED).header("token", secured.daemon.token());
        assert_eq!(ask.send_over(stream).await.feed(), (200, "198.51.100.7"));

        let client = Client::with(&secured.authority, None, &[version]).speaking("h2");
        let stream = client.connect(secured.daemon.addr).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let target = format!("https://cratos.example.net{FEED}");
        let ask = Ask::get(&target).header("token", secured.daemon.token());
        let response = sender.send_request(ask.into_request()).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(Answer::received(response).await.feed(), (200, "198.51.100.7"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_without_tls_gets_no_answer_and_does_no_harm() {
    let secured = Secured::start().await;
    let request = format!(
        "GET {FEED} HTTP/1.1\r\nHost: x\r\ntoken: {}\r\n\r\n",
        secured.daemon.token()
    );
    for request in [request.as_str(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""] {
        let answer = raw(secured.daemon.addr, request.as_bytes()).await;
        assert!(!answer.contains("HTTP") && !answer.contains("198.51"), "{answer}");
    }
    assert_eq!(secured.daemon.sim.requests().len(), 0, "MISP was asked");
    assert_eq!(
        secured.feed(&secured.client()).await.unwrap().feed(),
        (200, "198.51.100.7")
    );
    assert_eq!(secured.metric("cratos_tls_failed_handshakes_total").await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_under_connections_that_go_on() {
    let secured = Secured::start().await;
    assert_eq!(secured.shown().await, secured.own.der());
    let stream = secured.client().connect(secured.daemon.addr).await.unwrap();
    let (mut old, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let ask = || Ask::get(FEED).header("token", secured.daemon.token()).into_request();
    assert_eq!(
        Answer::received(old.send_request(ask()).await.unwrap()).await.status,
        200
    );

    let new = secured.authority.server();
    new.write(secured.files.path());
    until("the new certificate is never shown", async || {
        secured.shown().await == new.der()
    })
    .await;
    let answer = Answer::received(old.send_request(ask()).await.unwrap()).await;
    assert_eq!(answer.feed(), (200, "198.51.100.7"), "over the old connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_cannot_be_used_leaves_the_certificate_as_it_was() {
    let secured = Secured::start().await;
    let path = |name: &str| secured.files.path().join(name);
    let is_refused = async |is: f64| {
        until("the metric never tells it", async || {
            secured.metric("cratos_tls_files_refused").await == is
        })
        .await;
        assert_eq!(secured.shown().await, secured.own.der());
    };
    let other = secured.authority.server();
    for (name, text) in [
        (
            "own.pem",
            "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
        ),
        ("own.pem", other.certificate.as_str()),
        ("own.key", ""),
        ("own.key", other.key.as_str()),
    ] {
        std::fs::write(path(name), text).unwrap();
        is_refused(1.0).await;
        secured.own.write(secured.files.path());
        is_refused(0.0).await;
    }
    std::fs::remove_file(path("own.key")).unwrap();
    is_refused(1.0).await;
    assert_eq!(secured.feed(&secured.client()).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_lost_the_certificate_does_not_end_tls() {
    let secured = Secured::start().await;
    let text = format!("encryption_key: \"{KEY}\"\nsalt: \"{SALT}\"\naccept_legacy_tokens: False\n");
    secured.daemon.write("config.yaml", &text);
    assert!(matches!(secured.daemon.store.reload(), ReloadOutcome::Applied(_)));
    assert_eq!(secured.shown().await, secured.own.der());
    assert_eq!(
        raw(secured.daemon.addr, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .find("HTTP"),
        None
    );
    // Another reload changes the paths to another certificate.
    let (new, directory) = (secured.authority.server(), tempfile::tempdir().unwrap());
    new.write(directory.path());
    secured
        .daemon
        .write("config.yaml", &format!("{text}{}", keys(directory.path())));
    secured.daemon.store.reload();
    until("the other certificate is never shown", async || {
        secured.shown().await == new.der()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_show_a_certificate_of_the_right_authority() {
    let (devices, foreign) = (Authority::new("devices"), Authority::new("devices"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("devices.pem"), devices.pem()).unwrap();
    let wanted = format!("  client_ca: {}/devices.pem\n", directory.path().display());
    let optional = format!("{wanted}  client_certificates: optional\n");
    for (lines, without) in [(wanted, false), (optional, true)] {
        let secured = Secured::with(&lines, Setup::default()).await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let served = async |own: Option<&Issued>| {
                let client = Client::with(&secured.authority, own, &[version]);
                match secured.feed(&client).await {
                    Ok(answer) => {
                        assert_eq!(answer.feed(), (200, "198.51.100.7"));
                        true
                    }
                    Err(_) => false,
                }
            };
            assert!(served(Some(&devices.caller())).await, "{lines}");
            assert_eq!(served(None).await, without, "{lines}");
            assert!(!served(Some(&foreign.caller())).await, "{lines}");
            // A certificate for servers does not identify a caller.
            assert!(!served(Some(&devices.server())).await, "{lines}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_caller_stands_beside_the_token_and_not_for_it() {
    let devices = Authority::new("devices");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("devices.pem"), devices.pem()).unwrap();
    let lines = format!("  client_ca: {}/devices.pem\n", directory.path().display());
    let secured = Secured::with(&lines, Setup::default()).await;
    let client = Client::with(&secured.authority, Some(&devices.caller()), rustls::DEFAULT_VERSIONS);
    let stream = client.connect(secured.daemon.addr).await.unwrap();
    assert_eq!(Ask::get(FEED).send_over(stream).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_handshakes_do_not_delay_others() {
    let secured = Secured::start().await;
    let mut slow = Vec::new();
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00"].repeat(20) {
        let mut stream = TcpStream::connect(secured.daemon.addr).await.unwrap();
        stream.write_all(sent).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(
        secured.feed(&secured.client()).await.unwrap().feed(),
        (200, "198.51.100.7")
    );
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a slow handshake is never given up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_header_stands_before_the_handshake() {
    let core = "proxy_protocol: yes\nallways_allowed_ips: [\"198.51.100.9\"]\n".to_owned();
    let secured = Secured::with(
        "",
        Setup {
            core,
            ..Setup::default()
        },
    )
    .await;
    let asked = async |from: &str| {
        let mut stream = TcpStream::connect(secured.daemon.addr).await.unwrap();
        let header = format!("PROXY TCP4 {from} 192.0.2.1 4711 443\r\n");
        stream.write_all(header.as_bytes()).await.unwrap();
        let stream = secured.client().over(stream).await.unwrap();
        Ask::get(FEED)
            .header("token", secured.daemon.token())
            .send_over(stream)
            .await
    };
    assert_eq!(asked("198.51.100.9").await.feed(), (200, "198.51.100.7"));
    assert_eq!(asked("198.51.100.8").await.status, 403);
    assert!(
        secured.client().connect(secured.daemon.addr).await.is_err(),
        "without a header"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_one_by_one() {
    let secured = Secured::with("", Setup::site_with("memcached_all_timeout: 1\n")).await;
    let daemon = &secured.daemon;
    let scope = Scope::new().with_permissions([Permission::Stream]);
    let token = daemon.seal(&daemon.claims().with_scope(scope));
    let stream = secured.client().connect(daemon.addr).await.unwrap();
    let mut events = Events::open_over(stream, "/v1/stream/feed/block/type/ipv4/age/1w", &token, None).await;
    assert_eq!(events.status, 200);
    assert_eq!(events.next().await.unwrap().values(), ["198.51.100.7"]);
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["203.0.113.9"]).changed(Moment::Ago(60))));
    loop {
        let next = events.next().await.unwrap();
        if next.data["values"].is_array() && next.values() == ["203.0.113.9"] {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_under_way_are_finished_and_handshakes_are_not_waited_for() {
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .latency(Duration::from_millis(400));
    let mut secured = Secured::with(
        "",
        Setup {
            sim,
            ..Setup::default()
        },
    )
    .await;
    let (addr, token): (SocketAddr, _) = (secured.daemon.addr, secured.daemon.token());
    let _silent = TcpStream::connect(addr).await.unwrap();
    let stream = secured.client().connect(addr).await.unwrap();
    let under_way = tokio::spawn(Ask::get(FEED).header("token", token).send_over(stream));
    while secured.daemon.sim.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    secured.daemon.stop().await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "the silent caller was waited for"
    );
    assert_eq!(under_way.await.unwrap().feed(), (200, "198.51.100.7"));
    assert!(TcpStream::connect(addr).await.is_err());
}
