//! Lists with a length limit: the newest values stay, the same ones whichever way they come.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cache::{CacheKeys, InProcessStore, SharedCache, SharedStore};
use feed_classification::{About, Exporter, FeedName, Indicator, IndicatorType, Registry, TypeSet};
use feed_engine::{FeedEngine, FeedHead, FeedRequest, IndicatorSource, MispSource, OutputEffect, RenderedFeed, View};
use misp_sim::{Attribute, Event, Fault, Moment};

use crate::mirror_bench::{MirrorBench, QUIET};
use crate::scripted_source::{Scripted, Stage, pass};
use crate::support::{Bench, domains, lines, tag, wanted};

fn limited(request: FeedRequest, most: u32) -> FeedRequest {
    request.limit(NonZeroU32::new(most).unwrap())
}

/// A published event with attributes of one type, each with the seconds since its last change.
fn event(info: &str, kind: &str, attributes: &[(&str, u64)]) -> Event {
    let event = Event::new(info).tag(tag("block")).changed(Moment::Ago(1));
    attributes.iter().fold(event, |event, (value, ago)| {
        event.attribute(Attribute::new(kind, *value).changed(Moment::Ago(*ago)))
    })
}

async fn head(engine: &FeedEngine, bench: &Bench, request: &FeedRequest) -> FeedHead {
    engine.head(&bench.upstream, request).await.unwrap()
}

fn keeps_newest(head: &FeedHead) -> Option<bool> {
    head.limit.map(|limit| limit.keeps_newest)
}

#[tokio::test]
async fn the_newest_values_stay_in_the_order_of_every_list() {
    let values = [
        ("a.example.com", 500),
        ("b.example.com", 100),
        ("c.example.com", 300),
        ("d.example.com", 200),
    ];
    let bench = Bench::of([event("one", "domain", &values)]).await;
    for (most, kept) in [
        (1, vec!["b.example.com"]),
        (2, vec!["b.example.com", "d.example.com"]),
        (3, vec!["b.example.com", "c.example.com", "d.example.com"]),
    ] {
        let feed = bench.ask(limited(domains(), most)).await.unwrap();
        assert_eq!(lines(&feed), kept);
        assert_eq!((feed.count, feed.truncated), (u64::from(most), 4 - u64::from(most)));
    }
}

#[tokio::test]
async fn a_value_is_as_new_as_its_newest_attribute_that_counts() {
    let not_meant_for_detection = Attribute::new("domain", "b.example.com")
        .to_ids(false)
        .changed(Moment::Ago(10));
    let bench = Bench::of([
        event("old", "domain", &[("a.example.com", 900), ("b.example.com", 500)]),
        event("new", "domain", &[("a.example.com", 100)]).attribute(not_meant_for_detection),
    ])
    .await;
    let newest = bench.ask(limited(domains(), 1)).await.unwrap();
    assert_eq!(lines(&newest), ["a.example.com"]);
}

#[tokio::test]
async fn a_limit_that_the_feed_does_not_reach_changes_no_byte_and_no_tag() {
    let bench = Bench::of([event("one", "domain", &[("a.example.com", 2), ("b.example.com", 1)])]).await;
    let whole = bench.ask(domains()).await.unwrap();
    for most in [2, 3, 1_000] {
        let feed = bench.ask(limited(domains(), most)).await.unwrap();
        assert_eq!(
            (&feed.etag, feed.changed_at, feed.truncated),
            (&whole.etag, whole.changed_at, 0)
        );
        assert_eq!(feed.body.whole(), whole.body.whole());
    }
    assert_ne!(bench.ask(limited(domains(), 1)).await.unwrap().etag, whole.etag);
}

/// A device that asks with validators must not keep the old list.
#[tokio::test]
async fn an_edit_that_changes_only_times_changes_limited_lists_and_no_others() {
    let bench = Bench::of([event(
        "one",
        "domain",
        &[("a.example.com", 900), ("b.example.com", 500)],
    )])
    .await;
    let fresh = |request: FeedRequest| request.max_age(Duration::ZERO);
    let (whole, before) = (
        bench.ask(domains()).await.unwrap(),
        bench.ask(limited(domains(), 1)).await.unwrap(),
    );
    assert_eq!(lines(&before), ["b.example.com"]);
    bench.sim.edit(|store| {
        let id = store.find("a.example.com").unwrap();
        store.set_comment(id, "seen again").unwrap();
        store.publish(store.find_event("one").unwrap()).unwrap();
    });
    bench.grow_old(1);
    let after = bench.ask(fresh(limited(domains(), 1))).await.unwrap();
    assert_eq!(lines(&after), ["a.example.com"]);
    assert_ne!(after.etag, before.etag);
    assert!(after.changed_at.as_second() > before.changed_at.as_second());
    let still = bench.ask(domains()).await.unwrap();
    assert_eq!((still.etag, still.changed_at), (whole.etag, whole.changed_at));
}

