//! Changes that a source notices by itself.

use std::time::Duration;

use feed_classification::{FeedName, IndicatorType, TypeSet};
use feed_engine::{ChangeHint, Origin};
use site_config::SiteName;

use crate::scripted_source::{Stage, pass, upstream};
use crate::support::{domains, lines, wanted};

fn of(kind: IndicatorType) -> ChangeHint {
    ChangeHint::IndicatorTypes(TypeSet::of(&[kind]))
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_gathered_anew_when_its_source_announces_a_change() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&["b.example"]);
    stage.source.announce(&stage.upstream, &of(IndicatorType::Domain));
    pass(1).await;
    let feed = stage.ask().await;
    assert_eq!((lines(&feed), feed.origin), (vec!["b.example".to_owned()], Origin::Hit));
}

#[tokio::test(start_paused = true)]
async fn feeds_of_other_types_keys_and_those_without_a_request_lately_are_left_alone() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.ask_for(wanted(FeedName::Block, IndicatorType::Url)).await;
    let asked = stage.source.asked();
    stage.source.announce(&stage.upstream, &of(IndicatorType::FileMd5));
    stage
        .source
        .announce(&upstream("max_expand: 7\n"), &of(IndicatorType::Url));
    pass(1).await;
    assert_eq!(
        stage.source.asked(),
        asked + 1,
        "the same MISP and key under other rules"
    );
    pass(2 * 3_600).await;
    stage.source.announce(&stage.upstream, &of(IndicatorType::Domain));
    pass(1).await;
    assert_eq!(stage.source.asked(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn announcements_while_feeds_are_gathered_are_taken_together() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.takes(Duration::from_secs(10));
    for _ in 0..50 {
        stage.source.announce(&stage.upstream, &of(IndicatorType::Domain));
        pass(1).await;
    }
    pass(60).await;
    let gathered = stage.source.asked() - 1;
    assert!((5..=7).contains(&gathered), "{gathered}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_sends_an_announced_change_at_once() {
    let stage = Stage::of(&["a.example"], "");
    let mut follower = stage
        .engine
        .follow(&stage.upstream, domains().scope, None)
        .await
        .unwrap();
    follower.next().await;
    stage.source.set(&["b.example"]);
    let began = tokio::time::Instant::now();
    stage.source.announce(&stage.upstream, &of(IndicatorType::Domain));
    follower.next().await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_of_misp_makes_a_source_that_follows_look_and_gathers_nothing() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    let site: SiteName = "127.0.0.1".parse().unwrap();
    let everything = ChangeHint::Everything;
    assert_eq!(stage.engine.refresh_touched(&site, &everything).await, 1);
    stage.source.follows();
    let hints = stage.source.hints();
    assert_eq!(stage.engine.refresh_touched(&site, &everything).await, 0);
    assert_eq!(stage.source.asked(), 2);
    assert!(stage.source.hints() > hints);
}

#[tokio::test(start_paused = true)]
async fn an_index_for_look_ups_is_gathered_anew_too() {
    let stage = Stage::of(&["a.example"], "");
    let scope = feed_engine::LookupScope {
        feed: FeedName::Block,
        age: feed_classification::Age::Weeks1,
    };
    stage.engine.lookup_index(&stage.upstream, scope).await.unwrap();
    stage.source.announce(&stage.upstream, &of(IndicatorType::Yara));
    pass(1).await;
    assert_eq!(stage.source.asked(), 1, "no index has rules");
    stage.source.announce(&stage.upstream, &of(IndicatorType::Domain));
    pass(1).await;
    assert_eq!(stage.source.asked(), 2);
}
