//! The PROXY protocol: before TLS and HTTP, the proxy names its client.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use client_address::ProxyHeader;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::proxies::Proxies;
use crate::refusal::Refusal;

/// How long the header may take. A proxy sends it in its first packet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the header off the connection, and no byte after it. Returns the address that counts from here on: the client
/// that the header names, or the peer where the header names none (a health check of the proxy), or where no header is
/// required.
///
/// # Errors
/// The reason for which the connection must be closed.
pub(crate) async fn client(
    proxies: &Proxies,
    stream: &mut (impl AsyncRead + Unpin),
    peer: IpAddr,
) -> Result<IpAddr, Refusal> {
    if !proxies.has_proxy_protocol() {
        return Ok(peer);
    }
    if !proxies.include(peer) {
        return Err(Refusal::NotAProxy);
    }
    let header = tokio::time::timeout(PATIENCE, header(stream)).await;
    let client = header.unwrap_or(Err(Refusal::HeaderTimeout))?;
    Ok(client.unwrap_or(peer))
}

/// Returns the client that the header names, if it names one.
async fn header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, Refusal> {
    let mut bytes = Vec::new();
    loop {
        match ProxyHeader::read(&bytes)? {
            ProxyHeader::For(client) => return Ok(Some(client)),
            ProxyHeader::NeedsMore(more) => {
                let known = bytes.len();
                bytes.resize(known + more, 0);
                let rest = bytes.get_mut(known..).unwrap_or_default();
                // In the pieces that arrive, so that a peer which sends something else is refused at its first piece.
                let filled = stream.read(rest).await.map_err(Refusal::HeaderCut)?;
                if filled == 0 {
                    return Err(Refusal::HeaderCut(io::ErrorKind::UnexpectedEof.into()));
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
    use tokio::io::AsyncWriteExt as _;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies::new(networks.iter().map(|network| network.parse().unwrap())).proxy_protocol(true)
    }

    const PRIVATE: &[&str] = &["10.0.0.0/8"];

    async fn client_of(proxies: Proxies, sent: &[u8], peer: &str) -> (Option<String>, Vec<u8>) {
        let (mut theirs, mut ours) = tokio::io::duplex(4096);
        theirs.write_all(sent).await.unwrap();
        drop(theirs);
        let client = client(&proxies, &mut ours, peer.parse().unwrap()).await;
        let mut left = Vec::new();
        ours.read_to_end(&mut left).await.unwrap();
        (client.ok().map(|address| address.to_string()), left)
    }

    #[tokio::test]
    async fn the_header_names_the_client_and_the_bytes_after_it_are_left() {
        let sent = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
        let (client, left) = client_of(proxies(PRIVATE), sent, "10.0.0.2").await;
        assert_eq!(
            (client.as_deref(), &left[..]),
            (Some("198.51.100.9"), &b"GET / HTTP/1.1\r\n"[..])
        );
        let (client, left) = client_of(proxies(PRIVATE), b"PROXY UNKNOWN\r\nx", "10.0.0.2").await;
        assert_eq!((client.as_deref(), &left[..]), (Some("10.0.0.2"), &b"x"[..]));
    }

    #[tokio::test]
    async fn where_no_header_is_required_no_byte_is_read() {
        let sent = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
        let (client, left) = client_of(proxies(PRIVATE).proxy_protocol(false), sent, "10.0.0.2").await;
        assert_eq!((client.as_deref(), &left[..]), (Some("10.0.0.2"), &sent[..]));
    }

    #[tokio::test]
    async fn connections_without_a_header_or_from_elsewhere_are_refused() {
        let header = b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
        for (sent, peer) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "10.0.0.2"),
            (b"PROXY TCP4 198.51", "10.0.0.2"),
            (b"", "10.0.0.2"),
            (header, "192.0.2.9"),
        ] {
            let (client, _) = client_of(proxies(PRIVATE), sent, peer).await;
            assert_eq!(client, None, "{}", sent.escape_ascii());
        }
        let listed = || proxies(&["192.0.2.9/32"]);
        assert!(client_of(listed(), header, "192.0.2.9").await.0.is_some());
        assert_eq!(client_of(listed(), header, "10.0.0.2").await.0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_is_given_up() {
        let (mut theirs, mut ours) = tokio::io::duplex(4096);
        let drip = tokio::spawn(async move {
            for byte in b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n" {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        });
        let begun = tokio::time::Instant::now();
        let outcome = client(&proxies(PRIVATE), &mut ours, "10.0.0.2".parse().unwrap()).await;
        assert!(matches!(outcome, Err(Refusal::HeaderTimeout)), "{outcome:?}");
        assert_eq!(begun.elapsed(), PATIENCE);
        drip.abort();
    }
}
