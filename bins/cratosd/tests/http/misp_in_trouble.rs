//! MISP refuses, hangs, sends wrong data, or breaks off in the middle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_engine::ManualClock;
use futures_util::future::join_all;
use misp_sim::{Fault, Sim};

use crate::support::{Daemon, FEED, Setup, event};

/// The site's time-out is 2 s; the rest is a margin for a busy machine.
const LIMIT: Duration = Duration::from_millis(3_900);

fn faults() -> Vec<(Fault, u16)> {
    vec![
        (Fault::Refuse, 503),
        (Fault::CloseEarly, 503),
        (
            Fault::CutOff {
                after_bytes: 40,
                chunked: false,
            },
            503,
        ),
        (
            Fault::CutOff {
                after_bytes: 40,
                chunked: true,
            },
            503,
        ),
        (Fault::Html { status: 200 }, 503),
        (Fault::Html { status: 502 }, 503),
        (Fault::Status(403), 503),
        (Fault::Status(404), 503),
        (Fault::Status(405), 503),
        (Fault::Status(429), 503),
        (Fault::Status(500), 503),
        (Fault::NotJson, 503),
        (Fault::LoginRedirect, 503),
        (Fault::EverythingUnfiltered, 503),
        (Fault::Hang, 504),
        (Fault::HangInBody { after_bytes: 40 }, 504),
        (
            Fault::SlowDrip {
                bytes: 1,
                pause: Duration::from_millis(500),
            },
            504,
        ),
    ]
}

/// Returns a MISP with more unrelated values than an answer may contain, so that an unfiltered answer is recognised.
fn sim() -> misp_sim::SimBuilder {
    let others: Vec<String> = (0..100).map(|last| format!("203.0.113.{last}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .event(event("sinkhole", &others))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_last_good_feed_every_fault_is_503_or_504_in_time_and_the_next_request_works() {
    join_all(
        faults()
            .into_iter()
            .map(|(fault, status)| fails_and_recovers(fault, status)),
    )
    .await;
}

async fn fails_and_recovers(fault: Fault, status: u16) {
    let daemon = Daemon::with(Setup {
        sim: sim(),
        ..Setup::default()
    })
    .await;
    daemon.sim.set_fault(fault.clone());
    let started = Instant::now();
    let answer = daemon.get(FEED).await;
    assert!(started.elapsed() < LIMIT, "{fault:?} took {:?}", started.elapsed());
    assert_eq!(answer.status.as_u16(), status, "{fault:?}: {:?}", answer.body);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{fault:?}");
    let words = answer.detail();
    let words = words.as_str().unwrap();
    assert!(
        words.len() > 20 && !words.contains(Sim::READER_KEY),
        "{fault:?}: {words}"
    );
    daemon.sim.clear_fault();
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"), "after {fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_feed_is_served_while_misp_fails() {
    join_all(faults().into_iter().map(|(fault, _)| goes_on(fault))).await;
}

async fn goes_on(fault: Fault) {
    let clock = Arc::new(ManualClock::new());
    let setup = Setup {
        sim: sim(),
        ..Setup::site_with("memcached_all_timeout: 1\n")
    };
    let daemon = Daemon::with(setup.clock(&clock)).await;
    let good = daemon.get(FEED).await;
    daemon.sim.set_fault(fault.clone());
    // A caller that insists on a fresh answer waits, and then gets the last good feed.
    clock.advance(Duration::from_millis(1_100));
    let stale = daemon.get(&format!("{FEED}?cache=1")).await;
    assert_eq!(
        (stale.feed(), stale.header("x-cache")),
        ((200, "198.51.100.7"), "STALE"),
        "{fault:?}"
    );
    assert_eq!(stale.header("etag"), good.header("etag"));
    assert!(stale.header("age").parse::<u64>().unwrap() >= 1);
    assert_eq!(stale.header("cache-control"), "private, max-age=0");
    daemon.sim.clear_fault();
    let fresh = daemon.get(&format!("{FEED}?cache=1")).await;
    assert_eq!(fresh.header("x-cache"), "MISS", "after {fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_answer_warns_once_misp_is_known_to_fail() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::site_with("memcached_all_timeout: 1\n").clock(&clock)).await;
    daemon.get(FEED).await;
    daemon.sim.set_fault(Fault::Status(500));
    clock.advance(Duration::from_millis(1_100));
    let insisting = daemon.get(&format!("{FEED}?cache=1")).await;
    assert_eq!(insisting.header("warning"), "110 - \"Response is Stale\"");
    let patient = daemon.get(FEED).await;
    assert_eq!(
        (patient.header("x-cache"), patient.header("warning")),
        ("STALE", "110 - \"Response is Stale\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_soft_expiry_the_old_feed_is_served_while_a_new_one_is_fetched() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::site_with("memcached_all_timeout: 1\n").clock(&clock)).await;
    daemon.get(FEED).await;
    daemon
        .sim
        .edit(|store| store.add_event(event("block", &["198.51.100.8"])));
    clock.advance(Duration::from_millis(1_100));
    let old = daemon.get(FEED).await;
    assert_eq!((old.text(), old.header("x-cache")), ("198.51.100.7", "STALE"));
    assert!(!old.headers.contains_key("warning"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while daemon.get(FEED).await.text() != "198.51.100.7\r\n198.51.100.8" {
        assert!(Instant::now() < deadline, "the refresh never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_max_stale_nothing_old_is_served() {
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(Setup::site_with("memcached_all_timeout: 1\nmax_stale: 2s\n").clock(&clock)).await;
    daemon.get(FEED).await;
    daemon.sim.set_fault(Fault::Refuse);
    clock.advance(Duration::from_millis(2_200));
    assert_eq!(daemon.get(FEED).await.status, 503);
}
