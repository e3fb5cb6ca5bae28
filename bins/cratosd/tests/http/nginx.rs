//! Behind a real nginx with the configuration file that we ship.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use misp_sim::{Moment, Sim};
use token_crypto::{Permission, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Ask, Daemon, Events, FEED, Nginx, SITE, Setup, event};

/// The settings of cratosd that the head of the shipped file requires.
const CORE: &str = "reverse_proxy: True\nreverse_proxy_trusted: [\"127.0.0.1\"]\n";

/// An address of this machine that the site does not allow.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

/// Returns a setup whose site allows only callers from [`Nginx::CALLER`].
fn setup() -> Setup {
    Setup {
        core: CORE.to_owned(),
        site: SITE.replace("127.0.0.0/8", &Nginx::CALLER.to_string()),
        ..Setup::default()
    }
}

async fn both(setup: Setup) -> Option<(Daemon, Nginx)> {
    let daemon = Daemon::with(setup).await;
    let nginx = Nginx::before(&daemon)?;
    Some((daemon, nginx))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_caller_decides_and_what_the_caller_says_of_itself_does_not() {
    let Some((daemon, nginx)) = both(setup()).await else {
        return;
    };
    let network = format!("{}/32", Nginx::CALLER).parse().unwrap();
    let bound = daemon.seal(
        &daemon
            .claims()
            .with_scope(Scope::unrestricted().with_networks([network])),
    );
    for token in [daemon.token(), bound] {
        let ask = || Ask::get(FEED).header("token", &token);
        assert_eq!(nginx.send(ask()).await.feed(), (200, "198.51.100.7"));
        let forged = [
            ask(),
            ask().header("x-forwarded-for", "127.0.0.9"),
            ask()
                .header("x-forwarded-for", "127.0.0.9")
                .header("x-forwarded-for", "127.0.0.1"),
            ask()
                .header("x-forwarded-for", "127.0.0.9,")
                .header("connection", "x-forwarded-for"),
            ask()
                .header("X_Forwarded_For", "127.0.0.9")
                .header("x-real-ip", "127.0.0.9"),
            ask().header("forwarded", "for=127.0.0.9"),
        ];
        for forged in forged {
            assert_eq!(nginx.send_from(STRANGER, forged).await.status, 403);
        }
        let named = ask().header("x-forwarded-for", "192.0.2.1");
        assert_eq!(
            nginx.send(named).await.status,
            200,
            "what a caller says does no harm to it either"
        );
    }
    let landing = nginx.send_from(STRANGER, Ask::get("/")).await;
    assert_eq!(landing.json()["IP"], STRANGER.to_string());
}

/// Returns a sample file of Cratos FastAPI, without the lines that begin with one of these texts.
fn sample(name: &str, without: &[&str]) -> String {
    let path = format!(
        "{}/../../crates/site-config/tests/data/reference/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let kept = text
        .lines()
        .filter(|line| !without.iter().any(|start| line.starts_with(start)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// An installation behind nginx, moved over unchanged, has `reverse_proxy: False` and this machine in `allowed_ips`.
#[tokio::test(flavor = "multi_thread")]
async fn the_sample_files_of_the_reference_behind_nginx_are_safe_and_say_what_to_write() {
    let secrets = ["---", "encryption_key", "salt", "memcached_", "access_log"];
    let core = sample("config/config.yaml", &secrets);
    assert!(core.contains("\nreverse_proxy: False\n"), "{core}");
    let setup = Setup {
        core: core.clone(),
        site: sample("sites/misp.example.net.yaml", &[]),
        ..Setup::default()
    };
    let Some((daemon, nginx)) = both(setup).await else {
        return;
    };
    let token = daemon.token();
    let ask = |path: &str| Ask::get(path).header("token", &token);
    for path in [FEED, "/", "/healthz", "/v1/status", "/v1/generate_token_form"] {
        for from in [Nginx::CALLER, STRANGER, Ipv4Addr::LOCALHOST] {
            let answer = nginx.send_from(from, ask(path)).await;
            assert_eq!(answer.status, 503, "{path} from {from}: {}", answer.text());
            assert!(answer.text().contains("set `reverse_proxy: True`"), "{}", answer.text());
        }
    }
    assert_eq!(daemon.send(ask(FEED)).await.status, 200, "this machine itself may ask");

    daemon.rewrite_core(&core.replace("reverse_proxy: False", "reverse_proxy: True"));
    for (from, status) in [(Ipv4Addr::LOCALHOST, 200), (Nginx::CALLER, 403), (STRANGER, 403)] {
        assert_eq!(nginx.send_from(from, ask(FEED)).await.status, status, "{from}");
    }
    daemon.rewrite_core(&core.replace("reverse_proxy: False", "reverse_proxy: ignore"));
    for from in [Ipv4Addr::LOCALHOST, STRANGER] {
        assert_eq!(
            nginx.send_from(from, ask(FEED)).await.status,
            200,
            "on purpose, as the key says"
        );
    }
}

/// Returns the same request with the token in every place.
fn transports(path: &str, token: &str) -> Vec<(&'static str, Ask)> {
    let basic = |pair: String| Ask::get(path).header("authorization", format!("Basic {}", STANDARD.encode(pair)));
    let (user, password) = token.split_at(70);
    vec![
        ("query", Ask::get(&format!("{path}?token={token}"))),
        ("header", Ask::get(path).header("token", token)),
        (
            "bearer",
            Ask::get(path).header("authorization", format!("Bearer {token}")),
        ),
        ("basic", basic(format!("cratos:{token}"))),
        ("cut in two", basic(format!("{user}:{password}"))),
        ("path", Ask::get(&format!("/t/{token}{path}"))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_pass_in_every_transport_and_stand_in_no_log() {
    let Some((mut daemon, nginx)) = both(setup()).await else {
        return;
    };
    let token = daemon.token();
    for (way, ask) in transports(FEED, &token) {
        assert_eq!(nginx.send(ask).await.feed(), (200, "198.51.100.7"), "{way}");
    }
    let (ways, asks): (Vec<_>, Vec<_>) = transports(FEED, &token).into_iter().unzip();
    for (way, answer) in ways.iter().zip(nginx.send_together(asks).await) {
        assert_eq!(answer.feed(), (200, "198.51.100.7"), "{way}");
    }
    let mut written = 2 * ways.len();
    // Servers like to log failed requests.
    let too_large = Ask::new(Method::POST, &format!("/v1/generate_token_json?token={token}")).body("x".repeat(40_000));
    assert_eq!(nginx.send(too_large).await.status, 413);
    let referer = format!("https://cratos.example.net{FEED}?token={token}");
    let misplaced = Ask::get(&format!("/v1/{token}"))
        .header("referer", referer)
        .header("user-agent", &token);
    assert_eq!(nginx.send(misplaced).await.status, 404);
    let mut broken = nginx.connect(Nginx::CALLER, "http/1.1").await;
    let head = format!("GET /t/{token}{FEED} HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n");
    broken.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = broken.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", answer.escape_ascii());
    daemon.stop().await.unwrap().unwrap();
    for (way, ask) in transports(FEED, &token) {
        assert_eq!(nginx.send(ask).await.status, 502, "{way}");
    }
    written += 3 + ways.len();

    let began = Instant::now();
    while nginx.logs().lines().count() < written {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", nginx.logs());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let logs = nginx.logs();
    assert!(
        logs.contains(" GET /v1/feed HTTP/1.1 200 12 ") && logs.contains(" GET /v1/feed HTTP/2.0 200 12 "),
        "{logs}"
    );
    assert!(logs.contains(" GET /v1/feed HTTP/1.1 502 "), "{logs}");
    let encoded = STANDARD.encode(format!("cratos:{token}"));
    for secret in [&token, &encoded] {
        for at in (0..secret.len() - 16).step_by(8) {
            let part = secret.get(at..at + 16).unwrap();
            assert!(!logs.contains(part), "{part} stands in {logs}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_conditions_and_packed_answers_pass() {
    let Some((daemon, nginx)) = both(setup()).await else {
        return;
    };
    let token = daemon.token();
    let ask = || Ask::get(FEED).header("token", &token);
    let whole = nginx.send(ask()).await;
    let tag = whole.header("etag").to_owned();
    assert!(!tag.starts_with("W/"), "{tag}");
    assert_eq!(whole.header("x-feed-count"), "1");
    let same = nginx.send(ask().header("if-none-match", &tag)).await;
    assert_eq!((same.feed(), same.header("etag")), ((304, ""), tag.as_str()));
    let head = nginx.send(Ask::new(Method::HEAD, FEED).header("token", &token)).await;
    assert_eq!(head.feed(), (200, ""));
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        ("12", tag.as_str())
    );
    // The header must come once: nginx has a directive that adds another one.
    assert_eq!(
        whole.header("strict-transport-security"),
        head.header("strict-transport-security")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_feed_passes_byte_for_byte_plain_and_packed() {
    let addresses: Vec<String> = (0..24_000u32)
        .map(|n| Ipv4Addr::from(u32::from(Ipv4Addr::new(11, 0, 0, 0)) + n * 257).to_string())
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let large = Setup {
        sim: Sim::builder().event(event("block", &addresses)),
        site: setup().site.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 100"),
        ..setup()
    };
    let Some((daemon, nginx)) = both(large).await else {
        return;
    };
    let token = daemon.token();
    let ask = || Ask::get(FEED).header("token", &token);
    let whole = nginx.send(ask()).await;
    // The body is larger than all the buffers that nginx has for one answer.
    assert!(whole.body.len() > 290_000, "{}", whole.body.len());
    let expected: std::collections::BTreeSet<&str> = addresses.into_iter().collect();
    assert_eq!(
        whole.text().lines().collect::<std::collections::BTreeSet<_>>(),
        expected
    );
    let direct = ask().header("x-forwarded-for", Nginx::CALLER.to_string());
    assert_eq!(daemon.send(direct).await.body, whole.body);
    let mut packed = nginx.send(ask().header("accept-encoding", "gzip")).await;
    for _ in 0..2_000 {
        if packed.headers.contains_key("content-encoding") {
            break;
        }
        // The compressed form is being made.
        assert_eq!(packed.body, whole.body);
        tokio::time::sleep(Duration::from_millis(10)).await;
        packed = nginx.send(ask().header("accept-encoding", "gzip")).await;
    }
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_ne!(packed.header("etag"), whole.header("etag"));
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, whole.body);
    for answer in nginx.send_together((0..4).map(|_| ask()).collect()).await {
        assert_eq!(answer.body, whole.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_at_once_and_not_when_a_buffer_is_full() {
    let mut quick = setup();
    quick.site += "memcached_all_timeout: 1\n";
    let Some((mut daemon, nginx)) = both(quick).await else {
        return;
    };
    let token = daemon.seal(
        &daemon
            .claims()
            .with_scope(Scope::new().with_permissions([Permission::Stream])),
    );
    let target = "/v1/stream/feed/block/type/ipv4/age/1w";
    let stream = nginx.connect(Nginx::CALLER, "http/1.1").await;
    let mut events = Events::open_over(stream, target, &token, None).await;
    assert_eq!(events.status, 200, "{}", events.head);
    assert_eq!(events.next().await.unwrap().values(), ["198.51.100.7"]);
    let more = event("block", &["198.51.100.8"]).changed(Moment::Ago(60));
    daemon.sim.edit(|store| store.add_event(more));
    let came = loop {
        let told = events.next().await.unwrap();
        if told.name != "alive" {
            break told;
        }
    };
    assert_eq!((came.name.as_str(), came.values()), ("added", vec!["198.51.100.8"]));
    daemon.stop().await.unwrap().unwrap();
    assert_eq!(events.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_for_this_machine_are_closed_to_others() {
    // With this key every caller appears under the address of nginx, which may read the metrics.
    let setup = Setup {
        core: "reverse_proxy: ignore\n".to_owned(),
        ..Setup::default()
    };
    let Some((daemon, nginx)) = both(setup).await else {
        return;
    };
    assert_eq!(daemon.send(Ask::get("/metrics/?token=x")).await.status, 200);
    for target in [
        "/metrics",
        "/metrics/",
        "/metrics?x",
        "/metrics/?token=x",
        "/metrics//",
        "/metrics%2f",
        "/metrics/.",
        "//metrics",
        "/%6detrics",
        "/%6Detrics/?token=x",
        "/v1/../metrics",
        "/v1/%2e%2e/metrics",
        "http://elsewhere.example.net/metrics",
        "/readyz",
        "/readyz/?token=x",
        "/%72eadyz",
    ] {
        let mut connection = nginx.connect(Nginx::CALLER, "http/1.1").await;
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
        assert!(
            !answer.contains("cratos_") && !answer.contains("ready\""),
            "{target}: {answer}"
        );
    }
    assert_eq!(nginx.send(Ask::get("/healthz")).await.status, 200);
    assert_eq!(nginx.send(Ask::get("/v1/status")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_too_large_are_explained_or_cut_off() {
    let Some((daemon, nginx)) = both(setup()).await else {
        return;
    };
    let post = |bytes: usize| {
        Ask::new(Method::POST, "/v1/generate_token_json")
            .header("content-type", "application/json")
            .body("x".repeat(bytes))
    };
    assert_eq!(nginx.send(post(10)).await.status, 422);
    let explained = nginx.send(post(20_000)).await;
    assert_eq!(
        (explained.status.as_u16(), explained.header("content-type")),
        (413, "application/problem+json")
    );
    assert_eq!(nginx.send(post(40_000)).await.status, 413);
    assert_eq!(daemon.sim.requests().len(), 0, "MISP was asked");
}
