//! The guard stands before every feed, whichever way its values come.

use std::collections::BTreeMap;
use std::sync::Arc;

use feed_classification::{Age, FeedName, GuardRule, IndicatorSet, IndicatorType, Tlp};
use feed_engine::{
    Errand, FeedContents, FeedEngine, FeedScope, Filter, GatherFuture, IndicatorSource, Judge, LookupScope, Query,
    Upstream, View,
};
use misp_sim::{Attribute, Event, Moment};

use crate::mirror_bench::{MirrorBench, QUIET, scope, values};
use crate::support::{Bench, domains, lines, tag};

const LISTED: &[(&str, &str)] = &[
    ("ip-dst", "10.1.2.3"),
    ("ip-dst", "100.0.0.0/8"),
    ("ip-dst", "0.0.0.0/0"),
    ("ip-dst", "192.0.2.0/24"),
    ("ip-dst", "198.51.100.0/30"),
    ("ip-dst", "198.51.100.9"),
    ("ip-dst", "203.0.113.7"),
    ("ip-dst", "fd00::1"),
    ("domain", "co.uk"),
    ("domain", "amazonaws.com"),
    ("domain", "evil.example"),
    ("domain", "www.own.example"),
    ("hostname", "nas.local"),
    ("hostname", "evil.example"),
    ("url", "http://own.example/hacked"),
    ("url", "http://10.1.2.3/"),
    ("url", "http://evil.example/"),
    ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
    ("md5", "0cc175b9c0f1b6a831c399e269772661"),
];

const OWN: &str = "never_export: [192.0.2.128/25, 203.0.113.0/24, own.example, d41d8cd98f00b204e9800998ecf8427e]\n";

fn listed() -> Event {
    let event = Event::new("bad").tag(tag("block")).changed(Moment::Ago(3_600));
    let add = |event: Event, (kind, value): &(&str, &str)| event.attribute(Attribute::new(*kind, *value));
    LISTED.iter().fold(event, add)
}

fn harmless() -> Event {
    let value = |value| Attribute::new("ip-dst", value).tag(tag("false-positive")).to_ids(false);
    let event = Event::new("harmless").changed(Moment::Ago(3_600));
    event.attribute(value("198.51.100.1")).attribute(value("198.51.100.9"))
}

