//! Look-ups and explanations from the mirror and from MISP held against each other.

use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{Errand, Filter, IndicatorSource as _, Judge, LookupScope, Query, View};
use misp_sim::{Attribute, Event, Sim, Warninglist, WarninglistKind};

use crate::both_ways::{SITE, recorded_matrix};
use crate::mirror_bench::{MirrorBench, QUIET, any, scope};
use crate::support::tag;

/// Every value of the feeds of all types, and values that are near to them.
async fn asked(bench: &MirrorBench) -> Vec<String> {
    let mut asked = Vec::new();
    for kind in IndicatorType::ALL {
        let contents = bench.gather(any(*kind)).await.unwrap();
        for value in &contents.values {
            asked.extend([value.to_owned(), format!("http://{value}/x"), format!("a.{value}")]);
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_of_the_recorded_matrix_is_looked_up_alike_both_ways() {
    let bench = MirrorBench::on(recorded_matrix(), SITE).await;
    let asked = asked(&bench).await;
    assert!(asked.len() > 100, "{}", asked.len());
    let mut found = 0;
    for feed in FeedName::ALL.iter().filter(|feed| !feed.is_custom()) {
        let scope = LookupScope {
            feed: *feed,
            age: Age::Years10,
        };
        let errand = Errand::default();
        let direct = bench.direct.index(&bench.upstream, scope, &errand).await.unwrap();
        let mirror = bench.mirror.index(&bench.upstream, scope, &errand).await.unwrap();
        assert!(direct.as_of().is_none() && mirror.as_of().is_some());
        for filter in [Filter::NONE, Filter::NONE.with_max_tlp(Tlp::Green)] {
            let judge = Judge::new(filter, bench.upstream.site());
            for value in &asked {
                let query = Query::asking(value);
                let held = mirror.find(&query, &judge, 50);
                found += held.len();
                assert_eq!(held, direct.find(&query, &judge, 50), "{feed} {value} {filter}");
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_says_that_a_value_is_listed_exactly_where_the_feed_has_it() {
    let bench = MirrorBench::on(recorded_matrix(), SITE).await;
    for kind in [IndicatorType::Domain, IndicatorType::Ipv4, IndicatorType::FileSha256] {
        let (all, block) = (any(kind), scope(FeedName::Block, kind));
        let listed = bench.gather(block).await.unwrap().values;
        for value in &bench.gather(all).await.unwrap().values {
            let explained = bench
                .mirror
                .explain(&bench.upstream, block, value, View::up_to(Tlp::Red))
                .await;
            let reasons = explained.unwrap().unwrap();
            assert_eq!(
                reasons.explanation.is_listed,
                listed.contains(value),
                "{kind} {value} {reasons:?}"
            );
            assert!(reasons.as_of.is_some());
            assert!(
                reasons.attributes.iter().all(|attribute| !attribute.ids.is_empty()),
                "{reasons:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_names_the_warninglists_that_mark_an_attribute() {
    let event = Event::new("one")
        .tag(tag("block"))
        .attribute(Attribute::new("domain|ip", "a.example.com|192.0.2.1"))
        .attribute(Attribute::new("domain", "b.example.com"));
    let names = Warninglist::new("names", WarninglistKind::Hostname, &["domain|ip"], &["a.example.com"]);
    // The mirror cannot judge by it, and asks MISP.
    let only_php = Warninglist::new("only PHP", WarninglistKind::Regex, &["domain"], &[r"/^(?!a)/"]);
    let sim = Sim::builder().event(event).warninglist(names).warninglist(only_php);
    let bench = MirrorBench::on(sim, QUIET).await;
    let block = scope(FeedName::Block, IndicatorType::Domain);
    for (value, list) in [("a.example.com", "names"), ("b.example.com", "only PHP")] {
        let explained = bench
            .mirror
            .explain(&bench.upstream, block, value, View::up_to(Tlp::Red))
            .await;
        let reasons = explained.unwrap().unwrap();
        let lists: Vec<&String> = reasons
            .attributes
            .iter()
            .flat_map(|about| &about.warninglists)
            .collect();
        assert_eq!(lists, [list], "{reasons:?}");
    }
}
