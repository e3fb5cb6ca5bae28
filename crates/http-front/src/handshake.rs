//! The handshake of TLS, and how long it may take.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::Certificates;
use crate::costs;

/// How long a handshake may take: two round trips, and a signature on a slow device.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the stream inside TLS, or `None` if the connection must be closed: the client does not speak TLS, is too
/// slow, or shows no certificate where one is required. Any host on the network can cause that, so it is counted, and
/// logged at the level `debug` only.
pub(crate) async fn accept<S>(certificates: &Certificates, stream: S, client: IpAddr) -> Option<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = TlsAcceptor::from(certificates.server()).accept(stream);
    let made = tokio::time::timeout(PATIENCE, handshake).await;
    match made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(mut stream) => {
            let (_, session) = stream.get_mut();
            session.set_buffer_limit(Some(costs::TLS_UNSENT));
            Some(stream)
        }
        Err(error) => {
            certificates.count_failed_handshake();
            tracing::debug!(%client, %error, "a connection was closed: the TLS handshake failed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::Instant;

    use crate::TlsFiles;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn certificates() -> Certificates {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
        let made = rcgen::generate_simple_self_signed(["www.example.net".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Certificates::open(TlsFiles::new(certificate, key)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_drips_or_never_comes_is_given_up() {
        let certificates = certificates();
        for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let (mut theirs, ours) = tokio::io::duplex(4096);
            theirs.write_all(sent).await.unwrap();
            let begun = Instant::now();
            assert!(accept(&certificates, ours, CLIENT).await.is_none());
            assert_eq!(begun.elapsed(), PATIENCE);
        }
        assert_eq!(certificates.failed_handshakes(), 2);
    }

    #[tokio::test]
    async fn a_client_that_does_not_speak_tls_is_disconnected_at_once() {
        let certificates = certificates();
        for sent in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
            b"\0\0\0\0\0\0\0\0",
        ] {
            let (mut theirs, ours) = tokio::io::duplex(4096);
            theirs.write_all(sent).await.unwrap();
            assert!(
                accept(&certificates, ours, CLIENT).await.is_none(),
                "{}",
                sent.escape_ascii()
            );
        }
    }
}