fn counted(contents: &FeedContents) -> Vec<(&str, u64)> {
    contents
        .dropped
        .iter()
        .map(|(reason, count)| (*reason, *count))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_guarded_alike_both_ways() {
    let bench = MirrorBench::of([listed(), harmless()], &format!("{QUIET}{OWN}")).await;
    for kind in IndicatorType::ALL {
        let of_type = scope(FeedName::Block, *kind);
        let held = bench.gather(of_type).await.unwrap();
        let asked = bench
            .direct
            .gather(&bench.upstream, of_type, &Errand::default())
            .await
            .unwrap();
        assert!(held.is_guarded && asked.is_guarded);
        assert_eq!(
            (values(&held), &held.dropped),
            (values(&asked), &asked.dropped),
            "{kind}"
        );
        match kind {
            IndicatorType::Ip => {
                let exported = [
                    "100.0.0.0/10",
                    "100.128.0.0/9",
                    "192.0.2.0/25",
                    "198.51.100.0",
                    "198.51.100.2/31",
                ];
                assert_eq!(values(&held), exported);
                let rules = [
                    ("false_positive", 2),
                    ("never_export", 2),
                    ("special_purpose", 3),
                    ("wide_prefixes", 1),
                ];
                assert_eq!(counted(&held), rules);
            }
            IndicatorType::Domain => assert_eq!(values(&held), ["evil.example"]),
            IndicatorType::Hostname => assert_eq!(values(&held), ["evil.example"]),
            IndicatorType::Url => assert_eq!(values(&held), ["http://evil.example/"]),
            IndicatorType::FileMd5 => assert_eq!(values(&held), ["0cc175b9c0f1b6a831c399e269772661"]),
            IndicatorType::Ipv4Ext => assert!(!values(&held).contains(&"198.51.100.1") && held.values.len() == 131),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_arrive_later_are_guarded_too() {
    let bench = MirrorBench::of([listed()], QUIET).await;
    let names = scope(FeedName::Block, IndicatorType::Hostname);
    assert_eq!(values(&bench.gather(names).await.unwrap()), ["evil.example"]);
    bench.sim.edit(|store| {
        let later = Event::new("later").tag(tag("block"));
        let later = later.attribute(Attribute::new("hostname", "printer.local"));
        store.add_event(later.attribute(Attribute::new("hostname", "a.example")));
    });
    assert_eq!(values(&bench.gather_now(names).await), ["a.example", "evil.example"]);
}

#[tokio::test]
async fn a_reload_of_the_rules_acts_at_once() {
    let bench = Bench::of([listed()]).await;
    assert_eq!(bench.block_domains().await, ["evil.example", "www.own.example"]);
    let strict = bench.with_rules(OWN);
    let feed = bench.engine.feed(&strict, &domains()).await.unwrap();
    assert_eq!((lines(&feed), feed.dropped), (vec!["evil.example".to_owned()], 3));
    let open = bench.with_rules("guard: {public_suffixes: no}\n");
    let feed = bench.engine.feed(&open, &domains()).await.unwrap();
    assert_eq!(
        lines(&feed),
        ["amazonaws.com", "co.uk", "evil.example", "www.own.example"]
    );
}

/// A list of another kind, which knows no guard.
#[derive(Debug)]
struct OwnList;

impl IndicatorSource for OwnList {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let values = IndicatorSet::of(scope.kind, ["co.uk", "evil.example", "printer.local"]);
        Box::pin(async { Ok(FeedContents::new(values, BTreeMap::new())) })
    }
}

#[tokio::test]
async fn a_source_of_another_crate_is_guarded_by_the_engine() {
    let bench = Bench::of([]).await;
    let engine = FeedEngine::builder().source(Arc::new(OwnList)).build();
    let head = engine.head(&bench.upstream, &domains()).await.unwrap();
    let dropped: Vec<_> = head.dropped().iter().map(|(reason, count)| (*reason, *count)).collect();
    assert_eq!(dropped, [("public_suffixes", 1), ("special_purpose", 1)]);
    let counts = head.counts().await.unwrap();
    assert_eq!((counts.count, counts.dropped, counts.quarantined), (1, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_find_nothing_that_the_guard_keeps_out_both_ways() {
    let bench = MirrorBench::of([listed(), harmless()], &format!("{QUIET}{OWN}")).await;
    let of_feed = LookupScope {
        feed: FeedName::Block,
        age: Age::Years10,
    };
    let errand = Errand::default();
    let direct = bench.direct.index(&bench.upstream, of_feed, &errand).await.unwrap();
    let mirror = bench.mirror.index(&bench.upstream, of_feed, &errand).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    for (asked, listed) in [
        ("10.1.2.3", &[][..]),
        ("http://10.1.2.3/", &[]),
        ("8.8.8.8", &[]),
        ("100.64.0.1", &[]),
        ("100.128.0.1", &["100.0.0.0/8"]),
        ("192.0.2.1", &["192.0.2.0/24"]),
        ("192.0.2.129", &[]),
        ("198.51.100.1", &[]),
        ("198.51.100.2", &["198.51.100.0/30"]),
        ("198.51.100.9", &[]),
        ("203.0.113.7", &[]),
        ("co.uk", &[]),
        ("evil.co.uk", &[]),
        ("s3.amazonaws.com", &[]),
        ("www.own.example", &[]),
        ("http://own.example/hacked", &[]),
        ("x.evil.example", &["evil.example", "evil.example"]),
        ("d41d8cd98f00b204e9800998ecf8427e", &[]),
        (
            "0cc175b9c0f1b6a831c399e269772661",
            &["0cc175b9c0f1b6a831c399e269772661"],
        ),
    ] {
        let query = Query::parse(asked);
        let found = mirror.find(&query, &judge, 50);
        assert_eq!(found, direct.find(&query, &judge, 50), "{asked}");
        let values: Vec<&str> = found.iter().map(|found| found.value.as_str()).collect();
        assert_eq!(values, listed, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_names_the_rule_both_ways() {
    let bench = MirrorBench::of([listed(), harmless()], &format!("{QUIET}{OWN}")).await;
    for (kind, value, rule) in [
        (IndicatorType::Ip, "10.1.2.3", Some(GuardRule::SpecialPurpose)),
        (IndicatorType::Ip, "0.0.0.0/0", Some(GuardRule::WidePrefixes)),
        (IndicatorType::Ip, "192.0.2.0/24", Some(GuardRule::NeverExport)),
        (IndicatorType::Domain, "amazonaws.com", Some(GuardRule::PublicSuffixes)),
        (IndicatorType::Domain, "evil.example", None),
    ] {
        let of_type = scope(FeedName::Block, kind);
        let view = View::up_to(Tlp::Red);
        let held = bench
            .mirror
            .explain(&bench.upstream, of_type, value, view)
            .await
            .unwrap()
            .unwrap();
        let asked = bench
            .direct
            .explain(&bench.upstream, of_type, value, view)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (held.explanation.guard, asked.explanation.guard),
            (rule, rule),
            "{value}"
        );
        assert_eq!(held.explanation.is_listed, rule.is_none(), "{value}");
        assert_eq!(held.attributes.len(), asked.attributes.len(), "{value}");
    }
}
