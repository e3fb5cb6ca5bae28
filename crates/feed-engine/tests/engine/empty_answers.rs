//! An answer that empties a feed is believed when a second question confirms it.

use std::sync::Arc;
use std::time::Duration;

use cache::{CacheKeys, InProcessStore, SharedCache, SharedStore};
use feed_classification::Tlp;
use feed_engine::{Change, Filter, Origin, RenderedFeed};
use misp_sim::{Attribute, Event, Moment};

use crate::scripted_source::{Scripted, Stage, pass, upstream};
use crate::support::{Bench, domains, lines, tag};

fn anew() -> feed_engine::FeedRequest {
    domains().max_age(Duration::ZERO)
}

fn held(stage: &Stage) -> u64 {
    stage.engine.refreshes()["127.0.0.1"].held
}

fn assert_is_held(answer: &RenderedFeed) {
    assert_eq!(
        (lines(answer), answer.origin),
        (vec!["a.example".to_owned()], Origin::Stale)
    );
    assert!(answer.refresh_failing && answer.fresh_for.is_zero());
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_believed_only_when_a_second_question_confirms_it() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    pass(700).await;
    assert_is_held(&stage.ask().await);
    assert_eq!((stage.source.asked(), held(&stage)), (2, 1));
    // Until the second question all callers get the same, and MISP is not asked.
    pass(4).await;
    assert_is_held(&stage.ask().await);
    assert_is_held(&stage.ask_for(anew()).await);
    assert_eq!(stage.source.asked(), 2);
    // It is asked though no caller comes.
    pass(2).await;
    assert_eq!(stage.source.asked(), 3);
    let empty = stage.ask().await;
    assert_eq!(
        (empty.origin, empty.count, empty.refresh_failing),
        (Origin::Hit, 0, false)
    );
    assert_eq!(held(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_question_that_gets_values_again_ends_the_doubt() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    pass(301).await;
    assert_is_held(&stage.ask_for(anew()).await);
    stage.source.set(&["a.example"]);
    pass(6).await;
    let again = stage.ask().await;
    assert_eq!((again.origin, again.count), (Origin::Hit, 1));
    // The next empty answer is doubted like the first.
    stage.source.set(&[]);
    pass(301).await;
    assert_is_held(&stage.ask_for(anew()).await);
    assert_eq!(held(&stage), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_question_that_fails_confirms_nothing() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    pass(301).await;
    assert_is_held(&stage.ask_for(anew()).await);
    stage.source.fails(true);
    pass(60).await;
    assert_is_held(&stage.ask().await);
    stage.source.fails(false);
    pass(6).await;
    stage.ask().await;
    pass(1).await;
    assert_eq!(stage.ask().await.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_misp_that_fails_at_the_second_question_is_not_asked_by_every_caller() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    pass(301).await;
    assert_is_held(&stage.ask_for(anew()).await);
    stage.source.fails(true);
    // The set is so old by now that callers wait for MISP.
    pass(700).await;
    assert_is_held(&stage.ask().await);
    let asked = stage.source.asked();
    for _ in 0..3 {
        assert_is_held(&stage.ask().await);
    }
    assert_eq!(stage.source.asked(), asked, "MISP has just failed");
    pass(6).await;
    assert_is_held(&stage.ask().await);
    assert_eq!(stage.source.asked(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn clear_cache_does_not_skip_the_second_question() {
    let stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    for _ in 0..3 {
        stage.engine.forget(&stage.upstream, domains().scope);
        assert_is_held(&stage.ask().await);
        pass(1).await;
    }
    assert_eq!(stage.source.asked(), 2);
    pass(6).await;
    assert_eq!(stage.ask().await.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_a_change_of_the_site_file_empties_is_held_in_the_same_way() {
    let mut stage = Stage::of(&["a.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    stage.upstream = upstream("ignore_to_ids: [domain]\n");
    assert_is_held(&stage.ask().await);
    assert_eq!((stage.source.asked(), held(&stage)), (2, 1));
    pass(6).await;
    let empty = stage.ask().await;
    assert_eq!((empty.origin, empty.count), (Origin::Hit, 0));
}

/// The change may have been made to keep values from the callers with these limits.
#[tokio::test(start_paused = true)]
async fn a_feed_with_limits_keeps_nothing_over_a_change_of_the_site_file() {
    let mut stage = Stage::of(&["a.example"], "default_tlp: green\n");
    let limited = || domains().filter(Filter::NONE.with_max_tlp(Tlp::Green));
    assert_eq!(stage.ask_for(limited()).await.count, 1);
    stage.source.set(&[]);
    stage.upstream = upstream("default_tlp: red\n");
    assert_eq!(stage.ask_for(limited()).await.count, 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_set_of_another_replica_is_doubted_too() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let shared = || SharedCache::new(Arc::clone(&store), CacheKeys::new([&[7; 32]]).unwrap());
    let source = Arc::new(Scripted::default());
    source.set(&["a.example"]);
    let first = Stage::over(Arc::clone(&source), "", Some(shared()));
    first.ask().await;
    pass(700).await;
    source.set(&[]);
    // It knows of no values, so it believes this at once.
    let second = Stage::over(Arc::clone(&source), "", Some(shared()));
    assert_eq!(second.ask_for(anew()).await.count, 0);
    pass(1).await;
    let asked = source.asked();
    assert_is_held(&first.ask().await);
    assert_eq!(source.asked(), asked, "it took what the other one gathered");
    pass(6).await;
    assert_eq!(source.asked(), asked + 1, "the other's answer does not confirm itself");
    assert_eq!(first.ask().await.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_listener_gets_an_empty_feed_when_it_is_confirmed() {
    let stage = Stage::of(&["a.example"], "");
    let mut follower = stage
        .engine
        .follow(&stage.upstream, domains().scope, None)
        .await
        .unwrap();
    assert!(matches!(follower.next().await, Change::Snapshot(_)));
    stage.source.set(&[]);
    let told = tokio::time::timeout(Duration::from_secs(303), follower.next()).await;
    assert!(told.is_err(), "{told:?}");
    assert_eq!((stage.source.asked(), held(&stage)), (2, 1));
    let Change::Delta(delta) = follower.next().await else {
        panic!("no difference")
    };
    assert!(delta.removed.iter().eq(["a.example"]));
}

#[tokio::test]
async fn a_false_positive_that_empties_a_feed_goes_through_after_the_second_question() {
    let value = Event::new("a")
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", "a.example"));
    let bench = Bench::of([value]).await;
    bench.ask(domains()).await.unwrap();
    let harmless = Attribute::new("domain", "a.example")
        .tag(tag("false-positive"))
        .to_ids(false);
    let harmless = Event::new("b").changed(Moment::Ago(60)).attribute(harmless);
    bench.sim.edit(|store| store.add_event(harmless));
    bench.grow_old(301);
    assert_is_held(&bench.ask(anew()).await.unwrap());
    bench.grow_old(5);
    assert_eq!(bench.ask(anew()).await.unwrap().count, 0);
}

/// With a MISP over HTTP and the clock of a test, so that the test does not take five real seconds.
#[tokio::test]
async fn the_second_question_comes_when_the_engines_clock_says_so() {
    let bench = Bench::of([]).await;
    let event = Event::new("a").tag(tag("block")).changed(Moment::Ago(60));
    let event = event.attribute(Attribute::new("domain", "a.example"));
    let event = bench.sim.edit(|store| store.add_event(event));
    assert_eq!(bench.ask(domains()).await.unwrap().count, 1);
    bench.sim.edit(|store| store.delete_event(event)).unwrap();
    bench.grow_old(1);
    let held = bench.ask(anew()).await.unwrap();
    assert_eq!((held.origin, held.count), (Origin::Stale, 1));
    let began = std::time::Instant::now();
    while bench.engine.refreshes()["127.0.0.1"].succeeded < 3 {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
        bench.grow_old(1);
    }
    assert_eq!(bench.ask(domains()).await.unwrap().count, 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
