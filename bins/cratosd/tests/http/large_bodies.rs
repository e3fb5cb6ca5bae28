//! Feeds whose bodies are too large for the daemon to keep.

use feed_engine::FeedEngine;
use http::Method;
use misp_sim::{Bulk, Moment, Sim};

use crate::support::{Ask, Daemon, Setup, raw};

const RULES: &str = "/v1/feed/block/type/domain/age/1w/output/suricata";

/// The rules for 3 000 names take about two megabytes; the daemon keeps bodies of up to one.
async fn daemon() -> Daemon {
    let bulk = Bulk::new(3_000, "domain")
        .event_tag("example:incident-classification=block")
        .age(Moment::Ago(60));
    Daemon::with(Setup {
        sim: Sim::builder().bulk(bulk),
        engine: FeedEngine::builder().memory_bytes(2 << 20).build(),
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_feed_is_whole_and_a_head_or_304_of_it_makes_no_body() {
    let daemon = daemon().await;
    let ask = |method: Method| Ask::new(method, RULES).header("token", daemon.token());
    let streamed = || async {
        let page = daemon.send(Ask::get("/metrics")).await;
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("cratos_feed_bodies_streamed_total"));
        line.map(|line| line.rsplit(' ').next().unwrap().to_owned())
    };

    let head = daemon.send(ask(Method::HEAD)).await;
    assert_eq!((head.status.as_u16(), head.header("x-feed-count")), (200, "3000"));
    assert!(!head.headers.contains_key("content-length"), "nobody knows it yet");
    let etag = head.header("etag").to_owned();
    let same = daemon.send(ask(Method::GET).header("if-none-match", &etag)).await;
    assert_eq!((same.status.as_u16(), same.header("x-feed-count")), (304, "3000"));
    assert_eq!(streamed().await, None);

    let first = daemon.send(ask(Method::GET)).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, etag.as_str()));
    assert_eq!(
        (first.header("x-feed-count"), first.header("x-feed-dropped")),
        ("3000", "0")
    );
    assert_eq!(first.header("transfer-encoding"), "chunked");
    assert_eq!(first.body.iter().filter(|byte| **byte == b'\n').count(), 9_000);
    assert!(first.body.len() > 1 << 20);

    let again = daemon.send(ask(Method::GET)).await;
    assert_eq!(again.header("content-length"), first.body.len().to_string());
    assert!(again.body == first.body);
    let head = daemon.send(ask(Method::HEAD)).await;
    assert_eq!(head.header("content-length"), first.body.len().to_string());
    assert_eq!(streamed().await.as_deref(), Some("2.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_leaves_in_the_middle_of_a_large_feed_does_no_harm() {
    let daemon = daemon().await;
    let token = daemon.token();
    for _ in 0..12 {
        let mut stream = tokio::net::TcpStream::connect(daemon.addr).await.unwrap();
        let head = format!("GET {RULES} HTTP/1.1\r\nhost: x\r\ntoken: {token}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes())
            .await
            .unwrap();
        let mut begun = [0; 512];
        let read = tokio::io::AsyncReadExt::read(&mut stream, &mut begun).await.unwrap();
        assert!(begun[..read].starts_with(b"HTTP/1.1 200"));
    }
    let whole = daemon.get(RULES).await;
    assert_eq!(whole.body.iter().filter(|byte| **byte == b'\n').count(), 9_000);
}

/// Without a length, a client of HTTP/1.0 takes the end of the connection for the end of the body, even after a broken
/// transfer.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_feed_has_its_length_over_http_1_0_so_that_a_part_never_passes_for_the_whole() {
    let daemon = daemon().await;
    let token = daemon.token();
    for (encoding, marks) in [("identity", "\r\n"), ("gzip", "\r\ncontent-encoding: gzip\r\n")] {
        let asked = format!("GET {RULES} HTTP/1.0\r\nhost: x\r\ntoken: {token}\r\naccept-encoding: {encoding}\r\n\r\n");
        let answer = raw(daemon.addr, asked.as_bytes()).await;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        let head = format!("{}\r\n", head.to_ascii_lowercase());
        assert!(head.starts_with("http/1.0 200") && head.contains(marks), "{head}");
        assert!(head.contains("\r\ncontent-length: "), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
    let whole = daemon.get(RULES).await;
    let asked = format!("GET {RULES} HTTP/1.0\r\nhost: x\r\ntoken: {token}\r\n\r\n");
    let answer = raw(daemon.addr, asked.as_bytes()).await;
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.as_bytes(), &whole.body[..]);
}
