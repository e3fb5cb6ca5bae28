//! The second port of the example program, and its journal.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "../examples/serve/control.rs"]
mod control;
#[path = "../examples/serve/journal.rs"]
mod journal;
mod support;

use std::net::{SocketAddr, TcpListener};

use misp_sim::{BulkSite, Clock, Sim};
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error>;

/// Starts a stand-in as the program does; returns its address and that of the second port.
fn started(journal: &str) -> (SocketAddr, SocketAddr) {
    let clock = Clock::default();
    let journal = journal::Journal::open(journal, &clock).unwrap();
    let sim = Sim::builder().clock(clock.clone()).bulk_site(BulkSite::new(20, 200));
    let running = journal.replayed(sim, clock).start_now().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = (running.addr(), listener.local_addr().unwrap());
    std::thread::spawn(move || control::Control::new(running, Some(journal)).serve(&listener));
    addresses
}

fn control(to: SocketAddr, path: &str, body: &Value) -> Value {
    support::send(to, "POST", path, &[], body.to_string().as_bytes())
        .unwrap()
        .json()
}

/// Everything that a reader sees.
fn seen(sim: SocketAddr) -> (Vec<u8>, Vec<u8>) {
    let rows = support::search(sim, Sim::READER_KEY, r#"{"deleted":[0,1],"includeEventTags":1}"#).body;
    let events = support::post(sim, Sim::READER_KEY, "/events/restSearch", r#"{"metadata":1}"#).body;
    (rows, events)
}

#[test]
fn edits_come_over_http_and_are_there_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("edits");
    let journal = journal.to_str().unwrap();
    let (sim, port) = started(journal);
    let new = seen(sim);
    let tag = json!({"event": [1, {"tag": "example:x"}]});
    assert_eq!(control(port, "/sim/edit", &tag), json!({"added": [null]}));
    let attribute = json!([{"event": [2, {"add_attribute": {"type": "domain", "value": "new.example.com"}}]}]);
    assert_eq!(control(port, "/sim/edit", &attribute), json!({"added": [201]}));
    let drawn = control(
        port,
        "/sim/random",
        &json!({"seed": 3, "count": 50, "tags": ["example:y"]}),
    );
    assert_eq!(drawn.as_array().unwrap().len(), 50);
    let edited = seen(sim);
    assert_ne!(edited, new);
    // As a kill in the middle of a line leaves it.
    let mut text = std::fs::read(journal).unwrap();
    text.extend_from_slice(b"{\"at\":17");
    std::fs::write(journal, text).unwrap();
    let (again, port) = started(journal);
    assert_eq!(seen(again), edited);
    control(port, "/sim/edit", &json!({"event": [3, "delete"]}));
    assert_eq!(seen(started(journal).0), seen(again));
}

#[test]
fn faults_clock_and_traffic_are_set_over_http() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("edits");
    let (sim, port) = started(journal.to_str().unwrap());
    let ask = || support::post(sim, Sim::READER_KEY, "/events/index", r#"{"minimal":1}"#).status;
    control(
        port,
        "/sim/fault",
        &json!({"fault": {"status": 500}, "path": "/events/index", "times": 1}),
    );
    assert_eq!((ask(), ask()), (500, 200));
    let traffic = support::send(port, "GET", "/sim/traffic", &[], b"").unwrap().json();
    assert_eq!(
        (traffic["requests"].clone(), traffic["searches"].clone()),
        (2.into(), 0.into())
    );
    control(port, "/sim/traffic", &json!({}));
    let before = control(port, "/sim/clock", &json!({"advance": 0}))["now"]
        .as_i64()
        .unwrap();
    let after = control(port, "/sim/clock", &json!({"advance": 100}))["now"]
        .as_i64()
        .unwrap();
    assert!((100..110).contains(&(after - before)));
    let refused = support::send(port, "POST", "/sim/edit", &[], br#"{"event": [99, "publish"]}"#).unwrap();
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (400, "no event 99".into())
    );
}
