//! Look-ups in a mirror: what they see, and what they ask.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{Age, FeedName};
use feed_engine::{FeedEngine, Filter, Judge, LookupIndex, LookupScope, Query};
use misp_sim::{Attribute, Event, Fault, Moment};

use crate::mirror_bench::{MirrorBench, QUIET};
use crate::support::tag;

const SCOPE: LookupScope = LookupScope {
    feed: FeedName::Block,
    age: Age::Years10,
};

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

/// A mirror with one listed domain, and an engine over it.
async fn stage(more: &str) -> (MirrorBench, FeedEngine) {
    let bench = MirrorBench::of([event("a.example")], more).await;
    let engine = FeedEngine::builder().source(Arc::clone(&bench.mirror) as _).build();
    (bench, engine)
}

fn listed(bench: &MirrorBench, index: &LookupIndex) -> Vec<String> {
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    let is_listed = |value: &&str| !index.find(&Query::parse(value), &judge, 1).is_empty();
    let values = ["a.example", "b.example", "c.example"];
    values
        .iter()
        .filter(|value| is_listed(value))
        .map(|value| (*value).to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_look_up_sees_an_edit_that_the_mirror_took_over() {
    let (bench, engine) = stage(QUIET).await;
    let (before, _) = engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example")));
    bench.look().await;
    bench.sim.clear_requests();
    let (index, fresh_for) = engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    assert_eq!(listed(&bench, &index), ["a.example", "b.example"]);
    assert_eq!(listed(&bench, &before), ["a.example"], "a request sees one state");
    assert_eq!(bench.sim.requests().len(), 0, "MISP is asked nothing");
    let soft = bench.upstream.site().soft_expiry;
    assert!(
        fresh_for <= soft && fresh_for > soft - Duration::from_secs(60),
        "{fresh_for:?}"
    );
    assert!(index.as_of() > before.as_of());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_fresh_as_long_after_the_last_confirmation_as_a_feed() {
    let (bench, engine) = stage("mirror_poll: 1h\nmemcached_all_timeout: 2\n").await;
    engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    bench.sim.set_fault(Fault::Refuse);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (index, fresh_for) = engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    assert_eq!(listed(&bench, &index), ["a.example"]);
    assert!(fresh_for < Duration::from_secs(1), "{fresh_for:?}");
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    let (index, fresh_for) = engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    assert_eq!((listed(&bench, &index).len(), fresh_for), (1, Duration::ZERO));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_over_a_mirror_that_has_ended_is_made_anew() {
    let (bench, engine) = stage(QUIET).await;
    engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    bench.sim.edit(|store| store.add_event(event("b.example")));
    assert!(engine.forget_mirror(&bench.upstream));
    assert!(bench.reason().is_some());
    let (index, _) = engine.lookup_index(&bench.upstream, SCOPE).await.unwrap();
    assert_eq!(listed(&bench, &index), ["a.example", "b.example"]);
}