#[tokio::test]
async fn a_value_that_the_format_cannot_carry_takes_no_place() {
    let names = [("#note.exe", 1), ("a.exe", 300), ("b.exe", 200)];
    let bench = Bench::of([event("files", "filename", &names)]).await;
    let mut request = limited(wanted(FeedName::Block, IndicatorType::Filename), 1);
    request.output = "generic".to_owned();
    let feed = bench.ask(request.clone()).await.unwrap();
    assert_eq!((feed.count, feed.dropped, feed.truncated), (1, 1, 1));
    assert_eq!(feed.body.whole().unwrap().as_ref(), b"b.exe\n");
    let all = bench.ask(limited(request, 2)).await.unwrap();
    assert_eq!((all.count, all.dropped, all.truncated), (2, 1, 0));
}

#[tokio::test]
async fn networks_are_merged_after_the_oldest_are_left_out() {
    let networks = [("192.0.2.0/25", 10), ("192.0.2.128/25", 20), ("198.51.100.0/24", 900)];
    let bench = Bench::of([event("nets", "ip-dst", &networks)]).await;
    let request = limited(wanted(FeedName::Block, IndicatorType::Cidr4), 2).aggregate(true);
    let feed = bench.ask(request).await.unwrap();
    assert_eq!(
        (lines(&feed), feed.count, feed.truncated),
        (vec!["192.0.2.0/24".to_owned()], 1, 1)
    );
}

/// An exporter for a device that loads two entries.
#[derive(Debug)]
struct Two;

impl Exporter for Two {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("two", "Two names.").accepts(TypeSet::NAMES).most(2);
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", item.value)
    }
}

