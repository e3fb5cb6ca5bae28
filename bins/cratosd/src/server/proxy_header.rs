//! The PROXY protocol: before anything else, the proxy in front says who has connected to it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use client_address::{ProxyHeader, ProxyHeaderError};
use site_config::ReverseProxy;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use service_kit::LogLimit;

/// How long the header may take: the proxy sends it in its first packet.
const PATIENCE: Duration = Duration::from_secs(5);

/// A wrong setting on either side closes every connection.
static CLOSED: LogLimit = LogLimit::once_a_minute();

/// Why a connection does not tell whom it is for.
#[derive(Debug, thiserror::Error)]
enum NoCaller {
    #[error("the peer is none of `reverse_proxy_trusted`")]
    NotTrusted,
    #[error("the PROXY header did not arrive in time")]
    TooSlow,
    #[error("it ended before the PROXY header was whole")]
    Ended(#[source] io::Error),
    #[error(transparent)]
    Header(#[from] ProxyHeaderError),
}

/// Reads the header off the connection, and nothing of what follows; returns the address that counts from here on. The peer's own address
/// does where the proxy asks for itself, and where the file wants no such header.
///
/// Nothing if the connection must be closed, which the log says once a minute.
pub(super) async fn caller(
    proxy: &ReverseProxy,
    stream: &mut (impl AsyncRead + Unpin),
    peer: IpAddr,
) -> Option<IpAddr> {
    if !proxy.proxy_protocol {
        return Some(peer);
    }
    let read = async {
        if !proxy.trusts(peer) {
            return Err(NoCaller::NotTrusted);
        }
        let header = tokio::time::timeout(PATIENCE, header(stream)).await;
        header.unwrap_or(Err(NoCaller::TooSlow))
    };
    match read.await {
        Ok(client) => Some(client.unwrap_or(peer)),
        Err(why) => {
            CLOSED.say(|more| {
                tracing::warn!(%peer, %why, more, "a connection was closed, since `proxy_protocol` is on");
            });
            None
        }
    }
}

/// Returns whom the proxy asks for; nothing if for itself.
async fn header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, NoCaller> {
    let mut bytes = Vec::new();
    loop {
        match ProxyHeader::read(&bytes)? {
            ProxyHeader::For(client) => return Ok(Some(client)),
            ProxyHeader::NeedsMore(more) => {
                let known = bytes.len();
                bytes.resize(known + more, 0);
                let rest = bytes.get_mut(known..).unwrap_or_default();
                // In the pieces that come: whoever sends something else is told so by the first of them.
                let filled = stream.read(rest).await.map_err(NoCaller::Ended)?;
                if filled == 0 {
                    return Err(NoCaller::Ended(io::ErrorKind::UnexpectedEof.into()));
                }
                bytes.truncate(known + filled);
            }
            _ => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use site_config::Core;
    use tokio::io::AsyncWriteExt as _;

    fn proxy(keys: &str) -> ReverseProxy {
        let text = format!("encryption_key: {}\nsalt: {}\n{keys}", "k".repeat(64), "s".repeat(32));
        Core::from_yaml(&text).unwrap().reverse_proxy
    }

    async fn caller_of(keys: &str, sent: &[u8], peer: &str) -> (Option<String>, Vec<u8>) {
        let (mut theirs, mut ours) = tokio::io::duplex(4096);
        theirs.write_all(sent).await.unwrap();
        drop(theirs);
        let caller = caller(&proxy(keys), &mut ours, peer.parse().unwrap()).await;
        let mut left = Vec::new();
        ours.read_to_end(&mut left).await.unwrap();
        (caller.map(|address| address.to_string()), left)
    }

    const ON: &str = "proxy_protocol: yes\n";

    #[tokio::test]
    async fn the_header_names_the_caller_and_what_follows_is_left() {
        let sent = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
        let (caller, left) = caller_of(ON, sent, "10.0.0.2").await;
        assert_eq!(
            (caller.as_deref(), &left[..]),
            (Some("198.51.100.9"), &b"GET / HTTP/1.1\r\n"[..])
        );
        let (caller, left) = caller_of(ON, b"PROXY UNKNOWN\r\nx", "10.0.0.2").await;
        assert_eq!((caller.as_deref(), &left[..]), (Some("10.0.0.2"), &b"x"[..]));
    }

    #[tokio::test]
    async fn without_the_key_nothing_is_read() {
        let sent = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
        let (caller, left) = caller_of("", sent, "10.0.0.2").await;
        assert_eq!((caller.as_deref(), &left[..]), (Some("10.0.0.2"), &sent[..]));
    }

    #[tokio::test]
    async fn connections_without_a_header_or_from_elsewhere_are_closed() {
        let header = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
        for (sent, peer) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "10.0.0.2"),
            (b"PROXY TCP4 198.51", "10.0.0.2"),
            (b"", "10.0.0.2"),
            (header, "192.0.2.9"),
        ] {
            assert_eq!(caller_of(ON, sent, peer).await.0, None, "{}", sent.escape_ascii());
        }
        let listed = "proxy_protocol: yes\nreverse_proxy_trusted: [192.0.2.9]\n";
        assert!(caller_of(listed, header, "192.0.2.9").await.0.is_some());
        assert_eq!(caller_of(listed, header, "10.0.0.2").await.0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_is_given_up() {
        let (mut theirs, mut ours) = tokio::io::duplex(4096);
        let dripping = tokio::spawn(async move {
            for byte in b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n" {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        });
        let begun = tokio::time::Instant::now();
        assert_eq!(caller(&proxy(ON), &mut ours, "10.0.0.2".parse().unwrap()).await, None);
        assert_eq!(begun.elapsed(), PATIENCE);
        dripping.abort();
    }
}
