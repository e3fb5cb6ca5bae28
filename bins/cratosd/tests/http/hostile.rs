//! Malformed and hostile requests.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ask, Daemon, FEED, raw};

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_http_are_refused_and_the_daemon_goes_on() {
    let daemon = Daemon::start().await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /v1/ status HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nbad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/generate_token_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nxxxxx",
        b"POST /v1/generate_token_json HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame, and long enough",
        b"\0\0\0\0",
        b"P",
        b"",
    ] {
        let answer = raw(daemon.addr, bytes).await;
        let is_answer = answer.starts_with("HTTP/1.1 4") || !answer.starts_with("HTTP/1.1");
        assert!(is_answer, "{:?} got {answer}", String::from_utf8_lossy(bytes));
        assert_eq!(daemon.send(Ask::get("/healthz")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_1_needs_one_host() {
    let daemon = Daemon::start().await;
    let asked = async |version: &str, headers: &str| {
        let head = format!("GET /healthz {version}\r\n{headers}connection: close\r\n\r\n");
        raw(daemon.addr, head.as_bytes()).await.get(9..12).map(str::to_owned)
    };
    for (version, headers, status) in [
        ("HTTP/1.1", "host: x\r\n", "200"),
        ("HTTP/1.1", "host:\r\n", "200"),
        ("HTTP/1.1", "", "400"),
        ("HTTP/1.1", "host: x\r\nhost: y\r\n", "400"),
        ("HTTP/1.1", "host: x\r\nHost: x\r\n", "400"),
        ("HTTP/1.0", "", "200"),
        ("HTTP/1.0", "host: x\r\n", "200"),
        ("HTTP/1.0", "host: x\r\nhost: y\r\n", "400"),
    ] {
        assert_eq!(
            asked(version, headers).await.as_deref(),
            Some(status),
            "{version} {headers}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_large_are_refused() {
    let daemon = Daemon::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000));
    assert!(raw(daemon.addr, long.as_bytes()).await.starts_with("HTTP/1.1 4"));
    let wide = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(70_000));
    assert!(raw(daemon.addr, wide.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(500));
    assert!(raw(daemon.addr, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_targets_are_answered_without_harm() {
    let daemon = Daemon::start().await;
    for (target, status) in [
        ("*", "404"),
        ("http://elsewhere.example.net/v1/status", "200"),
        ("/v1/status?%", "200"),
        ("/v1/status?&&==&%ff=%", "200"),
        ("/%2e%2e/%2e%2e/etc/passwd", "404"),
        ("/../v1/status", "404"),
        ("/v1/status%00", "404"),
        ("/v1/feed/%00/type/%0d%0a/age/x/output/y", "401"),
        ("//elsewhere.example.net/", "404"),
        ("//", "404"),
        ("//?x=1", "404"),
        ("/v1/status/?//", "307"),
    ] {
        let answer = raw(
            daemon.addr,
            format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_parts_are_listed_and_not_interpreted() {
    let daemon = Daemon::start().await;
    for part in [
        "%00",
        "block%0d%0ax-evil:%201",
        "..%2F..%2Fetc",
        "%C3%A6%F0%9F%98%80",
        "block%20",
        &"a".repeat(8_000),
    ] {
        let answer = daemon.get(&FEED.replace("block", part)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.detail()[0]["loc"][1]),
            (422, &"feedName".into()),
            "{part}"
        );
        assert!(!answer.headers.contains_key("x-evil") && answer.body.len() < 2_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection_and_a_bad_one_ends_only_itself() {
    let daemon = Daemon::start().await;
    let mut stream = TcpStream::connect(daemon.addr).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /nothing HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let statuses: Vec<&str> = answers
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, _)| answers.get(at + 9..at + 12))
        .collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_stop_others() {
    let daemon = Daemon::start().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(daemon.addr).await.unwrap());
    }
    let answer = tokio::time::timeout(Duration::from_secs(5), daemon.send(Ask::get("/healthz")))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
}
