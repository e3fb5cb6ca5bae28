//! A feed that a mirror answers and that loses too much: what MISP explains goes at once, and the rest is held back.

use std::sync::Arc;
use std::time::Duration;

use cache::ManualClock;
use feed_engine::{FeedEngine, FeedRequest, Filter, Judge, LookupScope, Origin, Query, RenderedFeed};
use misp_sim::{Attribute, Event, Fault, Moment, Sim, SimBuilder};

use crate::mirror_bench::{MirrorBench, QUIET, domain_event};
use crate::support::{domains, tag};

/// One event of the feed that only its own organisation sees, and others beside it.
async fn stage() -> Stage {
    let events = [
        domain_event("a.example").own_organisation_only(),
        other("x.example"),
        other("y.example"),
        other("z.example"),
    ];
    let bench = MirrorBench::on(events.into_iter().fold(Sim::builder(), SimBuilder::event), QUIET).await;
    let clock = Arc::new(ManualClock::new());
    let engine = FeedEngine::builder()
        .clock(Arc::clone(&clock) as _)
        .source(Arc::clone(&bench.mirror) as _)
        .build();
    let stage = Stage { bench, clock, engine };
    assert_eq!(stage.ask().await.count, 1);
    stage
}

fn other(value: &str) -> Event {
    Event::new(value)
        .tag(tag("alert"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

struct Stage {
    bench: MirrorBench,
    clock: Arc<ManualClock>,
    engine: FeedEngine,
}

impl Stage {
    /// The feed after the mirror has looked at MISP.
    async fn ask(&self) -> RenderedFeed {
        self.ask_for(domains().max_age(Duration::ZERO)).await
    }

    async fn ask_for(&self, request: FeedRequest) -> RenderedFeed {
        self.engine.feed(&self.bench.upstream, &request).await.unwrap()
    }

    async fn is_found(&self) -> bool {
        let request = domains();
        let scope = LookupScope {
            feed: feed_classification::FeedName::Block,
            age: request.scope.age,
        };
        let (index, _) = self.engine.lookup_index(&self.bench.upstream, scope).await.unwrap();
        let judge = Judge::new(Filter::NONE, self.bench.upstream.site());
        !index.find(&Query::parse("www.a.example"), &judge, 10).is_empty()
    }

    fn a(&self) -> u64 {
        self.bench
            .sim
            .with_store(|store| store.find_event("a.example"))
            .unwrap()
    }

    fn change_rights(&self) {
        self.bench
            .sim
            .edit(|store| store.change_user(1, |user| user.organisation = 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_or_withdrawn_event_leaves_the_feed_at_once() {
    let acts: [fn(&mut misp_sim::Store, u64); 2] = [
        |store, event| store.delete_event(event).unwrap(),
        |store, event| store.unpublish(event).unwrap(),
    ];
    for act in acts {
        let stage = stage().await;
        let event = stage.a();
        stage.bench.sim.edit(|store| act(store, event));
        let now = stage.ask().await;
        assert_eq!((now.count, now.origin), (0, Origin::Miss));
        assert!(!stage.is_found().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_got_other_rights_empties_no_feed_before_three_looks_agree() {
    let stage = stage().await;
    stage.change_rights();
    for agreed in 1..=2 {
        let held = stage.ask().await;
        assert_eq!((held.count, held.origin), (1, Origin::Stale));
        assert_eq!(held.held_back.unwrap().agreed, agreed);
        assert!(stage.is_found().await, "a look-up finds what the feed has");
        stage.clock.advance(Duration::from_secs(301));
    }
    let believed = stage.ask().await;
    assert_eq!((believed.count, believed.origin), (0, Origin::Miss));
    assert!(!stage.is_found().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_nothing_confirms_agrees_with_itself_only() {
    let stage = stage().await;
    stage.change_rights();
    assert_eq!(stage.ask().await.held_back.unwrap().agreed, 1);
    stage.bench.sim.set_fault(Fault::Refuse);
    for _ in 0..2 {
        stage.clock.advance(Duration::from_secs(301));
        let held = stage.ask_for(domains()).await;
        assert_eq!((held.count, held.held_back.unwrap().agreed), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_accepts_what_the_mirror_cannot_explain() {
    let stage = stage().await;
    stage.change_rights();
    assert_eq!(stage.ask().await.origin, Origin::Stale);
    let accepted = stage.engine.accept(&stage.bench.upstream, domains().scope).await;
    assert_eq!(accepted.unwrap().unwrap().to, 0);
    assert_eq!(stage.ask_for(domains()).await.count, 0);
    assert!(!stage.is_found().await);
}
