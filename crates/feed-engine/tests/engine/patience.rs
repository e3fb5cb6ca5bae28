//! Callers that get an older feed at once, callers that wait for MISP, and for how long.

use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::{LookupScope, Origin};
use tokio::time::Instant;

use crate::scripted_source::{Stage, pass};
use crate::support::{domains, lines};

#[tokio::test(start_paused = true)]
async fn up_to_twice_the_soft_expiry_the_old_feed_is_served_while_misp_is_asked() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&["b.example"]);
    stage.source.takes(Duration::from_secs(10));
    pass(599).await;
    let began = Instant::now();
    let old = stage.ask().await;
    assert_eq!((old.origin, lines(&old)), (Origin::Stale, vec!["a.example".to_owned()]));
    assert!(!old.refresh_failing && began.elapsed().is_zero());
    pass(11).await;
    assert_eq!(lines(&stage.ask().await), ["b.example"]);
}

#[tokio::test(start_paused = true)]
async fn beyond_twice_the_soft_expiry_a_caller_waits_for_misp() {
    let stage = Stage::of(&["a.example", "withdrawn.example"], "");
    stage.ask().await;
    stage.source.set(&["a.example"]);
    stage.source.takes(Duration::from_secs(19));
    pass(600).await;
    let now = stage.ask().await;
    assert_eq!((now.origin, lines(&now)), (Origin::Miss, vec!["a.example".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_20_seconds_at_most_and_then_gets_the_last_good_feed_with_a_warning() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&["b.example"]);
    stage.source.takes(Duration::from_secs(60));
    pass(86_400).await;
    let began = Instant::now();
    let late = stage.ask().await;
    assert_eq!(began.elapsed().as_secs(), 20);
    assert_eq!((late.origin, late.refresh_failing), (Origin::Stale, true));
    assert_eq!(
        (lines(&late), late.fresh_for),
        (vec!["a.example".to_owned()], Duration::ZERO)
    );
    // The same refresh is still under way: the next callers need not find that out again.
    let began = Instant::now();
    assert_eq!(stage.ask().await.origin, Origin::Stale);
    assert_eq!(began.elapsed().as_secs(), 2);
    // The refresh goes on, and a later caller gets its result.
    pass(60).await;
    let now = stage.ask().await;
    assert_eq!(
        (now.origin, now.refresh_failing, lines(&now)),
        (Origin::Hit, false, vec!["b.example".to_owned()])
    );
    assert_eq!(stage.source.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_caller_waits_longer_than_the_time_out_of_the_site() {
    let stage = Stage::of(&["a.example"], "mispTimeoutSeconds: 7\n");
    stage.ask().await;
    stage.source.takes(Duration::from_secs(60));
    pass(3_600).await;
    let began = Instant::now();
    assert!(stage.ask().await.refresh_failing);
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn after_a_recent_failure_a_caller_waits_two_seconds_and_a_day_later_again_in_full() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.fails(true);
    pass(3_600).await;
    assert!(stage.ask().await.refresh_failing);
    let asked = stage.source.asked();
    // So soon after a failure MISP is not asked at all.
    let again = stage.ask().await;
    assert_eq!((again.origin, again.refresh_failing), (Origin::Stale, true));
    assert_eq!(stage.source.asked(), asked);
    stage.source.fails(false);
    stage.source.set(&["b.example"]);
    stage.source.takes(Duration::from_secs(15));
    pass(240).await;
    let began = Instant::now();
    assert_eq!(stage.ask().await.origin, Origin::Stale);
    assert_eq!(began.elapsed().as_secs(), 2);
    stage.source.fails(true);
    pass(15).await;
    stage.source.fails(false);
    stage.source.takes(Duration::from_secs(19));
    pass(86_400).await;
    let next_day = stage.ask().await;
    assert_eq!(
        (next_day.origin, lines(&next_day)),
        (Origin::Miss, vec!["b.example".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_max_age_waits_up_to_the_time_out_of_the_site_and_takes_an_answer_of_that_age() {
    let stage = Stage::of(&["a.example"], "mispTimeoutSeconds: 100\n");
    stage.ask().await;
    stage.source.set(&["b.example"]);
    stage.source.takes(Duration::from_secs(60));
    pass(3_000).await;
    let allowed = stage.ask_for(domains().max_age(Duration::from_secs(3_600))).await;
    assert_eq!(
        (allowed.origin, lines(&allowed)),
        (Origin::Stale, vec!["a.example".to_owned()])
    );
    let insisting = stage.ask_for(domains().max_age(Duration::from_secs(60))).await;
    assert_eq!(
        (insisting.origin, lines(&insisting)),
        (Origin::Miss, vec!["b.example".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn look_ups_wait_by_the_same_rule() {
    let stage = Stage::of(&[], "");
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Weeks1,
    };
    let look_up = async || {
        let began = Instant::now();
        let (_, fresh_for) = stage.engine.lookup_index(&stage.upstream, scope).await.unwrap();
        (began.elapsed().as_secs(), fresh_for.as_secs())
    };
    assert_eq!(look_up().await, (0, 300));
    stage.source.takes(Duration::from_secs(15));
    pass(599).await;
    assert_eq!(look_up().await, (0, 0));
    pass(2_000).await;
    assert_eq!(look_up().await, (15, 300));
    stage.source.takes(Duration::from_secs(60));
    pass(10_000).await;
    assert_eq!(look_up().await, (20, 0));
    pass(6).await;
    assert_eq!(look_up().await, (2, 0));
    pass(60).await;
    assert_eq!(look_up().await.0, 0);
}
