//! The mirror as a source: when it answers, and what it asks of MISP.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{
    DirectReason, Errand, FeedEngine, FeedRequest, IndicatorSource as _, MirrorSource, Origin, Selection,
};
use misp_mirror::ManualClock;
use misp_sim::{Edit, Fault, Sim, SimBuilder, SiteEdit};

use crate::mirror_bench::{MirrorBench, QUIET, any, block, domain_event, scope, until, upstream, values};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_question_goes_to_misp_and_the_later_ones_to_the_mirror() {
    let sim = Sim::builder().event(domain_event("a.example"));
    let bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    assert_eq!(bench.reason(), Some(DirectReason::NotUsed));
    let first = bench.gather(block()).await.unwrap();
    assert_eq!((values(&first), first.as_of), (vec!["a.example"], None));
    bench.until_mirrored().await;
    bench.sim.clear_requests();
    for feed in FeedName::ALL.iter().filter(|feed| !feed.is_custom()) {
        for kind in IndicatorType::ALL {
            let contents = bench.gather(scope(*feed, *kind)).await.unwrap();
            assert!(contents.as_of.is_some() && contents.is_sure);
        }
    }
    assert_eq!(bench.sim.requests().len(), 0, "MISP is asked nothing");
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_misp_is_in_the_next_answer_of_a_caller_that_wants_it_confirmed() {
    let bench = MirrorBench::of([domain_event("a.example")], QUIET).await;
    bench.sim.edit(|store| store.add_event(domain_event("b.example")));
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    assert_eq!(values(&bench.gather_now(block()).await), ["a.example", "b.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_brings_a_change_to_a_feed_in_memory_without_a_request() {
    let bench = MirrorBench::of([domain_event("a.example")], QUIET).await;
    let engine = FeedEngine::builder().source(Arc::clone(&bench.mirror) as _).build();
    let request = FeedRequest::new(
        Selection::Feed(FeedName::Block),
        IndicatorType::Domain,
        feed_classification::Age::Years10,
        "txt",
    );
    let feed = engine.feed(&bench.upstream, &request).await.unwrap();
    assert_eq!((feed.origin, feed.count), (Origin::Miss, 1));
    bench.sim.edit(|store| store.add_event(domain_event("b.example")));
    assert_eq!(
        engine
            .refresh_touched(&bench.upstream.site().name, &feed_engine::ChangeHint::Everything)
            .await,
        0
    );
    let began = std::time::Instant::now();
    loop {
        let feed = engine.feed(&bench.upstream, &request).await.unwrap();
        assert_eq!(feed.origin, Origin::Hit);
        if feed.count == 2 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_misp_does_not_confirm_is_served_with_its_age() {
    let bench = MirrorBench::of([domain_event("a.example")], QUIET).await;
    bench.sim.set_fault(Fault::Refuse);
    let errand = Errand::default().confirmed_from(Some(jiff::Timestamp::now()));
    let began = std::time::Instant::now();
    let contents = bench.mirror.gather(&bench.upstream, block(), &errand).await.unwrap();
    assert_eq!(values(&contents), ["a.example"]);
    assert!(contents.as_of < errand.confirmed_since());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_older_than_feeds_may_be_is_confirmed_first() {
    let more = "mirror_poll: 1h\nmemcached_all_timeout: 1\n";
    let bench = MirrorBench::of([domain_event("a.example")], more).await;
    for value in ["b.example", "c.example"] {
        bench.sim.edit(|store| store.add_event(domain_event(value)));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let contents = bench.gather(block()).await.unwrap();
        assert!(values(&contents).contains(&value));
        let age = jiff::Timestamp::now().duration_since(contents.as_of.unwrap());
        assert!(age.as_secs_f64() < 1.0, "{age:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_mirror_asks_misp_for_each_feed() {
    let sim = Sim::builder().event(domain_event("a.example"));
    let bench = MirrorBench::before_the_first_request(sim, "mirror: no\n").await;
    for _ in 0..2 {
        assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    }
    assert_eq!(bench.reason(), Some(DirectReason::Off));
    assert!(bench.mirror.states().is_empty());
    assert_eq!(bench.questions_for_rows(), 6, "three for each answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_misp_refuses_takes_no_place() {
    let sim = Sim::builder().event(domain_event("a.example"));
    let bench = MirrorBench::before_the_first_request(sim, "mirror_keys: 1\n").await;
    let wrong = upstream(&bench.sim, &"w".repeat(40), "mirror_keys: 1\n");
    assert!(bench.mirror.gather(&wrong, block(), &Errand::default()).await.is_err());
    assert!(bench.mirror.states().is_empty());
    bench.begin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_a_site_may_have_mirrors_for_ask_misp_for_each_feed() {
    let more = format!("{QUIET}mirror_keys: 1\n");
    let bench = MirrorBench::of([domain_event("a.example")], &more).await;
    let other = upstream(&bench.sim, Sim::ADMIN_KEY, &more);
    for _ in 0..2 {
        let contents = bench.mirror.gather(&other, block(), &Errand::default()).await.unwrap();
        assert_eq!((values(&contents), contents.as_of), (vec!["a.example"], None));
    }
    let reason = bench.mirror.way(&other).reason();
    assert_eq!(reason, Some(DirectReason::TooManyKeys { limit: 1 }));
    assert_eq!(bench.reason(), None, "the first key keeps its mirror");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_whose_key_misp_refuses_makes_room_for_that_of_the_new_key() {
    let more = format!("{QUIET}mirror_keys: 1\n");
    let sim = Sim::builder().event(domain_event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, &more).await;
    let clock = ManualClock::at(jiff::Timestamp::now());
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()).clock(Arc::new(clock.clone())));
    bench.begin().await;
    let renewed = "n".repeat(40);
    let edit = SiteEdit::UserKey(1, renewed.clone());
    bench.sim.edit(|store| store.apply(&Edit::Site(edit))).unwrap();
    let renewed = upstream(&bench.sim, &renewed, &more);
    let ask = || async {
        let errand = Errand::default();
        let contents = bench.mirror.gather(&renewed, block(), &errand).await.unwrap();
        assert_eq!(values(&contents), ["a.example"]);
        bench.mirror.way(&renewed).reason()
    };
    assert_eq!(
        ask().await,
        Some(DirectReason::TooManyKeys { limit: 1 }),
        "not refused yet"
    );
    until(|| {
        clock.advance(Duration::from_secs(15));
        let state = bench.mirror.states().remove(0);
        let since = state.way.mirror().and_then(|status| status.refused_since);
        since.map(drop).ok_or_else(|| format!("{:?}", state.way))
    })
    .await;
    clock.advance(Duration::from_secs(60));
    for _ in 0..300 {
        if ask().await.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", bench.mirror.states());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_with_too_many_attributes_is_asked_for_each_feed() {
    let sim = [domain_event("a.example"), domain_event("b.example")]
        .into_iter()
        .fold(Sim::builder(), SimBuilder::event);
    let bench = MirrorBench::before_the_first_request(sim, "mirror_max_attributes: 1\n").await;
    bench.gather(block()).await.unwrap();
    let limit = DirectReason::TooManyAttributes { limit: 1 };
    until(|| match bench.reason() {
        Some(reason) if reason == limit => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(
        values(&bench.gather(block()).await.unwrap()),
        ["a.example", "b.example"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_direct_way_saw_withdrawn_stays_withdrawn_in_the_mirror() {
    let sim = ["seen.example", "unseen.example"].map(domain_event).into_iter();
    let sim = sim.fold(Sim::builder(), SimBuilder::event);
    let bench = MirrorBench::before_the_first_request(sim, "mirror: no\n").await;
    bench.gather(block()).await.unwrap();
    let withdraw = |name: &str| {
        bench.sim.edit(|store| {
            let event = store.find_event(name).unwrap();
            store.unpublish(event).unwrap();
        });
        bench.sim.clock().advance(10);
    };
    withdraw("seen.example");
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["unseen.example"]);
    withdraw("unseen.example");
    // MISP shows both as events whose new version is not published yet.
    bench.sim.edit(|store| {
        for name in ["seen.example", "unseen.example"] {
            let event = store.find_event(name).unwrap();
            store.set_info(event, &format!("{name}, told better")).unwrap();
        }
    });
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["unseen.example"]);
    // With a mirror from now on: it never saw an event withdrawn.
    let bench = MirrorBench {
        upstream: upstream(&bench.sim, Sim::READER_KEY, QUIET),
        ..bench
    };
    bench.begin().await;
    for scope in [block(), any(IndicatorType::Domain)] {
        let contents = bench.gather(scope).await.unwrap();
        assert_eq!(
            (values(&contents), contents.as_of.is_some()),
            (vec!["unseen.example"], true)
        );
    }
}
