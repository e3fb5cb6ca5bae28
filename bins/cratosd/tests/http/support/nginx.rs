//! The real nginx in front of a daemon, with the configuration that we ship.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use test_peers::{Peer, free_port, program};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Answer, Ask, Daemon};

const SHIPPED: &str = include_str!("../../../../../packaging/nginx/cratos.conf");

/// The name of the shipped configuration.
const NAME: &str = "cratos.example.net";

pub(crate) struct Nginx {
    _peer: Peer,
    folder: tempfile::TempDir,
    addr: SocketAddr,
    authority: CertificateDer<'static>,
}

impl Nginx {
    /// The address that callers have who do not choose another one.
    pub(crate) const CALLER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

    /// Starts it; nothing where it is not installed.
    pub(crate) fn before(daemon: &Daemon) -> Option<Self> {
        let program = program("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let (path, port) = (folder.path(), free_port());
        let certificate = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(path.join("fullchain.pem"), certificate.cert.pem()).unwrap();
        fs::write(path.join("privkey.pem"), certificate.signing_key.serialize_pem()).unwrap();
        fs::write(path.join("cratos.conf"), here(path, port, daemon.addr)).unwrap();
        fs::write(path.join("nginx.conf"), around(path)).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf"));
        command.arg("-e").arg(path.join("outer.error.log"));
        Some(Self {
            _peer: Peer::listening(&mut command, port),
            addr: (Ipv4Addr::LOCALHOST, port).into(),
            authority: certificate.cert.der().clone(),
            folder,
        })
    }

    /// Connects from an address of this machine.
    pub(crate) async fn connect(&self, from: Ipv4Addr, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(self.addr).await.unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        stream
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.send_from(Self::CALLER, ask).await
    }

    pub(crate) async fn send_from(&self, from: Ipv4Addr, ask: Ask) -> Answer {
        ask.send_over(self.connect(from, "http/1.1").await).await
    }

    /// Sends all of them at once over one connection of HTTP/2.
    pub(crate) async fn send_together(&self, asks: Vec<Ask>) -> Vec<Answer> {
        let stream = TokioIo::new(self.connect(Self::CALLER, "h2").await);
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let answers = asks.into_iter().map(|ask| {
            let (mut sender, mut request) = (sender.clone(), ask.into_request());
            let target = request.uri().path_and_query().unwrap().clone();
            *request.uri_mut() = format!("https://{NAME}{target}").parse().unwrap();
            request.headers_mut().remove("host");
            async move { Answer::received(sender.send_request(request).await.unwrap()).await }
        });
        let answers = futures_util::future::join_all(answers).await;
        connection.abort();
        answers
    }

    /// Returns everything that it has written down so far.
    pub(crate) fn logs(&self) -> String {
        let names = ["cratos.access.log", "cratos.error.log", "outer.error.log"];
        let logs = names.map(|name| fs::read(self.folder.path().join(name)).unwrap_or_default());
        String::from_utf8_lossy(&logs.concat()).into_owned()
    }
}

/// Returns the shipped file with the changes that its head allows, and in places that a test may use.
fn here(folder: &Path, port: u16, cratosd: SocketAddr) -> String {
    let folder = folder.display();
    let changes = [
        ("server 127.0.0.1:8080;", format!("server {cratosd};")),
        ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port} ssl http2;")),
        ("listen [::]:443 ssl http2;", String::new()),
        ("/etc/ssl/cratos/fullchain.pem", format!("{folder}/fullchain.pem")),
        ("/etc/ssl/cratos/privkey.pem", format!("{folder}/privkey.pem")),
        (
            "/var/log/nginx/cratos.access.log",
            format!("{folder}/cratos.access.log"),
        ),
        ("/var/log/nginx/cratos.error.log", format!("{folder}/cratos.error.log")),
    ];
    changes.into_iter().fold(SHIPPED.to_owned(), |text, (shipped, here)| {
        // `listen 443` stands in a comment too.
        let at = text
            .lines()
            .filter(|line| line.trim_start().starts_with('#') && line.contains(shipped));
        assert_eq!((text.matches(shipped).count() - at.count(), shipped), (1, shipped));
        text.replace(shipped, &here)
    })
}

/// Returns what stands around it, as Debian has it in `/etc/nginx/nginx.conf`; one process, so that nothing is left
/// when it is killed.
fn around(folder: &Path) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/outer.error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{temporary}    gzip on;\n    access_log {folder}/outer.access.log;\n    include {folder}/cratos.conf;\n}}\n"
    )
}
