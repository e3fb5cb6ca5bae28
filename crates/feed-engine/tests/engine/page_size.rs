//! Pages follow the time that MISP takes for them.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::MispSource;
use misp_sim::{Bulk, Fault, Sim, SimBuilder};

use crate::support::{Bench, tag, wanted};

fn addresses(count: usize) -> SimBuilder {
    Sim::builder().bulk(Bulk::new(count, "ip-dst").event_tag(tag("block").as_str()))
}

/// The sizes of the pages that the feed itself was asked for in, places of single rows left out.
fn sizes(bench: &Bench) -> Vec<u64> {
    let bodies = bench.sim.requests().into_iter().filter_map(|request| request.body);
    let own = bodies.filter(|body| body["enforceWarninglist"] == 1 && body["limit"] != 1);
    own.map(|body| body["limit"].as_u64().unwrap()).collect()
}

async fn blocked(bench: &Bench) -> u64 {
    bench.grow_old(1);
    let request = wanted(FeedName::Block, IndicatorType::Ipv4).max_age(Duration::ZERO);
    bench.ask(request).await.unwrap().count
}

#[tokio::test]
async fn slow_warning_lists_make_pages_small_and_the_feed_stays_whole() {
    let bench = Bench::on(addresses(3_000), "").await;
    // The first 2 500 rows take 5.5 s, against a target of 5 s.
    bench.sim.set_warninglist_time(Duration::from_micros(2_200));
    assert_eq!(blocked(&bench).await, 3_000);
    assert_eq!(
        sizes(&bench),
        [2_500, 1_250],
        "a careful start, and then the largest size below 2 272 that goes on without reading a row twice"
    );
}

#[tokio::test]
async fn a_page_that_times_out_is_asked_for_again_with_fewer_rows() {
    let bench = Bench::on(addresses(600), "mispTimeoutSeconds: 6\n").await;
    // A page gets half of the time-out if it can be made smaller.
    let late = Fault::Late(Duration::from_secs(5))
        .on("/attributes/restSearch")
        .times(1);
    bench.sim.set_fault(late);
    assert_eq!(blocked(&bench).await, 600);
    assert_eq!(sizes(&bench), [2_500, 625]);
    bench.sim.clear_requests();
    assert_eq!(blocked(&bench).await, 600);
    assert_eq!(sizes(&bench), [625], "the next reading begins with what is known");
}

#[tokio::test]
async fn a_misp_that_hangs_is_asked_twice_and_then_left_alone() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(addresses(10), Arc::clone(&source), "mispTimeoutSeconds: 2\n").await;
    bench.sim.set_fault(Fault::Hang);
    let began = std::time::Instant::now();
    let error = bench
        .ask(wanted(FeedName::Block, IndicatorType::Ipv4))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{}", error.chain());
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(bench.sim.searches(), 2);
    let seen: Vec<(u64, u64)> = source.pages().iter().map(|seen| (seen.pages, seen.timed_out)).collect();
    assert_eq!(seen, [(0, 2)], "pages that never came are counted too");
}

#[tokio::test]
async fn quick_pages_grow_to_the_page_size_of_the_site_and_the_next_reading_begins_with_them() {
    let bench = Bench::on(addresses(10_000), "page_size: 5000\n").await;
    assert_eq!(blocked(&bench).await, 10_000);
    assert_eq!(sizes(&bench), [2_500, 2_500, 5_000, 5_000]);
    bench.sim.clear_requests();
    assert_eq!(blocked(&bench).await, 10_000);
    assert_eq!(sizes(&bench), [5_000, 5_000, 5_000]);
}

#[tokio::test]
async fn the_time_of_pages_is_counted_by_site_and_by_warning_lists() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(addresses(10), Arc::clone(&source), "").await;
    assert!(source.pages().is_empty());
    bench.sim.set_warninglist_time(Duration::from_millis(20));
    assert_eq!(blocked(&bench).await, 10);
    let seen = source.pages();
    let kinds: Vec<(&str, bool, u64)> = seen
        .iter()
        .map(|seen| (seen.site.as_str(), seen.warninglists, seen.pages))
        .collect();
    assert_eq!(kinds, [("127.0.0.1", false, 2), ("127.0.0.1", true, 1)]);
    assert!(seen[1].spent >= Duration::from_millis(200), "{seen:?}");
}
