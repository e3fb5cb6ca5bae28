//! The first bytes of a connection: as many as show which HTTP it speaks, and what it asks for.
//!
//! hyper has 16 kB of buffers for a connection from its first byte on. Thousands of connections that never come to a
//! request would hold them for nothing. So hyper gets a connection only with the whole head of its first request.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::account::Charge;

/// The largest head of a request, in bytes. For example, a path with a token of 3 KiB and the cookies of a browser fit.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// What a client of HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The most bytes that are read in one piece.
const PIECE: usize = 4 * 1024;

/// The sizes of the buffer: few, so that it is seldom copied and an allocator has no holes of many sizes.
const CAPACITIES: [usize; 3] = [512, PIECE, MAX_HEAD_BYTES + PIECE];

/// The first bytes, and the version of HTTP that they begin.
#[derive(Debug)]
pub(crate) struct FirstBytes {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_http2: bool,
}

/// Reads until HTTP can begin; returns nothing if the peer left before its first byte. `charge` grows with the bytes
/// that wait here.
///
/// A wrong request is not judged here: it is handed on as soon as it is seen, and hyper answers it.
///
/// # Errors
/// Those of the stream.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), charge: &mut Charge) -> io::Result<Option<FirstBytes>> {
    let mut bytes = Vec::new();
    let without = charge.bytes();
    loop {
        let known = bytes.len();
        if known >= PIECE {
            // Hardly any good request is so long. It gets a large buffer when there is memory for it.
            Box::pin(charge.room()).await;
        }
        poll_fn(|context| poll_piece(stream, context, &mut bytes)).await?;
        charge.grow_to(without + bytes.capacity());
        let has_ended = bytes.len() == known;
        if has_ended && bytes.is_empty() {
            return Ok(None);
        }
        if bytes.starts_with(PREFACE) {
            return Ok(Some(FirstBytes { bytes, is_http2: true }));
        }
        if has_ended || is_enough(&bytes, known) {
            return Ok(Some(FirstBytes { bytes, is_http2: false }));
        }
    }
}

/// Appends the next piece; nothing at the end of the stream.
fn poll_piece(
    stream: &mut (impl AsyncRead + Unpin),
    context: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    // Only while this function runs: a buffer in the future would be held by each waiting connection.
    let mut space = [0; PIECE];
    let mut piece = ReadBuf::new(&mut space);
    ready!(Pin::new(stream).poll_read(context, &mut piece))?;
    let piece = piece.filled();
    let wanted = bytes.len() + piece.len();
    if bytes.capacity() < wanted {
        let capacity = CAPACITIES.into_iter().find(|capacity| *capacity >= wanted);
        bytes.reserve_exact(capacity.unwrap_or(wanted) - bytes.len());
    }
    bytes.extend_from_slice(piece);
    Poll::Ready(Ok(()))
}

/// Returns whether hyper has something to do: a whole head, one that is too large, or bytes that begin no request.
fn is_enough(bytes: &[u8], known: usize) -> bool {
    if PREFACE.starts_with(bytes) {
        return false;
    }
    bytes.len() >= MAX_HEAD_BYTES
        || head_end(bytes.get(known.saturating_sub(3)..).unwrap_or_default()).is_some()
        || begins_no_request(bytes, known)
}

/// Returns where the empty line ends that ends a head, if these bytes hold one. hyper takes line ends without `\r`,
/// too.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|place| {
        let next = place + 1;
        let rest = bytes.get(next..).unwrap_or_default();
        if rest.starts_with(b"\n") {
            Some(next + 1)
        } else {
            rest.starts_with(b"\r\n").then_some(next + 2)
        }
    })
}

