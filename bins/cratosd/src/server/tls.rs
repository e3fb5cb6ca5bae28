//! The handshake of TLS, and how long it may take.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::Tls;

/// How long a handshake may take: two round trips, and a signature on a slow device.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the handshake; returns what is spoken inside.
///
/// Nothing if the connection must be closed: the caller speaks no TLS, is too slow, or shows no certificate that it should. Everybody on
/// the network can bring that about, so it is counted, and logged for debugging only.
pub(super) async fn handshake<S>(tls: &Tls, stream: S, caller: IpAddr) -> Option<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsAcceptor::from(tls.server()).accept(stream);
    let made = tokio::time::timeout(PATIENCE, handshake).await;
    match made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => Some(stream),
        Err(error) => {
            tls.handshake_failed();
            tracing::debug!(%caller, %error, "a connection was closed: no handshake of TLS");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::Instant;

    const CALLER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn tls() -> Tls {
        let files = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["cratos.example.net".to_owned()]).unwrap();
        std::fs::write(files.path().join("own.pem"), made.cert.pem()).unwrap();
        std::fs::write(files.path().join("own.key"), made.signing_key.serialize_pem()).unwrap();
        let directory = files.path().display();
        let text = format!(
            "encryption_key: {}\nsalt: {}\ntls: {{certificate: {directory}/own.pem, key: {directory}/own.key}}\n",
            "k".repeat(64),
            "s".repeat(32)
        );
        let core = site_config::Core::from_yaml(&text).unwrap();
        Tls::open(std::path::Path::new("config.yaml"), &core.tls.unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_drips_or_never_comes_is_given_up() {
        let tls = tls();
        for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let (mut theirs, ours) = tokio::io::duplex(4096);
            theirs.write_all(sent).await.unwrap();
            let begun = Instant::now();
            assert!(handshake(&tls, ours, CALLER).await.is_none());
            assert_eq!(begun.elapsed(), PATIENCE);
        }
        assert_eq!(tls.failed_handshakes(), 2);
    }

    #[tokio::test]
    async fn what_is_no_tls_is_left_at_once() {
        let tls = tls();
        for sent in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
            b"\0\0\0\0\0\0\0\0",
        ] {
            let (mut theirs, ours) = tokio::io::duplex(4096);
            theirs.write_all(sent).await.unwrap();
            assert!(handshake(&tls, ours, CALLER).await.is_none(), "{}", sent.escape_ascii());
        }
    }
}
