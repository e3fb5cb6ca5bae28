//! A source outside of the crate, with the public API only and without a MISP: feeds, look-ups, differences, and
//! answers while it fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use feed_classification::{Age, FeedName, IndicatorSet, IndicatorType};
use feed_engine::{
    Change, Errand, Fault, FeedEngine, FeedError, FeedRequest, FeedScope, Filter, GatherFuture, IndexFuture,
    IndicatorSource, Judge, LookupIndex, LookupScope, ManualClock, MatchedEvent, Origin, Query, Relation, Selection,
    Upstream,
};

/// Domains and networks that a test sets; nothing means that the list cannot be read.
#[derive(Debug, Default)]
struct MyList(Mutex<Option<Vec<&'static str>>>);

impl MyList {
    fn set(&self, values: Option<&[&'static str]>) {
        *self.0.lock().unwrap() = values.map(<[_]>::to_vec);
    }
}

impl IndicatorSource for MyList {
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move {
            assert_eq!(upstream.name(), "my-list");
            let Some(values) = self.0.lock().unwrap().clone() else {
                return Err(FeedError::source("the list cannot be read"));
            };
            let wanted = |value: &&str| match scope.kind {
                IndicatorType::Domain => !value.contains('/'),
                IndicatorType::Cidr4 => value.contains('/'),
                _ => false,
            };
            Ok(IndicatorSet::of(scope.kind, values.into_iter().filter(|value| wanted(value))).into())
        })
    }
}

struct Stage {
    list: Arc<MyList>,
    clock: Arc<ManualClock>,
    engine: FeedEngine,
    upstream: Upstream,
}

const SOFT: Duration = Duration::from_secs(60);

impl Stage {
    fn of(values: &[&'static str]) -> Self {
        let (list, clock) = (Arc::new(MyList::default()), Arc::new(ManualClock::new()));
        list.set(Some(values));
        let engine = FeedEngine::builder()
            .source(Arc::clone(&list) as _)
            .clock(Arc::clone(&clock) as _)
            .build();
        let upstream = Upstream::named("my-list").unwrap().soft_expiry(SOFT);
        Self {
            list,
            clock,
            engine,
            upstream,
        }
    }

    async fn values(&self) -> (Vec<String>, Origin) {
        let values = self.engine.values(&self.upstream, domains().scope).await.unwrap();
        (values.iter().map(str::to_owned).collect(), values.origin)
    }

    /// Lets so much time pass that the next caller waits for the source.
    fn grow_old(&self) {
        self.clock.advance(SOFT * 2);
    }
}

fn domains() -> FeedRequest {
    let any = Selection::Feed(FeedName::Any);
    FeedRequest::new(any, IndicatorType::Domain, Age::Weeks1, "txt")
}

#[tokio::test]
async fn a_feed_of_an_own_source_is_rendered_and_its_values_are_given_without_rendering() {
    let stage = Stage::of(&["b.example", "a.example", "192.0.2.0/24"]);
    let feed = stage.engine.feed(&stage.upstream, &domains()).await.unwrap();
    assert_eq!((feed.count, feed.origin), (2, Origin::Miss));
    assert_eq!(feed.body.bytes().await.unwrap(), "a.example\r\nb.example");

    let values = stage.engine.values(&stage.upstream, domains().scope).await.unwrap();
    assert!(values.iter().eq(["a.example", "b.example"]));
    assert_eq!((values.origin, values.fresh_for), (Origin::Hit, SOFT));
    assert_eq!(values.set.values().kind(), IndicatorType::Domain);
}

#[tokio::test]
async fn the_last_good_values_are_served_while_the_source_fails_and_new_ones_after() {
    let stage = Stage::of(&["a.example"]);
    assert_eq!(stage.values().await, (vec!["a.example".to_owned()], Origin::Miss));
    stage.list.set(None);
    stage.grow_old();
    let stale = stage.engine.values(&stage.upstream, domains().scope).await.unwrap();
    assert_eq!((stale.origin, stale.refresh_failing), (Origin::Stale, true));
    assert!(stale.iter().eq(["a.example"]));
    stage.list.set(Some(&["b.example"]));
    stage.grow_old();
    assert_eq!(stage.values().await, (vec!["b.example".to_owned()], Origin::Miss));
}

#[tokio::test]
async fn a_source_that_fails_at_first_gives_an_error_that_names_the_cause_and_blames_the_upstream() {
    let stage = Stage::of(&[]);
    stage.list.set(None);
    let error = stage.engine.feed(&stage.upstream, &domains()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Upstream);
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the list cannot be read");
    stage.list.set(Some(&["a.example"]));
    assert_eq!(stage.values().await.1, Origin::Miss);
}

#[tokio::test]
async fn past_max_stale_a_failing_source_leaves_no_feed() {
    let stage = Stage::of(&["a.example"]);
    stage.values().await;
    stage.list.set(None);
    stage.clock.advance(stage.upstream.site().max_stale);
    let outcome = stage.engine.values(&stage.upstream, domains().scope).await;
    assert_eq!(outcome.unwrap_err().fault(), Fault::Upstream);
}

#[tokio::test]
async fn differences_between_two_states_are_those_of_the_source() {
    let stage = Stage::of(&["a.example", "b.example"]);
    let scope = domains().scope;
    let (_, first) = stage.engine.changes(&stage.upstream, scope, None).await.unwrap();
    stage.list.set(Some(&["b.example", "c.example"]));
    stage.grow_old();
    let (change, _) = stage
        .engine
        .changes(&stage.upstream, scope, Some(first.id()))
        .await
        .unwrap();
    let Change::Delta(delta) = change else {
        panic!("{change:?}")
    };
    assert!(delta.added.iter().eq(["c.example"]));
    assert!(delta.removed.iter().eq(["a.example"]));
}

async fn look_up(engine: &FeedEngine, upstream: &Upstream, value: &str) -> Vec<(String, Relation, MatchedEvent)> {
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Weeks1,
    };
    let (index, _) = engine.lookup_index(upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, upstream.site());
    let matches = index.find(&Query::asking(value), &judge, 10).into_iter();
    matches
        .map(|found| (found.value, found.relation, found.event))
        .collect()
}

