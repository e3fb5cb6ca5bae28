//! A device that keeps its connection open and sends the same bytes again: its requests are answered below HTTP, and
//! must never be answered differently than a first one would be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use feed_engine::ManualClock;
use token_crypto::token_sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Daemon, FEED, SITE, Setup, event};

/// So often that the last requests are answered below HTTP.
const OFTEN: usize = 4;

/// A connection that stays open.
struct Kept {
    stream: TcpStream,
}

/// An answer as it came.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Without the date and the age.
    head: Vec<String>,
    body: String,
}

impl Kept {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream }
    }

    async fn ask(&mut self, request: &str) -> Answer {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines: Vec<String> = head.trim_end().lines().map(str::to_owned).collect();
        assert_eq!(lines.iter().filter(|line| line.starts_with("date: ")).count(), 1);
        lines.retain(|line| !line.starts_with("date: ") && !line.starts_with("age: "));
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let has_body = status != 304 && !request.starts_with("HEAD ");
        let mut body = vec![0; length.filter(|_| has_body).map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.unwrap();
        Answer {
            status,
            head: lines,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    async fn ask_often(&mut self, request: &str) -> Answer {
        let first = self.ask(request).await;
        for _ in 1..OFTEN {
            assert_eq!(self.ask(request).await.status, first.status);
        }
        self.ask(request).await
    }
}

fn request(method: &str, token: &str, fields: &str) -> String {
    format!("{method} {FEED} HTTP/1.1\r\nHost: cratos\r\ntoken: {token}\r\n{fields}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_on_a_kept_connection_is_that_of_a_new_connection() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let first = Kept::to(daemon.addr).await.ask(&request("GET", &token, "")).await;
    let etag = first.head.iter().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let known = format!("If-None-Match: {etag}\r\n");
    let mut kept = Kept::to(daemon.addr).await;
    for (method, fields, status) in [
        ("GET", "", 200),
        ("HEAD", "", 200),
        ("GET", &*known, 304),
        ("GET", "If-None-Match: \"x\"\r\nUser-Agent: fw\r\n", 200),
        ("GET", "Accept-Encoding: gzip\r\nX-Forwarded-Proto: https\r\n", 200),
    ] {
        let request = request(method, &token, fields);
        // Once before: the first answer to a request is not one out of memory.
        Kept::to(daemon.addr).await.ask(&request).await;
        let alone = Kept::to(daemon.addr).await.ask(&request).await;
        assert_eq!(alone.status, status);
        for _ in 0..OFTEN {
            assert_eq!(kept.ask(&request).await, alone, "{method} {fields}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_is_refused_on_its_kept_connection() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let (mut kept, request) = (Kept::to(daemon.addr).await, request("GET", &token, ""));
    assert_eq!(kept.ask_often(&request).await.status, 200);
    let digest = token_sha256(&token);
    daemon.rewrite_site(&format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n"));
    let refused = kept.ask(&request).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("blacklisted"), "{}", refused.body);
    daemon.rewrite_site(SITE);
    assert_eq!(kept.ask_often(&request).await.status, 200);
    daemon.rewrite_site(&SITE.replace("127.0.0.0/8", "192.0.2.0/24"));
    assert_eq!(kept.ask(&request).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_changes_changes_on_a_kept_connection() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::default().clock(&clock)).await;
    let (mut kept, request) = (Kept::to(daemon.addr).await, request("GET", &daemon.token(), ""));
    let before = kept.ask_often(&request).await;
    assert_eq!(before.body, "198.51.100.7");
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    clock.advance(Duration::from_secs(86_400));
    for _ in 0..OFTEN {
        assert_eq!(kept.ask(&request).await.body, "198.51.100.7\r\n198.51.100.8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_a_kept_connection_count_towards_the_limit_of_their_token_and_in_the_metrics() {
    let daemon = Daemon::with(Setup {
        core: "token_limits: { burst: 6, per_second: 1 }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let (mut kept, request) = (Kept::to(daemon.addr).await, request("GET", &daemon.token(), ""));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = kept.ask(&request).await;
        if answer.status == 429 {
            assert!(
                answer.head.iter().any(|line| line == "retry-after: 1"),
                "{:?}",
                answer.head
            );
            assert!(answer.body.starts_with('{'), "{}", answer.body);
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..6], [200; 6]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let given = statuses.iter().filter(|status| **status == 200).count();
    let metrics = daemon.get("/metrics").await;
    let repeated = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("cratos_requests_repeated_total "));
    // A request that comes while hyper still looks after the one before goes to hyper.
    assert!(repeated.unwrap().parse::<f64>().unwrap() >= 3.0, "{repeated:?}");
    let counts: Vec<&str> = metrics
        .text()
        .lines()
        .filter(|line| line.contains("/v1/feed/") && line.contains("status=\"200\""))
        .collect();
    assert!(
        counts.iter().any(|line| line.ends_with(&format!(" {given}"))),
        "{given}: {counts:#?}"
    );
}

/// A proxy may send the requests of several callers on one connection.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_share_a_kept_connection_get_what_their_own_tokens_open() {
    let daemon = Daemon::start().await;
    let good = request("GET", &daemon.token(), "");
    let narrow = daemon.seal(
        &daemon
            .claims()
            .with_scope(token_crypto::Scope::new().with_feeds(["alert"])),
    );
    let narrow = request("GET", &narrow, "");
    // As long as the good one, and different in its token only.
    let wrong = good.replacen("token: ", "token: x", 1).replacen("Host: c", "Host: ", 1);
    assert_eq!(wrong.len(), good.len());
    let mut kept = Kept::to(daemon.addr).await;
    for _ in 0..OFTEN {
        assert_eq!(kept.ask_often(&good).await.status, 200);
        assert_eq!(kept.ask(&narrow).await.status, 403);
        assert_eq!(kept.ask(&narrow).await.status, 403);
        assert_eq!(kept.ask_often(&good).await.status, 200);
        assert_eq!(kept.ask(&wrong).await.status, 403);
    }
}
