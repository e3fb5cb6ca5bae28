//! MISP publishes changes over ZeroMQ; the publisher here is the real libzmq.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use misp_sim::Moment;
use test_peers::{Peer, free_port, python_with};

use crate::support::{Daemon, Setup, event};

const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";

/// Publishes a frame each time the file beside it is replaced.
struct Publisher {
    _peer: Peer,
    folder: tempfile::TempDir,
}

impl Publisher {
    fn start(port: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/support/publisher.py");
        let mut command = Command::new(python_with(&["zmq"])?);
        command.arg(script).arg(port.to_string()).arg(folder.path());
        Some(Self {
            _peer: Peer::start(&mut command),
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the daemon has subscribed.
    async fn has_subscriber(&self) {
        until("the daemon subscribes", || self.path("subscribed").exists()).await;
    }

    fn publish(&self, frame: &str) {
        std::fs::write(self.path("new"), frame).unwrap();
        std::fs::rename(self.path("new"), self.path("frame")).unwrap();
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn following(port: u16) -> Daemon {
    Daemon::with(Setup::site_with(&format!("zmq_url: tcp://127.0.0.1:{port}\n"))).await
}

async fn feed_has(daemon: &Daemon, count: &str) -> Duration {
    let began = Instant::now();
    while daemon.get(FEED).await.header("x-feed-count") != count {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn a_publication_makes_a_fresh_feed_fresher() {
    let port = free_port();
    let Some(publisher) = Publisher::start(port) else {
        return;
    };
    let daemon = following(port).await;
    assert_eq!(daemon.get(FEED).await.header("x-feed-count"), "1");
    publisher.has_subscriber().await;
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"]).changed(Moment::Ago(60))));
    publisher.publish(r#"misp_json {"Event":{"id":"2","published":false,"Attribute":[{"id":"9","type":"ip-dst"}]}}"#);
    // Without the hint, the daemon would wait for the site's five minutes.
    let took = feed_has(&daemon, "2").await;
    println!("a publication was in the feed after {took:?}");
}

#[tokio::test]
async fn an_unaffected_feed_is_not_asked_for() {
    let port = free_port();
    let Some(publisher) = Publisher::start(port) else {
        return;
    };
    let daemon = following(port).await;
    publisher.has_subscriber().await;
    daemon.get(FEED).await;
    // Once the page counts the message, the hint of the new connection is used up.
    let page = async || {
        daemon
            .send(crate::support::Ask::get("/metrics"))
            .await
            .text()
            .to_owned()
    };
    publisher.publish(r#"misp_json_attribute {"Attribute":{"id":"1","type":"yara","value":"x"},"action":"add"}"#);
    while !page().await.contains("cratos_zmq_messages_total{site=\"127.0.0.1\"} 1") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(page().await.contains("cratos_zmq_up{site=\"127.0.0.1\"} 1"));
    assert_eq!(daemon.get(FEED).await.status, 200);
}

#[tokio::test]
async fn a_publisher_that_is_not_there_changes_nothing() {
    let daemon = following(free_port()).await;
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    let page = daemon.send(crate::support::Ask::get("/metrics")).await;
    assert!(!page.text().contains("cratos_zmq_up{site=\"127.0.0.1\"} 1"));
}