#[tokio::test]
async fn single_values_are_looked_up_without_a_line_of_code_for_it() {
    let stage = Stage::of(&["a.example", "192.0.2.0/24"]);
    let no_event = MatchedEvent::default();
    for (value, listed, relation) in [
        ("A.example", "a.example", Relation::Exact),
        ("http://www.a.example/x", "a.example", Relation::Parent),
        ("192.0.2.9", "192.0.2.0/24", Relation::Network),
    ] {
        let found = look_up(&stage.engine, &stage.upstream, value).await;
        assert_eq!(found, [(listed.to_owned(), relation, no_event.clone())], "{value}");
    }
    assert_eq!(look_up(&stage.engine, &stage.upstream, "b.example").await, []);
}

#[tokio::test]
async fn a_failing_source_leaves_the_last_good_index() {
    let stage = Stage::of(&["a.example"]);
    assert_eq!(look_up(&stage.engine, &stage.upstream, "a.example").await.len(), 1);
    stage.list.set(None);
    stage.grow_old();
    assert_eq!(look_up(&stage.engine, &stage.upstream, "a.example").await.len(), 1);
}

/// Knows why a domain is listed.
#[derive(Debug)]
struct WithReasons;

impl IndicatorSource for WithReasons {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        // A mistake: the values have another type than the feed.
        Box::pin(async move {
            assert_ne!(scope.kind, IndicatorType::Url);
            Ok(IndicatorSet::of(IndicatorType::Url, ["http://a.example/"]).into())
        })
    }

    fn index<'a>(&'a self, _: &'a Upstream, _: LookupScope, _: &'a Errand) -> IndexFuture<'a> {
        Box::pin(async {
            let mut index = LookupIndex::builder();
            let event = MatchedEvent::new(7, "seen in our sandbox");
            let added = index.add(IndicatorType::Domain, "a.example", &event);
            added.map_err(FeedError::source)?;
            index.build()
        })
    }
}

#[tokio::test]
async fn an_own_index_says_from_which_event_a_value_comes() {
    let engine = FeedEngine::builder().source(Arc::new(WithReasons)).build();
    let upstream = Upstream::named("my-list").unwrap();
    let found = look_up(&engine, &upstream, "a.example").await;
    let (_, _, event) = found.first().unwrap();
    assert_eq!((event.id, event.info.as_str()), (7, "seen in our sandbox"));
}

#[tokio::test]
async fn values_of_another_type_than_the_feed_are_refused() {
    let engine = FeedEngine::builder().source(Arc::new(WithReasons)).build();
    let upstream = Upstream::named("my-list").unwrap();
    let error = engine.values(&upstream, domains().scope).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("domain") && cause.contains("url"), "{cause}");
}

/// Gives URLs for a feed of any type.
#[derive(Debug)]
struct OnlyUrls;

impl IndicatorSource for OnlyUrls {
    fn gather<'a>(&'a self, _: &'a Upstream, _: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async { Ok(IndicatorSet::of(IndicatorType::Url, ["http://a.example/"]).into()) })
    }
}

#[tokio::test]
async fn values_of_another_type_are_refused_in_look_ups_too() {
    let engine = FeedEngine::builder().source(Arc::new(OnlyUrls)).build();
    let upstream = Upstream::named("my-list").unwrap();
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Years1,
    };
    let error = engine.lookup_index(&upstream, scope).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("url"), "{cause}");
}

#[tokio::test]
async fn a_misp_source_says_that_a_list_without_a_misp_is_not_for_it() {
    let upstream = Upstream::named("my-list").unwrap();
    let error = FeedEngine::default()
        .values(&upstream, domains().scope)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, FeedError::NotAMisp { name } if name == "my-list"),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::Ours);
}
