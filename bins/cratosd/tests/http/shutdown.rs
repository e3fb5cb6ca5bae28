//! The end of serving.

use std::time::Duration;

use misp_sim::Sim;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ask, Daemon, FEED, Setup, event};

#[tokio::test(flavor = "multi_thread")]
async fn answers_under_way_are_finished_and_new_connections_refused() {
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .latency(Duration::from_millis(400));
    let mut daemon = Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await;
    let under_way = tokio::spawn(Ask::get(FEED).header("token", daemon.token()).send(daemon.addr));
    while daemon.sim.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let addr = daemon.addr;
    let ended = tokio::time::timeout(Duration::from_secs(10), daemon.stop())
        .await
        .unwrap()
        .unwrap();
    assert!(ended.is_ok());
    assert_eq!(under_way.await.unwrap().feed(), (200, "198.51.100.7"));
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_wait_for_nothing_do_not_delay_the_end() {
    let mut daemon = Daemon::start().await;
    let _silent = TcpStream::connect(daemon.addr).await.unwrap();
    daemon.send(Ask::get("/healthz")).await;
    tokio::time::timeout(Duration::from_secs(25), daemon.stop())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_client_that_asks_while_the_daemon_ends_is_answered() {
    let mut daemon = Daemon::start().await;
    let mut stream = TcpStream::connect(daemon.addr).await.unwrap();
    // The request for the page uses one of the two connections.
    while !daemon
        .send(Ask::get("/metrics"))
        .await
        .text()
        .contains("cratos_connections 2\n")
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let addr = daemon.addr;
    let ended = daemon.stop();
    while TcpStream::connect(addr).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    let ended = tokio::time::timeout(Duration::from_secs(25), ended).await;
    assert!(ended.unwrap().unwrap().is_ok());
}
