//! A MISP that fails: an error in time, nothing kept as empty, and the next request works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{Fault as Whose, Origin};
use misp_sim::{Attribute, Event, Fault, Moment};

use crate::support::{Bench, domains, lines, tag, wanted};

fn events() -> Vec<Event> {
    let many = (0..200).map(|number| Attribute::new("domain", format!("d{number:03}.example.com")));
    vec![many.fold(
        Event::new("one").tag(tag("block")).changed(Moment::Ago(3_600)),
        Event::attribute,
    )]
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Refuse,
        Fault::CloseEarly,
        Fault::Hang,
        Fault::HangInBody { after_bytes: 2_000 },
        Fault::CutOff {
            after_bytes: 2_000,
            chunked: false,
        },
        Fault::CutOff {
            after_bytes: 2_000,
            chunked: true,
        },
        Fault::CutOff {
            after_bytes: 0,
            chunked: false,
        },
        Fault::Html { status: 200 },
        Fault::Html { status: 502 },
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(429),
        Fault::Status(500),
        Fault::NotJson,
        Fault::LoginRedirect,
        Fault::SlowDrip {
            bytes: 1,
            pause: Duration::from_millis(50),
        },
        Fault::Late(Duration::from_secs(30)),
    ]
}

/// The same MISP and the same feeds, with a time-out of one second instead of a hundred.
fn impatient(bench: &Bench) -> feed_engine::Upstream {
    bench.with_rules("mispTimeoutSeconds: 1\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_an_error_in_time_and_the_next_request_works() {
    for fault in faults() {
        let bench = Bench::of(events()).await;
        bench.sim.set_fault(fault.clone());
        let began = Instant::now();
        let error = bench.engine.feed(&impatient(&bench), &domains()).await.unwrap_err();
        assert_eq!(error.fault(), Whose::Upstream, "{fault:?}: {}", error.chain());
        // The site's time-out is one second; the rest is for a busy machine.
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "{fault:?} took {:?}",
            began.elapsed()
        );
        bench.sim.clear_fault();
        let feed = bench.engine.feed(&bench.upstream, &domains()).await;
        assert_eq!(
            feed.map(|feed| feed.count).map_err(|error| error.chain()),
            Ok(200),
            "after {fault:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_serves_the_last_good_feed_once_there_is_one() {
    for fault in faults() {
        let bench = Bench::of(events()).await;
        let good = bench.engine.feed(&bench.upstream, &domains()).await.unwrap();
        bench.sim.set_fault(fault.clone());
        let feed = bench
            .engine
            .feed(&bench.upstream, &domains().max_age(Duration::ZERO))
            .await;
        // The clock of the test stands still, so an age of zero is still young enough; it must be an older answer.
        assert_eq!(feed.unwrap().origin, Origin::Hit);
        bench.grow_old(60);
        let feed = bench
            .engine
            .feed(&impatient(&bench), &domains().max_age(Duration::from_secs(30)))
            .await
            .unwrap();
        assert_eq!(
            (feed.origin, feed.body.whole(), &feed.etag),
            (Origin::Stale, good.body.whole(), &good.etag),
            "{fault:?}"
        );
        // The caller may have left before the refresh ended; how it ended is noted all the same.
        until_noted_as_failing(&bench).await;
    }
}

async fn until_noted_as_failing(bench: &Bench) {
    let noted = async {
        while !bench.ask(domains()).await.unwrap().refresh_failing {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noted)
        .await
        .expect("a refresh that fails is noted");
}

#[tokio::test]
async fn a_fault_in_the_list_of_unpublished_events_is_an_error_too() {
    let bench = Bench::of(events()).await;
    bench.sim.set_fault(Fault::Status(500).on("/events/restSearch"));
    assert_eq!(bench.ask(domains()).await.unwrap_err().fault(), Whose::Upstream);
}

#[tokio::test]
async fn a_cut_in_the_second_page_does_not_make_a_shorter_feed() {
    let bench = Bench::with_site(events(), "page_size: 150\n").await;
    bench.sim.set_fault(
        Fault::CutOff {
            after_bytes: 3_000,
            chunked: false,
        }
        .on("/attributes/restSearch")
        .after(1),
    );
    let outcome = bench.ask(domains()).await;
    assert!(outcome.is_err(), "{:?}", outcome.map(|feed| lines(&feed).len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_questions_at_a_time_than_the_site_may_be_asked() {
    let bench = Arc::new(Bench::of(events()).await);
    bench.sim.set_fault(Fault::Hang);
    for kind in IndicatorType::ALL.iter().take(8) {
        let (bench, request) = (Arc::clone(&bench), wanted(FeedName::Block, *kind));
        tokio::spawn(async move { bench.ask(request).await.map(|_| ()) });
    }
    while bench.sim.requests().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(bench.sim.requests().len(), 4);
}

#[tokio::test]
async fn a_key_that_misp_refuses_is_told_from_a_misp_that_fails() {
    let bench = Bench::of(events()).await;
    for (fault, is_refused) in [
        (Fault::Status(401), true),
        (Fault::Status(500), false),
        (Fault::Refuse, false),
    ] {
        bench.sim.set_fault(fault.clone());
        let error = bench.ask(domains()).await.unwrap_err();
        assert_eq!(error.is_key_refused(), is_refused, "{fault:?}: {}", error.chain());
        bench.grow_old(3_600);
    }
}
