//! A thousand callers at once.

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use misp_sim::Sim;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Daemon, FEED, Setup, event};

/// Uses HTTP/2: a thousand requests then need ten sockets, which is below the usual limit of open files in a shell.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_of_a_cold_feed_cost_misp_one_question() {
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .latency(Duration::from_millis(300));
    let daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let token = daemon.token();
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let stream = TokioIo::new(TcpStream::connect(daemon.addr).await.unwrap());
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        for _ in 0..100 {
            let mut sender = sender.clone();
            let uri = format!("http://{}{FEED}", daemon.addr);
            let request = http::Request::get(uri)
                .header("token", &token)
                .body(Empty::<bytes::Bytes>::new())
                .unwrap();
            callers.spawn(async move {
                let response = sender.send_request(request).await.unwrap();
                let status = response.status();
                (status, response.into_body().collect().await.unwrap().to_bytes())
            });
        }
    }
    let mut answers = 0;
    while let Some(answer) = callers.join_next().await {
        let (status, body) = answer.unwrap();
        assert_eq!((status.as_u16(), &body[..]), (200, &b"198.51.100.7"[..]));
        answers += 1;
    }
    assert_eq!(answers, 1_000);
    let questions = daemon
        .sim
        .requests()
        .iter()
        .filter(|request| request.is_search() && is_for_block(request))
        .count();
    assert_eq!(questions, 1);
}

/// Returns whether this search is for the feed itself; the second search of a feed is for its false positives.
fn is_for_block(request: &misp_sim::LoggedRequest) -> bool {
    request
        .body
        .as_ref()
        .is_some_and(|body| body.to_string().contains("incident-classification=block"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_does_not_stop_the_others() {
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .latency(Duration::from_millis(300));
    let daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let leaving = tokio::time::timeout(Duration::from_millis(100), daemon.get(FEED));
    assert!(leaving.await.is_err());
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    let questions = daemon
        .sim
        .requests()
        .iter()
        .filter(|request| request.is_search() && is_for_block(request))
        .count();
    assert_eq!(questions, 1);
}
