//! Listeners of a feed, and refreshes that MISP hints at.

use std::collections::BTreeSet;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{Change, ChangeHint, Follower};
use misp_sim::{Attribute, Event, Moment};

use crate::support::{Bench, domains, lines, tag, wanted};

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

fn types(names: &[&str]) -> ChangeHint {
    ChangeHint::AttributeTypes(names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>())
}

async fn follow(bench: &Bench, state: Option<String>) -> Follower {
    bench
        .engine
        .follow(&bench.upstream, domains().scope, state)
        .await
        .unwrap()
}

/// Returns the next change. Meanwhile time passes on the engine's clock, a minute at a time.
async fn next(bench: &Bench, follower: &mut Follower) -> Change {
    let time = async {
        for _ in 0..10_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            bench.grow_old(60);
        }
    };
    tokio::select! {
        change = follower.next() => change,
        () = time => panic!("a listener hears nothing"),
    }
}

async fn snapshot(bench: &Bench, follower: &mut Follower) -> Vec<String> {
    match next(bench, follower).await {
        Change::Snapshot(all) => all.set.values().iter().map(str::to_owned).collect(),
        other => panic!("{other:?}"),
    }
}

async fn delta(bench: &Bench, follower: &mut Follower) -> (Vec<String>, Vec<String>) {
    match next(bench, follower).await {
        Change::Delta(delta) => {
            let texts = |set: &feed_classification::IndicatorSet| set.iter().map(str::to_owned).collect();
            (texts(&delta.added), texts(&delta.removed))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_listener_gets_the_whole_feed_and_then_its_changes() {
    let bench = Bench::of([event("a.example.com")]).await;
    let mut follower = follow(&bench, None).await;
    assert_eq!(snapshot(&bench, &mut follower).await, ["a.example.com"]);
    let second = bench.sim.edit(|store| store.add_event(event("b.example.com")));
    assert_eq!(
        delta(&bench, &mut follower).await,
        (vec!["b.example.com".to_owned()], vec![])
    );
    bench.sim.edit(|store| store.delete_event(second)).unwrap();
    assert_eq!(
        delta(&bench, &mut follower).await,
        (vec![], vec!["b.example.com".to_owned()])
    );
}

#[tokio::test]
async fn a_listener_that_comes_back_gets_only_the_changes_since() {
    let bench = Bench::of([event("a.example.com")]).await;
    let mut first = follow(&bench, None).await;
    snapshot(&bench, &mut first).await;
    let state = first.state().map(str::to_owned);
    drop(first);
    for name in ["b.example.com", "c.example.com"] {
        bench.sim.edit(|store| store.add_event(event(name)));
        assert_eq!(
            bench
                .engine
                .refresh_touched(&bench.upstream.site().name, &ChangeHint::Everything)
                .await,
            1
        );
    }
    let mut second = follow(&bench, state).await;
    let (added, removed) = delta(&bench, &mut second).await;
    assert_eq!(
        (added.join(" "), removed.len()),
        ("b.example.com c.example.com".to_owned(), 0)
    );
    let mut stranger = follow(&bench, Some("0".repeat(32))).await;
    assert_eq!(snapshot(&bench, &mut stranger).await.len(), 3);
}

#[tokio::test]
async fn a_poller_gets_the_difference_to_its_state() {
    let bench = Bench::of([event("a.example.com")]).await;
    let scope = domains().scope;
    let (first, had) = bench.engine.changes(&bench.upstream, scope, None).await.unwrap();
    assert!(matches!(first, Change::Snapshot(_)));
    let (nothing, _) = bench
        .engine
        .changes(&bench.upstream, scope, Some(had.id()))
        .await
        .unwrap();
    assert!(matches!(nothing, Change::None));
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench
        .engine
        .refresh_touched(&bench.upstream.site().name, &ChangeHint::Everything)
        .await;
    let (change, now) = bench
        .engine
        .changes(&bench.upstream, scope, Some(had.id()))
        .await
        .unwrap();
    let Change::Delta(delta) = change else {
        panic!("{change:?}")
    };
    assert!(delta.added.iter().eq(["b.example.com"]) && delta.removed.is_empty());
    assert_eq!((delta.from.as_str(), delta.to.as_str()), (had.id(), now.id()));
}

#[tokio::test]
async fn a_hint_makes_a_fresh_feed_fresher_and_leaves_others_alone() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench
        .ask(wanted(FeedName::Block, IndicatorType::FileMd5))
        .await
        .unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench.sim.clear_requests();
    let site = bench.upstream.site().name.clone();
    assert_eq!(bench.engine.refresh_touched(&site, &types(&["yara"])).await, 0);
    assert_eq!(bench.sim.searches(), 0);
    assert_eq!(bench.engine.refresh_touched(&site, &types(&["domain"])).await, 1);
    let asked = bench.sim.searches();
    assert_eq!(
        lines(&bench.ask(domains()).await.unwrap()),
        ["a.example.com", "b.example.com"]
    );
    assert_eq!(bench.sim.searches(), asked);
    // The hint of another site, and a feed without a request for a long time.
    assert_eq!(
        bench
            .engine
            .refresh_touched(&"misp.example.org".parse().unwrap(), &ChangeHint::Everything)
            .await,
        0
    );
    bench.grow_old(3_601);
    assert_eq!(bench.engine.refresh_touched(&site, &ChangeHint::Everything).await, 0);
}

#[tokio::test]
async fn a_hint_while_misp_is_being_asked_is_not_answered_by_that_question() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.set_latency(Duration::from_millis(500));
    bench.grow_old(301);
    // In the background; its rows are read before the event is there.
    bench.ask(domains()).await.unwrap();
    let began = bench.sim.searches();
    while bench.sim.searches() == began {
        tokio::task::yield_now().await;
    }
    bench.sim.edit(|store| store.add_event(event("b.example.com")));
    bench
        .engine
        .refresh_touched(&bench.upstream.site().name, &ChangeHint::Everything)
        .await;
    assert_eq!(bench.ask(domains()).await.unwrap().count, 2);
}

#[tokio::test]
async fn a_hint_while_misp_is_down_takes_nothing_away() {
    let bench = Bench::of([event("a.example.com")]).await;
    bench.ask(domains()).await.unwrap();
    bench.sim.set_fault(misp_sim::Fault::Status(500));
    assert_eq!(
        bench
            .engine
            .refresh_touched(&bench.upstream.site().name, &ChangeHint::Everything)
            .await,
        1
    );
    assert_eq!(lines(&bench.ask(domains()).await.unwrap()), ["a.example.com"]);
}
