//! A source that answers from a copy: its answers are as old as the last confirmation of the copy.

use std::time::Duration;

use feed_engine::{FeedError, LookupScope, Origin};

use crate::scripted_source::{Stage, pass};
use crate::support::{domains, lines};

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn ago(seconds: u64) -> jiff::Timestamp {
    now() - Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_as_old_as_the_last_confirmation_of_the_copy() {
    let stage = Stage::of(&["a.example"], "");
    stage.source.confirmed(ago(100));
    let feed = stage.ask().await;
    assert_eq!((feed.origin, feed.refresh_failing), (Origin::Miss, false));
    assert!((100..105).contains(&feed.age.as_secs()), "{:?}", feed.age);
    assert!((195..=200).contains(&feed.fresh_for.as_secs()), "{:?}", feed.fresh_for);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_behind_counts_as_a_failed_refresh() {
    let stage = Stage::of(&["a.example"], "");
    stage.source.confirmed(ago(1_000));
    for _ in 0..3 {
        let feed = stage.ask().await;
        assert_eq!((feed.origin, feed.refresh_failing), (Origin::Stale, true));
        assert_eq!(
            (lines(&feed), feed.fresh_for),
            (vec!["a.example".to_owned()], Duration::ZERO)
        );
        assert!((1_000..1_005).contains(&feed.age.as_secs()), "{:?}", feed.age);
    }
    assert_eq!(stage.source.asked(), 1, "the source rests after a failure");
    let site = stage.engine.refreshes().remove("127.0.0.1").unwrap();
    assert_eq!((site.succeeded, site.failed, site.is_failing), (0, 1, true));
    stage.source.confirmed(now());
    pass(6).await;
    let feed = stage.ask().await;
    assert_eq!((feed.origin, feed.refresh_failing), (Origin::Miss, false));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_behind_does_not_replace_younger_values() {
    let stage = Stage::of(&["a.example"], "");
    stage.source.confirmed(ago(200));
    stage.ask().await;
    stage.source.set(&["b.example"]);
    stage.source.confirmed(ago(1_000));
    pass(700).await;
    let feed = stage.ask().await;
    assert_eq!(
        (lines(&feed), feed.origin),
        (vec!["a.example".to_owned()], Origin::Stale)
    );
    assert!(feed.refresh_failing);
}

#[tokio::test(start_paused = true)]
async fn a_copy_beyond_max_stale_is_not_served() {
    let stage = Stage::of(&["a.example"], "max_stale: 1h\n");
    stage.source.confirmed(ago(3_601));
    let error = stage.engine.feed(&stage.upstream, &domains()).await.unwrap_err();
    assert!(matches!(error, FeedError::Unconfirmed { seconds: 3_601.. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_max_age_says_since_when_the_copy_must_be_confirmed() {
    let stage = Stage::of(&["a.example"], "");
    stage.source.confirmed(ago(20));
    stage.ask().await;
    assert_eq!(stage.source.wanted_since(), None);
    let feed = stage.ask_for(domains().max_age(Duration::from_secs(10))).await;
    let wanted = stage.source.wanted_since().unwrap();
    assert!((10..15).contains(&now().duration_since(wanted).as_secs()), "{wanted}");
    assert!(feed.refresh_failing, "the copy is older than that");
    stage.source.confirmed(ago(1));
    let feed = stage.ask_for(domains().max_age(Duration::from_secs(10))).await;
    assert!(!feed.refresh_failing);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_feed_must_be_confirmed_since() {
    let stage = Stage::of(&["a.example"], "");
    stage.source.confirmed(ago(20));
    stage.ask().await;
    let before = now();
    stage.engine.forget(&stage.upstream, domains().scope);
    let feed = stage.ask().await;
    assert!(stage.source.wanted_since().unwrap() >= before);
    assert_eq!((feed.origin, feed.refresh_failing), (Origin::Stale, true));
    stage.source.confirmed(now());
    let feed = stage.ask().await;
    assert_eq!(
        (feed.origin, feed.refresh_failing),
        (Origin::Miss, false),
        "it is still to be asked for"
    );
    assert_eq!(stage.ask().await.origin, Origin::Hit);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_sure_empties_a_feed_at_once() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    stage.source.is_sure();
    pass(601).await;
    assert_eq!((stage.ask().await.count, stage.source.asked()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn an_index_is_as_old_as_the_last_confirmation_of_the_copy() {
    let stage = Stage::of(&[], "max_stale: 1h\n");
    let scope = LookupScope {
        feed: feed_classification::FeedName::Block,
        age: feed_classification::Age::Weeks1,
    };
    let ask = async || stage.engine.lookup_index(&stage.upstream, scope).await;
    stage.source.confirmed(ago(100));
    ask().await.unwrap();
    let (_, fresh_for) = ask().await.unwrap();
    assert!((195..=200).contains(&fresh_for.as_secs()), "{fresh_for:?}");
    stage.source.confirmed(ago(1_000));
    pass(601).await;
    assert_eq!(ask().await.unwrap().1, Duration::ZERO);
    assert_eq!(stage.source.asked(), 2);
    stage.source.confirmed(ago(4_000));
    pass(3_600).await;
    assert!(matches!(ask().await, Err(FeedError::Unconfirmed { .. })));
}
