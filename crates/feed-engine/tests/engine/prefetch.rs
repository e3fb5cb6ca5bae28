//! Feeds that are polled regularly are fresh when the next poll comes.

use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::{LookupScope, Origin};

use crate::scripted_source::{Stage, pass};
use crate::support::lines;

/// Polls every so many seconds; each time the list has another value, and the one before is withdrawn.
async fn poll_every(seconds: u64, polls: usize) -> (Stage, Vec<Origin>) {
    let stage = Stage::of(&["v0.example"], "");
    stage.source.takes(Duration::from_secs(5));
    let mut origins = Vec::new();
    for number in 0..polls {
        let answer = stage.ask().await;
        assert_eq!(lines(&answer), [format!("v{number}.example")], "poll {number}");
        origins.push(answer.origin);
        // MISP is edited in the middle between two polls.
        pass(seconds / 2).await;
        stage.source.set(&[&format!("v{}.example", number + 1)]);
        pass(seconds - seconds / 2).await;
    }
    (stage, origins)
}

#[tokio::test(start_paused = true)]
async fn an_hourly_poller_gets_the_list_of_now_and_after_three_polls_without_a_wait() {
    let (stage, origins) = poll_every(3_600, 8).await;
    assert_eq!(origins[..3], [Origin::Miss; 3]);
    assert_eq!(origins[3..], [Origin::Hit; 5]);
    // One for each of the eight polls, and one for the ninth, which is due now.
    assert_eq!(stage.source.asked(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_daily_poller_gets_the_list_of_now() {
    let (stage, origins) = poll_every(86_400, 6).await;
    assert_eq!(
        (origins[..3].to_vec(), origins[3..].to_vec()),
        (vec![Origin::Miss; 3], vec![Origin::Hit; 3])
    );
    assert_eq!(stage.source.asked(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_poller_of_every_minute_is_never_given_a_stale_feed_and_costs_no_more_than_before() {
    let stage = Stage::of(&["a.example"], "");
    let mut stale = 0;
    for _ in 0..600 {
        stale += usize::from(stage.ask().await.origin == Origin::Stale);
        pass(60).await;
    }
    // Until the rhythm is known.
    assert!(stale <= 3, "{stale}");
    // Ten hours of one refresh in 240 s.
    assert!(stage.source.asked() <= 151, "{}", stage.source.asked());
}

#[tokio::test(start_paused = true)]
async fn when_the_polls_stop_misp_is_asked_once_more_at_most() {
    let (stage, _) = poll_every(3_600, 5).await;
    let asked = stage.source.asked();
    pass(30 * 86_400).await;
    assert!(stage.source.asked() <= asked + 1);
    // And it begins again with the polls.
    for _ in 0..4 {
        stage.ask().await;
        pass(3_600).await;
    }
    assert_eq!(stage.ask().await.origin, Origin::Hit);
}

#[tokio::test(start_paused = true)]
async fn two_hourly_pollers_at_different_minutes_both_find_it_fresh() {
    let stage = Stage::of(&["a.example"], "");
    let mut origins = Vec::new();
    for _ in 0..6 {
        for minutes in [20, 40] {
            origins.push(stage.ask().await.origin);
            pass(minutes * 60).await;
        }
    }
    assert_eq!(origins[6..], [Origin::Hit; 6]);
    assert!(stage.source.asked() <= origins.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn irregular_polls_cost_misp_one_question_each() {
    let stage = Stage::of(&["a.example"], "");
    let pauses = [900, 5_000, 1_700, 11_000, 2_900, 7_100, 19_000, 1_200];
    for pause in pauses {
        stage.ask().await;
        pass(pause).await;
    }
    assert_eq!(stage.source.asked(), pauses.len());
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_used_regularly_is_fresh_when_it_is_used() {
    let stage = Stage::of(&[], "");
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Weeks1,
    };
    let mut fresh_for = Duration::ZERO;
    for _ in 0..5 {
        fresh_for = stage.engine.lookup_index(&stage.upstream, scope).await.unwrap().1;
        pass(3_600).await;
    }
    assert!((230..=241).contains(&fresh_for.as_secs()), "{fresh_for:?}");
}
