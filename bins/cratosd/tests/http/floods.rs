//! Callers that send far too much, and requests that two servers could split differently (request smuggling).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ask, Daemon, raw};

/// Upper limit for each wait, long enough for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

const POST: &str = "POST /v1/generate_token_json HTTP/1.1\r\nhost: localhost\r\n";

/// Gets a 200 if the daemon takes it for a request.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// Returns one HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Returns a header block for `GET /healthz` over `http`: indexes of the static table, and the path as a literal.
fn healthz() -> Vec<u8> {
    [&b"\x82\x86\x04\x08"[..], b"/healthz", b"\x01\x01x"].concat()
}

/// Opens an HTTP/2 connection and sends `frames`; the daemon must close it, and still answer other connections.
async fn is_cut_off(daemon: &Daemon, frames: impl Iterator<Item = Vec<u8>>) {
    let (mut from, mut to) = TcpStream::connect(daemon.addr).await.unwrap().into_split();
    to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    to.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all).await;
    });
    for frame in frames {
        if to.write_all(&frame).await.is_err() {
            break;
        }
    }
    // Our write half is still open, so the daemon ended this connection.
    tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    drop(to);
    assert_eq!(daemon.send(Ask::get("/healthz")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    let daemon = Daemon::start().await;
    let streams = (0..200_000u32).map(|n| {
        let stream = 2 * n + 1;
        let asked = frame(HEADERS, END_HEADERS | END_STREAM, stream, &healthz());
        [asked, frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
    });
    is_cut_off(&daemon, streams).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_ends_the_connection() {
    let daemon = Daemon::start().await;
    for piece in [
        vec![],
        b"\x00\x01a\x7f\x81\x1d"
            .iter()
            .copied()
            .chain([b'b'; 284])
            .collect::<Vec<u8>>(),
    ] {
        let begin = frame(HEADERS, END_STREAM, 1, &healthz());
        let pieces = (0..200_000).map(|_| frame(CONTINUATION, 0, 1, &piece));
        is_cut_off(&daemon, std::iter::once(begin).chain(pieces)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_break_the_rules_end_the_connection() {
    let daemon = Daemon::start().await;
    for broken in [
        frame(HEADERS, END_HEADERS | END_STREAM, 2, &healthz()),
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
        ),
        frame(CONTINUATION, END_HEADERS, 1, &healthz()),
        frame(PING, 0, 0, b"short"),
        frame(SETTINGS, 0, 0, b"odd"),
        frame(0x0, 0, 0, &[0; 10]),
        b"\xff\xff\xff\x00\x00\x00\x00\x00\x01".to_vec(),
    ] {
        is_cut_off(&daemon, std::iter::once(broken)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_its_answers_is_not_read_any_further() {
    let daemon = Daemon::start().await;
    let mut deaf = TcpStream::connect(daemon.addr).await.unwrap();
    let many = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    let mut sent = 0;
    // Bytes that were sent but that the daemon has not read fill the kernel's buffers, which hold a few MiB.
    while let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(1), deaf.write_all(many.as_bytes())).await {
        sent += many.len();
        assert!(sent < 64 * 1024 * 1024, "all of it is read");
    }
    assert_eq!(daemon.send(Ask::get("/healthz")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another_one() {
    let daemon = Daemon::start().await;
    let length = HIDDEN.len();
    for (shape, lines, body) in [
        (
            "length and chunks",
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", length + 5),
            "0\r\n\r\n",
        ),
        (
            "chunks and length",
            format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", length + 5),
            "0\r\n\r\n",
        ),
        (
            "two lengths",
            format!("content-length: {length}\r\ncontent-length: 0\r\n"),
            "",
        ),
        ("a list of lengths", format!("content-length: {length}, 0\r\n"), ""),
        ("a signed length", "content-length: +0\r\n".to_owned(), ""),
        ("a length in hexadecimal", "content-length: 0x0\r\n".to_owned(), ""),
        ("an unknown coding", "transfer-encoding: xchunked\r\n".to_owned(), ""),
        (
            "chunked and then something else",
            "transfer-encoding: chunked, identity\r\n".to_owned(),
            "",
        ),
        ("a blank before the colon", format!("content-length : {length}\r\n"), ""),
        ("a folded line", "x: y\r\n content-length: 5\r\n".to_owned(), ""),
        ("a NUL in a name", "content\0length: 0\r\n".to_owned(), ""),
        ("a line end in a value", "x: a\rb\r\n".to_owned(), ""),
        (
            "a chunk that is too long",
            "transfer-encoding: chunked\r\n".to_owned(),
            "10000000000000000\r\n",
        ),
        (
            "a chunk without a size",
            "transfer-encoding: chunked\r\n".to_owned(),
            "\r\n",
        ),
        ("a signed chunk", "transfer-encoding: chunked\r\n".to_owned(), "-1\r\n"),
    ] {
        let answer = raw(daemon.addr, format!("{POST}{lines}\r\n{body}{HIDDEN}").as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{shape}: {answer}"
        );
        assert!(!answer.contains("HTTP/1.1 200"), "{shape}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_with_forbidden_bytes_are_refused() {
    let daemon = Daemon::start().await;
    for target in [
        &b"/v1/status\0"[..],
        b"/v1/\x01status",
        b"/v1/\x1b[2J",
        b"/v1/\x7f",
        b"/v1/sta\ttus",
        b"example.net:443",
        b"status",
        b"\\v1\\status",
        b"",
    ] {
        let answer = raw(
            daemon.addr,
            &[b"GET ", target, b" HTTP/1.1\r\nhost: x\r\n\r\n"].concat(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{}: {answer}", target.escape_ascii());
    }
    let connect = raw(daemon.addr, b"CONNECT example.net:443 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(connect.starts_with("HTTP/1.1 4"), "{connect}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_too_large_are_refused_however_they_come() {
    let daemon = Daemon::start().await;
    let body = "x".repeat(1_000_000);
    let told = format!("{POST}content-length: {}\r\n\r\n{body}", body.len());
    let chunked = format!(
        "{POST}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    for request in [told, chunked] {
        let mut stream = TcpStream::connect(daemon.addr).await.unwrap();
        // The daemon may answer before it has read the whole body.
        let _ = stream.write_all(request.as_bytes().get(..100_000).unwrap()).await;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 413");
    }
    assert_eq!(daemon.sim.requests().len(), 0, "MISP was asked");
}