fn begins_no_request(bytes: &[u8], known: usize) -> bool {
    let is_strange = |byte: &u8| byte.is_ascii_control() && !b"\r\n\t".contains(byte);
    let arrived = bytes.get(known..).unwrap_or_default();
    if arrived.iter().any(is_strange) {
        return true;
    }
    if !arrived.contains(&b'\n') {
        return false;
    }
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    match (lines.next(), lines.next()) {
        // Once is enough: the line that is complete now was judged then.
        (Some(line), Some(_)) if line.len() >= known => !line.windows(6).any(|part| part == b" HTTP/"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::account::Accounts;
    use tokio::io::AsyncWriteExt as _;

    /// Sends pieces; returns the version that was seen with the bytes that were handed on, and the bytes charged.
    async fn first_of(pieces: &[&[u8]]) -> (Option<(bool, Vec<u8>)>, usize) {
        let account = Accounts::of(10, Arc::default())
            .open("192.0.2.1".parse().unwrap(), false)
            .unwrap();
        let mut charge = account.charge(0);
        let (mut theirs, mut ours) = tokio::io::duplex(100_000);
        let sending = async {
            for piece in pieces {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            theirs
        };
        let reading = async {
            let first = tokio::time::timeout(std::time::Duration::from_secs(1), read(&mut ours, &mut charge)).await;
            first.ok().map(|first| first.unwrap().unwrap())
        };
        let (_theirs, first) = tokio::join!(sending, reading);
        (first.map(|first| (first.is_http2, first.bytes)), charge.bytes())
    }

    async fn version_of(pieces: &[&[u8]]) -> &'static str {
        match first_of(pieces).await.0 {
            None => "none yet",
            Some((true, _)) => "HTTP/2",
            Some((false, _)) => "HTTP/1",
        }
    }

    #[tokio::test(start_paused = true)]
    async fn http_begins_with_a_whole_head_or_the_preface() {
        for (pieces, expected) in [
            (&[&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..]][..], "HTTP/1"),
            (&[b"GET / HTTP/1.1\r\n", b"host: x\r\n\r", b"\nbody"], "HTTP/1"),
            (&[b"GET / HTTP/1.1\r\nhost: x\r\n", b"\r", b"\n"], "HTTP/1"),
            (&[b"GET / HTTP/1.1\nhost: x\n", b"\n"], "HTTP/1"),
            (&[b"GET / HTTP/1.1\r\nhost: x\r\n"], "none yet"),
            (&[b"GET / HTTP/1.1\r\nhost: x\r\n", b"\r"], "none yet"),
            (&[b"P", b"RI * HTTP/2.0\r\n\r\nSM\r\n", b"\r\n\0\0"], "HTTP/2"),
            (&[b"PRI * HTTP/2.0\r\n\r\nSM"], "none yet"),
            (&[b"PRI * HTTP/2.0\r\n\r\nXX"], "HTTP/1"),
            (&[b"POST /", b"x HTTP/1.1\r\n"], "none yet"),
        ] {
            assert_eq!(version_of(pieces).await, expected, "{pieces:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_request_is_handed_on_at_once() {
        for pieces in [
            &[&b"\x16\x03\x01\x02\x00"[..]][..],
            &[b"GET / HT", b"TP/1.1\r\nx: \0"],
            &[b"EHLO ", b"mail\r\n"],
            &[b"\r\n\r\n"],
            &[b"GET / HTTP/1.1\r\nx: ", &[b'a'; 40_000]],
        ] {
            assert_eq!(version_of(pieces).await, "HTTP/1", "{pieces:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_charged() {
        let head = [&b"GET / HTTP/1.1\r\nx: "[..], &[b'a'; 20_000]].concat();
        let (first, charged) = first_of(&[&head]).await;
        assert!(first.is_none() && charged == MAX_HEAD_BYTES + PIECE, "{charged}");
    }

    #[tokio::test]
    async fn a_peer_that_leaves_at_once_began_nothing() {
        let account = Accounts::of(10, Arc::default())
            .open("192.0.2.1".parse().unwrap(), false)
            .unwrap();
        let (theirs, mut ours) = tokio::io::duplex(64);
        drop(theirs);
        assert!(read(&mut ours, &mut account.charge(0)).await.unwrap().is_none());
    }
}
