//! The mirror as a source: when it answers, what it asks of MISP, and what lies on disk.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{
    DirectReason, Errand, FeedEngine, FeedRequest, IndicatorSource as _, MirrorSource, Origin, Selection, Way,
};
use misp_sim::{Attribute, Event, Fault, Moment, Sim, SimBuilder};

use crate::mirror_bench::{Files, MirrorBench, QUIET, any, scope, until, upstream, values};
use crate::support::tag;

fn event(value: &str) -> Event {
    Event::new(value)
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("domain", value))
}

fn block() -> feed_engine::FeedScope {
    scope(FeedName::Block, IndicatorType::Domain)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_question_goes_to_misp_and_the_later_ones_to_the_mirror() {
    let sim = Sim::builder().event(event("a.example"));
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
    let bench = MirrorBench::of([event("a.example")], QUIET).await;
    bench.sim.edit(|store| store.add_event(event("b.example")));
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    assert_eq!(values(&bench.gather_now(block()).await), ["a.example", "b.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_brings_a_change_to_a_feed_in_memory_without_a_request() {
    let bench = MirrorBench::of([event("a.example")], QUIET).await;
    let engine = FeedEngine::builder().source(Arc::clone(&bench.mirror) as _).build();
    let request = FeedRequest::new(
        Selection::Feed(FeedName::Block),
        IndicatorType::Domain,
        feed_classification::Age::Years10,
        "txt",
    );
    let feed = engine.feed(&bench.upstream, &request).await.unwrap();
    assert_eq!((feed.origin, feed.count), (Origin::Miss, 1));
    bench.sim.edit(|store| store.add_event(event("b.example")));
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
    let bench = MirrorBench::of([event("a.example")], QUIET).await;
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
    let bench = MirrorBench::of([event("a.example")], more).await;
    for value in ["b.example", "c.example"] {
        bench.sim.edit(|store| store.add_event(event(value)));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let contents = bench.gather(block()).await.unwrap();
        assert!(values(&contents).contains(&value));
        let age = jiff::Timestamp::now().duration_since(contents.as_of.unwrap());
        assert!(age.as_secs_f64() < 1.0, "{age:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_first_answer_knows_what_happened_meanwhile() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()));
    bench.sim.edit(|store| {
        let event = store.find_event("a.example").unwrap();
        store.unpublish(event).unwrap();
    });
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    assert!(bench.gather(block()).await.unwrap().values.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_mirror_asks_misp_for_each_feed() {
    let sim = Sim::builder().event(event("a.example"));
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
    let sim = Sim::builder().event(event("a.example"));
    let bench = MirrorBench::before_the_first_request(sim, "mirror_keys: 1\n").await;
    let wrong = upstream(&bench.sim, &"w".repeat(40), "mirror_keys: 1\n");
    assert!(bench.mirror.gather(&wrong, block(), &Errand::default()).await.is_err());
    assert!(bench.mirror.states().is_empty());
    bench.begin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_a_site_may_have_mirrors_for_ask_misp_for_each_feed() {
    let more = format!("{QUIET}mirror_keys: 1\n");
    let bench = MirrorBench::of([event("a.example")], &more).await;
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
async fn a_misp_with_too_many_attributes_is_asked_for_each_feed() {
    let sim = [event("a.example"), event("b.example")]
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
async fn after_a_restart_feeds_come_from_disk_while_misp_is_away() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    assert_eq!(files.ends(), ["key", "redb"]);
    let status = bench.mirror.states().remove(0);
    assert!(status.way.mirror().unwrap().is_durable && status.in_memory_because.is_none());

    bench.sim.set_fault(Fault::Refuse);
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()));
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    let contents = bench.gather(block()).await.unwrap();
    assert_eq!(values(&contents), ["a.example"]);
    assert!(contents.as_of.unwrap() < jiff::Timestamp::now());
    bench.sim.clear_fault();
    bench.sim.edit(|store| store.add_event(event("b.example")));
    until(|| match bench.mirror.states()[0].as_of {
        Some(at) if at > contents.as_of.unwrap() => Ok(()),
        at => {
            bench.mirror.hint(&bench.upstream.site().name);
            Err(format!("{at:?}"))
        }
    })
    .await;
    assert_eq!(values(&bench.gather_now(block()).await), ["a.example", "b.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_a_mirror_shows_a_key_a_value_or_a_site() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a-secret-name.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    for entry in std::fs::read_dir(files.state()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains("127.0.0.1"), "{path:?}");
        let bytes = std::fs::read(&path).unwrap();
        for secret in [Sim::READER_KEY, "a-secret-name", "127.0.0.1"] {
            let shows = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!shows, "{secret} in {path:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_mirror_go_when_its_site_goes_or_has_no_mirror_any_more() {
    for goes in [true, false] {
        let files = Files::with_site(QUIET);
        let sim = Sim::builder().event(event("a.example"));
        let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
        bench.mirror = files.source().await;
        bench.begin().await;
        if goes {
            files.remove_site();
        } else {
            files.write_site("mirror: no\n");
        }
        files.load_into(&bench.mirror, 1).await;
        until(|| match (files.ends().len(), bench.mirror.states().len()) {
            (0, 0) => Ok(()),
            counts => Err(format!("{counts:?}")),
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_site_that_is_gone_at_the_start_are_deleted() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()));
    files.write_site("nonsense: [");
    let _broken = files.source().await;
    assert_eq!(
        files.ends(),
        ["key", "redb"],
        "a mistake in a site file deletes nothing"
    );
    files.remove_site();
    let _gone = files.source().await;
    assert!(files.ends().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_another_encryption_key_stays_as_it_is_and_feeds_go_on_in_memory() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    let source = MirrorSource::new(Arc::default()).state_directory(files.state());
    bench.mirror = Arc::new(source);
    files.load_into(&bench.mirror, 2).await;
    bench.begin().await;
    let state = bench.mirror.states().remove(0);
    let why = state.in_memory_because.unwrap();
    assert!(
        why.contains("encryption_keys") && !state.way.mirror().unwrap().is_durable,
        "{why}"
    );
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    bench.sim.set_fault(Fault::Refuse);
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    assert_eq!(
        values(&bench.gather(block()).await.unwrap()),
        ["a.example"],
        "with the old key it is as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_mappings_are_read_from_misp_before_the_mirror_answers_by_them() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example").attribute(Attribute::new("filename", "b.example")));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    let mappings = "types:\n  domain: [domain, filename]\n";
    std::fs::write(files.0.path().join("mappings.yaml"), mappings).unwrap();
    let mappings = Arc::new(site_config::Mappings::from_yaml(mappings).unwrap());
    bench.upstream = feed_engine::Upstream::new(
        Arc::clone(bench.upstream.site()),
        mappings,
        feed_engine::Protocol::Http,
        bench.sim.addr().port(),
        Sim::READER_KEY.to_owned().into(),
    );
    let both = ["a.example", "b.example"];
    assert_eq!(
        bench.reason(),
        Some(DirectReason::Opening),
        "the rows of the mirror are of other types"
    );
    assert_eq!(values(&bench.gather(block()).await.unwrap()), both);
    files.load_into(&bench.mirror, 1).await;
    bench.until_mirrored().await;
    assert_eq!(values(&bench.gather(block()).await.unwrap()), both);
    assert!(matches!(bench.mirror.way(&bench.upstream), Way::Mirror(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_direct_way_saw_withdrawn_stays_withdrawn_in_the_mirror() {
    let sim = Sim::builder().event(event("a.example"));
    let bench = MirrorBench::before_the_first_request(sim, "mirror: no\n").await;
    bench.gather(block()).await.unwrap();
    let id = bench.sim.with_store(|store| store.find("a.example").unwrap());
    bench.sim.clock().advance(10);
    bench.sim.edit(|store| {
        let event = store.find_event("a.example").unwrap();
        store.unpublish(event).unwrap();
    });
    assert!(bench.gather(block()).await.unwrap().values.is_empty());
    bench.sim.clock().advance(10);
    bench.sim.edit(|store| store.set_comment(id, "edited").unwrap());
    assert!(bench.gather(block()).await.unwrap().values.is_empty());
    // With a mirror from now on: it never saw the event withdrawn.
    let bench = MirrorBench {
        upstream: upstream(&bench.sim, Sim::READER_KEY, QUIET),
        ..bench
    };
    bench.begin().await;
    assert!(bench.gather(block()).await.unwrap().values.is_empty());
    assert_eq!(
        values(&bench.gather(any(IndicatorType::Domain)).await.unwrap()),
        Vec::<&str>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_forgotten_begins_again_with_the_next_answer_of_misp() {
    let files = Files::with_site(QUIET);
    let sim = Sim::builder().event(event("a.example"));
    let mut bench = MirrorBench::before_the_first_request(sim, QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    assert!(bench.mirror.forget_mirror(&bench.upstream));
    until(|| match files.ends().len() {
        0 => Ok(()),
        files => Err(format!("{files} files")),
    })
    .await;
    bench.begin().await;
    assert_eq!(files.ends(), ["key", "redb"]);
}

/// A source as after a restart with a mirror on disk, while MISP takes questions and answers none.
async fn restarted_while_misp_hangs(more: &str) -> (Files, MirrorBench) {
    let files = Files::with_site(more);
    let mut bench = MirrorBench::before_the_first_request(Sim::builder().event(event("a.example")), more).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()));
    bench.sim.set_fault(Fault::Hang);
    bench.mirror = files.source().await;
    (files, bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_misp_that_hangs_delays_the_first_answer_by_some_seconds_only() {
    let (_files, bench) = restarted_while_misp_hangs(QUIET).await;
    bench.sim.clear_requests();
    let began = std::time::Instant::now();
    let contents = bench.gather(block()).await.unwrap();
    assert_eq!(values(&contents), ["a.example"]);
    assert!(contents.as_of.is_some(), "the answer comes from the mirror");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(bench.questions_for_rows(), 0, "no question for the feed goes to MISP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_that_hangs_delays_the_answer_of_an_old_copy_by_some_seconds_only() {
    let (_files, bench) = restarted_while_misp_hangs(&format!("{QUIET}memcached_all_timeout: 1\n")).await;
    bench.until_mirrored().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let began = std::time::Instant::now();
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_a_misp_that_hangs_ends_when_the_mirror_is_ready() {
    let files = Files::with_site(QUIET);
    let mut bench = MirrorBench::before_the_first_request(Sim::builder().event(event("a.example")), QUIET).await;
    bench.mirror = files.source().await;
    bench.begin().await;
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()));
    bench.sim.set_fault(Fault::Hang);
    // The request comes before the configuration, and so before the mirror has a place.
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()).state_directory(files.state()));
    let (contents, ()) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(10), bench.gather(block())),
        files.load_into(&bench.mirror, 1),
    );
    assert_eq!(values(&contents.unwrap().unwrap()), ["a.example"]);
}
