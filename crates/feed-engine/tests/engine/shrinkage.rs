//! A set that empties or halves a feed is held back until the loss is explained, confirmed or accepted.

use std::sync::Arc;
use std::time::Duration;

use cache::{CacheKeys, InProcessStore, SharedCache, SharedStore};
use feed_classification::{FeedName, Tlp};
use feed_engine::{Change, Filter, Judge, LookupScope, Origin, Query, RenderedFeed};
use misp_sim::{Attribute, Event, Fault, Moment};

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

fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("v{number}.example")).collect()
}

/// A stage with so many values that then gives others.
async fn shrunk(from: usize, to: usize) -> Stage {
    let stage = Stage::of(&refs(&many(from)), "");
    stage.ask().await;
    stage.source.set(&refs(&many(to)));
    pass(700).await;
    stage
}

fn refs(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn a_set_that_empties_or_halves_a_feed_is_held_back_until_three_refreshes_agree() {
    for (from, to) in [(1, 0), (101, 50), (101, 0)] {
        let stage = shrunk(from, to).await;
        let answer = stage.ask().await;
        assert_eq!(
            (answer.count, answer.origin),
            (from as u64, Origin::Stale),
            "{from} to {to}"
        );
        assert!(answer.refresh_failing && answer.fresh_for.is_zero());
        let shown = answer.held_back.unwrap();
        assert_eq!((shown.from, shown.to), (from as u64, to as u64));
        assert_eq!((shown.agreed, shown.needed), (1, 3));
        assert!(!shown.examples.is_empty() && shown.examples.len() <= 5);
        assert_eq!((stage.source.asked(), held(&stage)), (2, 1));
        // MISP is asked though no caller comes, and callers in between do not ask it.
        pass(299).await;
        assert_eq!(stage.ask().await.count, from as u64);
        assert_eq!(stage.source.asked(), 2);
        pass(2).await;
        assert_eq!(stage.source.asked(), 3);
        let second = stage.ask().await;
        assert_eq!((second.count, second.etag), (from as u64, answer.etag));
        pass(300).await;
        let third = stage.ask().await;
        assert_eq!(
            (third.count, third.origin, third.refresh_failing),
            (to as u64, Origin::Hit, false)
        );
        assert_eq!((stage.source.asked(), held(&stage)), (4, 1));
        assert!(third.held_back.is_none() && stage.engine.held_back(&stage.upstream).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_feed_may_lose_all_but_one_and_a_large_one_less_than_half() {
    for (from, to) in [(100, 1), (101, 51), (1_000, 501)] {
        let stage = shrunk(from, to).await;
        assert_eq!(stage.ask().await.count, to as u64, "{from} to {to}");
        assert_eq!(held(&stage), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_come_back_end_the_hold_at_once() {
    let stage = shrunk(200, 20).await;
    assert_eq!(stage.ask().await.count, 200);
    stage.source.set(&refs(&many(190)));
    // A caller that wants a fresh answer need not wait for the next refresh that counts.
    pass(6).await;
    let again = stage.ask_for(anew()).await;
    assert_eq!((again.origin, again.count), (Origin::Miss, 190));
    // The next loss is held back like the first.
    stage.source.set(&[]);
    pass(301).await;
    assert_eq!(stage.ask_for(anew()).await.count, 190);
    assert_eq!(held(&stage), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_with_cache_0_do_not_make_refreshes_agree_sooner() {
    let stage = shrunk(200, 20).await;
    for _ in 0..20 {
        assert_eq!(stage.ask_for(anew()).await.count, 200);
        pass(6).await;
    }
    stage.engine.forget(&stage.upstream, domains().scope);
    assert_eq!(stage.ask().await.count, 200);
    assert_eq!(stage.engine.held_back(&stage.upstream)[0].1.agreed, 1);
    let asked = stage.source.asked();
    for _ in 0..20 {
        assert_eq!(stage.ask_for(anew()).await.count, 200);
    }
    assert_eq!(stage.source.asked(), asked, "MISP has just answered");
}

#[tokio::test(start_paused = true)]
async fn a_set_that_loses_as_much_once_more_is_counted_anew() {
    let stage = shrunk(1_000, 400).await;
    stage.ask().await;
    let since = stage.engine.held_back(&stage.upstream)[0].1.since;
    pass(301).await;
    stage.source.set(&refs(&many(100)));
    pass(300).await;
    let (_, shown) = stage.engine.held_back(&stage.upstream).remove(0);
    assert_eq!(
        (shown.since, shown.from, shown.to, shown.agreed),
        (since, 1_000, 100, 1)
    );
    pass(601).await;
    assert_eq!(stage.ask().await.count, 100);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_agrees_with_nothing() {
    let stage = shrunk(200, 20).await;
    assert_eq!(stage.ask().await.count, 200);
    stage.source.fails(true);
    pass(2_000).await;
    assert_eq!(stage.ask().await.count, 200);
    let asked = stage.source.asked();
    for _ in 0..3 {
        assert_eq!(stage.ask().await.count, 200);
    }
    assert_eq!(stage.source.asked(), asked, "MISP has just failed");
    stage.source.fails(false);
    pass(6).await;
    assert_eq!(stage.ask().await.count, 200, "the second that agrees");
    pass(301).await;
    assert_eq!(stage.ask().await.count, 20);
}

#[tokio::test(start_paused = true)]
async fn an_operator_has_the_smaller_set_served_at_once() {
    let stage = shrunk(200, 0).await;
    let accept = async || stage.engine.accept(&stage.upstream, domains().scope).await;
    assert!(accept().await.unwrap().is_none(), "nothing is held back yet");
    stage.ask().await;
    let shown = accept().await.unwrap().unwrap();
    assert_eq!((shown.from, shown.to), (200, 0));
    let now = stage.ask().await;
    assert_eq!((now.count, now.origin), (0, Origin::Hit));
    assert!(accept().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_is_not_for_a_set_that_the_operator_has_not_seen() {
    let stage = shrunk(1_000, 400).await;
    stage.ask().await;
    stage.source.set(&[]);
    stage
        .engine
        .accept(&stage.upstream, domains().scope)
        .await
        .unwrap()
        .unwrap();
    let still = stage.ask().await;
    assert_eq!((still.count, still.held_back.unwrap().to), (1_000, 0));
    pass(6).await;
    assert_eq!(stage.ask_for(anew()).await.count, 1_000, "nor for its next answer");
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_while_misp_fails_counts_for_its_next_answer() {
    let stage = shrunk(200, 20).await;
    stage.ask().await;
    stage.source.fails(true);
    assert!(stage.engine.accept(&stage.upstream, domains().scope).await.is_err());
    assert_eq!(stage.ask().await.count, 200);
    stage.source.fails(false);
    pass(6).await;
    assert_eq!(stage.ask().await.count, 20);
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

#[tokio::test(start_paused = true)]
async fn a_change_of_the_site_file_that_halves_a_feed_is_no_loss_of_misp() {
    let mut stage = shrunk(200, 20).await;
    stage.upstream = upstream("ignore_to_ids: [domain]\n");
    assert_eq!(stage.ask().await.count, 20);
    assert_eq!(held(&stage), 0);
}

/// The operator wants the value out, and not out after a second question.
#[tokio::test(start_paused = true)]
async fn values_that_the_changed_guard_keeps_out_are_not_held_either() {
    let mut stage = Stage::of(&["a.example", "b.example"], "");
    stage.ask().await;
    stage.source.set(&[]);
    stage.upstream = upstream("never_export: [b.example]\n");
    assert_is_held(&stage.ask().await);
    let mut stage = Stage::of(&["b.example"], "");
    stage.ask().await;
    stage.upstream = upstream("never_export: [b.example]\n");
    let empty = stage.ask().await;
    assert_eq!((empty.count, empty.origin, held(&stage)), (0, Origin::Miss, 0));
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

fn replica(source: &Arc<Scripted>, store: &Arc<dyn SharedStore>) -> Stage {
    let shared = SharedCache::new(Arc::clone(store), CacheKeys::new([&[7; 32]]).unwrap());
    Stage::over(Arc::clone(source), "", Some(shared))
}

#[tokio::test(start_paused = true)]
async fn a_smaller_set_of_a_replica_without_an_older_one_is_held_back_by_the_others() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let source = Arc::new(Scripted::default());
    source.set(&["a.example"]);
    let first = replica(&source, &store);
    first.ask().await;
    pass(700).await;
    source.set(&[]);
    // It knows of no values, so it believes this at once.
    let second = replica(&source, &store);
    assert_eq!(second.ask_for(anew()).await.count, 0);
    pass(1).await;
    let asked = source.asked();
    assert_is_held(&first.ask().await);
    assert_eq!(source.asked(), asked, "it took what the other one gathered");
}

/// The state of a hold outlives a restart as far as the last good set does: in the shared cache.
#[tokio::test(start_paused = true)]
async fn a_replica_that_starts_while_a_set_is_held_back_holds_it_back_too() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let source = Arc::new(Scripted::default());
    source.set(&["a.example"]);
    let first = replica(&source, &store);
    first.ask().await;
    source.set(&[]);
    pass(400).await;
    assert_is_held(&first.ask_for(anew()).await);
    pass(6).await;
    let second = replica(&source, &store);
    assert_is_held(&second.ask_for(anew()).await);
    // What one of them has accepted is good for those that start later.
    first
        .engine
        .accept(&first.upstream, domains().scope)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.ask().await.count, 0);
    pass(1).await;
    assert_eq!(replica(&source, &store).ask().await.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_listener_loses_no_value_while_a_smaller_set_is_held_back() {
    let stage = Stage::of(&["a.example"], "");
    let mut follower = stage
        .engine
        .follow(&stage.upstream, domains().scope, None)
        .await
        .unwrap();
    assert!(matches!(follower.next().await, Change::Snapshot(_)));
    stage.source.set(&[]);
    let told = tokio::time::timeout(Duration::from_secs(850), follower.next()).await;
    assert!(told.is_err(), "{told:?}");
    assert_eq!((stage.source.asked(), held(&stage)), (3, 1));
    let Change::Delta(delta) = follower.next().await else {
        panic!("no difference")
    };
    assert!(delta.removed.iter().eq(["a.example"]));
}

#[tokio::test(start_paused = true)]
async fn look_ups_find_the_values_of_a_feed_while_its_smaller_set_is_held_back() {
    let stage = Stage::of(&["a.example"], "");
    let green = Filter::NONE.with_max_tlp(Tlp::Green);
    let found = async |filter| {
        let scope = LookupScope {
            feed: FeedName::Block,
            age: domains().scope.age,
        };
        let (index, _) = stage.engine.lookup_index(&stage.upstream, scope).await.unwrap();
        let judge = Judge::new(filter, stage.upstream.site());
        let found = index.find(&Query::parse("www.a.example"), &judge, 10);
        found.into_iter().map(|found| found.value).collect::<Vec<_>>()
    };
    stage.ask().await;
    assert!(
        found(Filter::NONE).await.is_empty(),
        "the index of this source is empty"
    );
    stage.source.set(&[]);
    pass(700).await;
    assert_is_held(&stage.ask().await);
    assert_eq!(found(Filter::NONE).await, ["a.example"]);
    assert!(found(green).await.is_empty(), "the values may be beyond these limits");
    pass(302).await;
    pass(302).await;
    assert_eq!(stage.ask().await.count, 0);
    assert!(found(Filter::NONE).await.is_empty());
}

/// 120 domains in two events and the feed of them, gathered once.
async fn two_events() -> Bench {
    let event = |name: &str, count: usize| {
        let event = Event::new(name).tag(tag("block")).changed(Moment::Ago(3_600));
        (0..count).fold(event, |event, number| {
            event.attribute(Attribute::new("domain", format!("{name}{number}.example")).changed(Moment::Ago(7_200)))
        })
    };
    let bench = Bench::of([event("a", 20), event("b", 100)]).await;
    assert_eq!(bench.ask(domains()).await.unwrap().count, 120);
    // Edits come later than the second of this answer.
    bench.sim.clock().advance(2);
    bench.grow_old(301);
    bench
}

/// What happens to an event.
type Act = fn(&mut misp_sim::Store, u64);

async fn count_now(bench: &Bench) -> u64 {
    bench.ask(anew()).await.unwrap().count
}

#[tokio::test]
async fn a_loss_is_believed_at_once_if_its_event_was_deleted_withdrawn_or_edited_or_is_a_false_positive() {
    let causes: [(&str, Act); 4] = [
        ("deleted", |store, event| store.delete_event(event).unwrap()),
        ("edited", |store, event| {
            for number in 0..100 {
                let row = store.find(&format!("b{number}.example")).unwrap();
                store.hard_delete(row).unwrap();
            }
            store.publish(event).unwrap();
        }),
        ("withdrawn", |store, event| store.unpublish(event).unwrap()),
        ("false positives", |store, _| {
            let event = Event::new("harmless")
                .changed(Moment::Ago(60))
                .tag(tag("false-positive"));
            let harmless = (0..100).fold(event, |event, number| {
                event.attribute(Attribute::new("domain", format!("b{number}.example")).to_ids(false))
            });
            store.add_event(harmless);
        }),
    ];
    for (cause, act) in causes {
        let bench = two_events().await;
        bench.sim.edit(|store| {
            let event = store.find_event("b").unwrap();
            act(store, event);
        });
        assert_eq!(count_now(&bench).await, 20, "{cause}");
    }
}

#[tokio::test]
async fn a_loss_that_no_event_explains_is_held_back() {
    let bench = two_events().await;
    bench.sim.set_fault(Fault::NoRows);
    assert_eq!(count_now(&bench).await, 120);
    bench.sim.clear_fault();
    bench.grow_old(6);
    assert_eq!(count_now(&bench).await, 120);
}

#[tokio::test]
async fn a_key_that_sees_nothing_any_more_empties_no_feed() {
    let bench = two_events().await;
    bench.sim.edit(|store| {
        for name in ["a", "b"] {
            let event = store.find_event(name).unwrap();
            store.delete_event(event).unwrap();
        }
    });
    assert_eq!(count_now(&bench).await, 120, "it shows the same as an empty database");
    assert!(
        bench
            .engine
            .accept(&bench.upstream, domains().scope)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(bench.ask(domains()).await.unwrap().count, 0);
}