#[tokio::test]
async fn an_output_has_a_limit_of_its_own_that_a_caller_can_narrow_and_not_widen() {
    let values = [
        ("a.example.com", 400),
        ("b.example.com", 300),
        ("c.example.com", 200),
        ("d.example.com", 100),
    ];
    let bench = Bench::of([event("one", "domain", &values)]).await;
    let engine = FeedEngine::builder().registry(Registry::builtin().with(Two)).build();
    let mut request = domains();
    request.output = "two".to_owned();
    for (asked, body, limit) in [
        (request.clone(), "c.example.com\nd.example.com\n", 2),
        (limited(request.clone(), 1), "d.example.com\n", 1),
        (limited(request.clone(), 3), "c.example.com\nd.example.com\n", 2),
    ] {
        let head = head(&engine, &bench, &asked).await;
        assert_eq!(head.limit.map(|limit| limit.most.get()), Some(limit));
        let counts = head.counts().await.unwrap();
        assert_eq!(
            (counts.count, counts.truncated),
            (u64::from(limit), 4 - u64::from(limit))
        );
        let feed = head.render().await.unwrap();
        assert_eq!(feed.body.whole().unwrap().as_ref(), body.as_bytes());
    }
    let explained = |value| {
        engine.explain(
            &bench.upstream,
            &request,
            value,
            View::up_to(feed_classification::Tlp::Red),
        )
    };
    assert_eq!(
        explained("a.example.com").await.unwrap().output,
        OutputEffect::Truncated
    );
    assert_eq!(explained("d.example.com").await.unwrap().output, OutputEffect::Written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_and_a_question_to_misp_give_the_same_limited_bytes() {
    let bench = MirrorBench::of(
        [
            event(
                "names",
                "domain",
                &[("a.example.com", 900), ("b.example.com", 50), ("c.example.com", 70)],
            ),
            event(
                "more names",
                "domain|ip",
                &[("a.example.com", 60), ("d.example.com", 50), ("co.uk", 1)],
            ),
            event("pairs", "domain|ip", &[("e.example.com|192.0.2.9", 65)]),
            event(
                "nets",
                "ip-dst",
                &[("192.0.2.0/30", 400), ("192.0.2.1", 300), ("198.51.100.0/24", 200)],
            ),
            event(
                "urls",
                "url",
                &[
                    ("http://A.example", 5),
                    ("http://a.example/", 90),
                    ("http://b.example/", 40),
                ],
            ),
        ],
        &format!("{QUIET}never_export: [198.51.100.0/26]\n"),
    )
    .await;
    let by_mirror = FeedEngine::builder()
        .source(Arc::clone(&bench.mirror) as Arc<dyn IndicatorSource>)
        .build();
    let by_misp = FeedEngine::builder().source(Arc::new(MispSource::new())).build();
    for kind in [
        IndicatorType::Domain,
        IndicatorType::Ipv4,
        IndicatorType::Ipv4Ext,
        IndicatorType::Cidr4,
        IndicatorType::Ip,
        IndicatorType::Url,
    ] {
        for output in ["txt", "json", "paloalto"] {
            for most in 1..6 {
                let mut request = limited(wanted(FeedName::Block, kind), most);
                request.output = output.to_owned();
                let (held, asked) = (
                    by_mirror.feed(&bench.upstream, &request).await.unwrap(),
                    by_misp.feed(&bench.upstream, &request).await.unwrap(),
                );
                assert_eq!(held.body.whole(), asked.body.whole(), "{kind} {output} {most}");
                assert_eq!(
                    (&held.etag, held.truncated),
                    (&asked.etag, asked.truncated),
                    "{kind} {output} {most}"
                );
                assert!(held.count <= u64::from(most), "{kind} {output} {most}");
            }
        }
    }
}

/// The mirror gives times only where they are wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_a_mirror_has_times_from_the_first_limited_request_on() {
    let bench = MirrorBench::of(
        [event("one", "domain", &[("a.example.com", 900), ("b.example.com", 50)])],
        QUIET,
    )
    .await;
    let engine = FeedEngine::builder()
        .source(Arc::clone(&bench.mirror) as Arc<dyn IndicatorSource>)
        .build();
    let whole = engine.values(&bench.upstream, domains().scope).await.unwrap();
    assert_eq!(whole.set.times(), None);
    let head = engine.head(&bench.upstream, &limited(domains(), 1)).await.unwrap();
    assert_eq!(keeps_newest(&head), Some(true));
    assert_eq!(lines(&head.render().await.unwrap()), ["b.example.com"]);
    let timed = engine.values(&bench.upstream, domains().scope).await.unwrap();
    assert_eq!(
        (timed.set.id(), timed.set.changed_at()),
        (whole.set.id(), whole.set.changed_at())
    );
    assert_eq!(timed.set.times().map(feed_classification::ValueTimes::len), Some(2));
}

#[tokio::test]
async fn while_misp_fails_the_limited_list_stays_as_it_was() {
    let bench = Bench::with_site(
        [event(
            "one",
            "domain",
            &[("a.example.com", 900), ("b.example.com", 500)],
        )],
        "mispTimeoutSeconds: 1\n",
    )
    .await;
    let before = bench.ask(limited(domains(), 1)).await.unwrap();
    bench.sim.set_fault(Fault::Status(500));
    bench.grow_old(3_600);
    let stale = bench.ask(limited(domains(), 1)).await.unwrap();
    assert_eq!(
        (&stale.etag, lines(&stale)),
        (&before.etag, vec!["b.example.com".to_owned()])
    );
    assert!(stale.refresh_failing);
}

#[tokio::test(start_paused = true)]
async fn a_source_without_times_keeps_the_first_in_order_and_is_asked_for_them_once() {
    let stage = Stage::of(&["c.example.com", "a.example.com", "b.example.com"], "");
    stage.ask().await;
    assert_eq!(stage.source.asked(), 1);
    for _ in 0..3 {
        let head = stage
            .engine
            .head(&stage.upstream, &limited(domains(), 2))
            .await
            .unwrap();
        assert_eq!(keeps_newest(&head), Some(false));
        assert_eq!(lines(&head.render().await.unwrap()), ["a.example.com", "b.example.com"]);
        assert_eq!(stage.source.asked(), 2, "once more, for the times");
    }
}

fn shared(store: &Arc<dyn SharedStore>) -> SharedCache {
    SharedCache::with_patience(
        Arc::clone(store),
        CacheKeys::new([&[7; 32]]).unwrap(),
        Duration::from_secs(30),
    )
}

#[tokio::test]
async fn replicas_share_the_times_and_give_the_same_limited_bytes() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let values = [("a.example.com", 900), ("b.example.com", 500), ("c.example.com", 700)];
    let bench = Bench::of([event("one", "domain", &values)]).await;
    let ask = async || -> RenderedFeed {
        let replica = FeedEngine::builder().shared(shared(&store)).build();
        let mut request = limited(domains(), 2);
        // Its serial is the time of the last change.
        request.output = "rpz".to_owned();
        replica.feed(&bench.upstream, &request).await.unwrap()
    };
    let (first, second, third) = (ask().await, ask().await, ask().await);
    for other in [second, third] {
        assert_eq!((&first.etag, first.changed_at), (&other.etag, other.changed_at));
        assert_eq!(first.body.whole(), other.body.whole());
    }
}

/// A list of the first values must not come from a set that another replica needed no times for.
#[tokio::test(start_paused = true)]
async fn a_shared_set_without_times_is_not_taken_for_a_limited_list() {
    let store: Arc<dyn SharedStore> = Arc::new(InProcessStore::new());
    let replica = || {
        let source = Arc::new(Scripted::default());
        source.set(&["a.example.com", "b.example.com"]);
        Stage::over(source, "", Some(shared(&store)))
    };
    let first = replica();
    first.ask().await;
    let other = replica();
    other.ask_for(limited(domains(), 1)).await;
    assert_eq!(other.source.asked(), 1);
    let third = replica();
    third.ask_for(limited(domains(), 1)).await;
    third.ask().await;
    assert_eq!(third.source.asked(), 0, "the second one had its source asked for times");
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_a_source_is_asked_for_times_when_five_seconds_are_over() {
    let stage = Stage::of(&["a.example.com", "b.example.com"], "");
    stage.ask().await;
    stage.source.fails(true);
    pass(1).await;
    let failed = stage.ask_for(domains().max_age(Duration::ZERO)).await;
    assert!(failed.refresh_failing);
    stage.source.fails(false);
    for (seconds, asked) in [(4, 2), (1, 3)] {
        pass(seconds).await;
        stage.ask_for(limited(domains(), 1)).await;
        assert_eq!(stage.source.asked(), asked);
    }
}
