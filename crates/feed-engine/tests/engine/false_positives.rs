//! False positives count by value.

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{Filter, Judge, LookupScope, Query};
use misp_sim::{Attribute, Event, Moment};

use crate::support::{Bench, tag};

const HOUR: u64 = 3_600;

fn bad(kind: &str, value: &str) -> Event {
    Event::new("bad")
        .tag(tag("block"))
        .changed(Moment::Ago(HOUR))
        .attribute(Attribute::new(kind, value))
}

fn harmless(kind: &str, value: &str, age: u64) -> Event {
    Event::new("harmless")
        .changed(Moment::Ago(age))
        .attribute(Attribute::new(kind, value).tag(tag("false-positive")).to_ids(false))
}

#[tokio::test]
async fn a_false_positive_in_one_event_removes_the_value_from_another() {
    let bench = Bench::of([
        bad("domain", "a.example.com"),
        bad("domain", "b.example.com"),
        harmless("domain", "A.example.COM", HOUR),
    ])
    .await;
    assert_eq!(bench.block_domains().await, ["b.example.com"]);
}

#[tokio::test]
async fn a_false_positive_inside_a_composite_counts() {
    let bench = Bench::of([
        bad("ip-dst", "192.0.2.7"),
        bad("ip-dst", "192.0.2.8"),
        harmless("ip-dst|port", "192.0.2.7|443", HOUR),
    ])
    .await;
    assert_eq!(bench.values(FeedName::Block, IndicatorType::Ipv4).await, ["192.0.2.8"]);
}

#[tokio::test]
async fn a_tag_on_the_event_makes_all_its_values_harmless() {
    let all = Event::new("all harmless")
        .tag(tag("false-positive"))
        .changed(Moment::Ago(HOUR))
        .attribute(Attribute::new("domain", "a.example.com"));
    let bench = Bench::of([bad("domain", "a.example.com"), bad("domain", "b.example.com"), all]).await;
    assert_eq!(bench.block_domains().await, ["b.example.com"]);
}

#[tokio::test]
async fn a_false_positive_on_a_domain_counts_for_host_names() {
    let bench = Bench::of([
        bad("hostname", "a.example.com"),
        bad("hostname", "b.example.com"),
        harmless("domain", "a.example.com", HOUR),
    ])
    .await;
    assert_eq!(
        bench.values(FeedName::Block, IndicatorType::Hostname).await,
        ["b.example.com"]
    );
}

#[tokio::test]
async fn falsepositive_timeout_says_how_far_back_they_count() {
    let old = harmless("domain", "a.example.com", 8 * 24 * HOUR);
    let bench = Bench::of([bad("domain", "a.example.com"), old]).await;
    assert_eq!(bench.block_domains().await, ["a.example.com"]);
    let longer = bench.with_rules("falsepositive_timeout: 1m\n");
    // The new rule empties the feed, which counts after the second question.
    let held = bench.engine.feed(&longer, &crate::support::domains()).await;
    assert_eq!(held.unwrap().count, 1);
    bench.grow_old(5);
    let anew = crate::support::domains().max_age(std::time::Duration::ZERO);
    assert_eq!(bench.engine.feed(&longer, &anew).await.unwrap().count, 0);
}

#[tokio::test]
async fn marking_a_value_acts_although_the_tag_unpublishes_its_event() {
    let bench = Bench::of([bad("domain", "a.example.com"), bad("domain", "b.example.com")]).await;
    assert_eq!(bench.block_domains().await.len(), 2);
    bench.sim.edit(|store| {
        let attribute = store.find("a.example.com").unwrap();
        store.tag_attribute(attribute, &tag("false-positive")).unwrap();
    });
    assert_eq!(bench.block_domains().await, ["b.example.com"]);
}

/// An event of attributes that are older than any time-out, and which of them has a tag of its own.
fn old_story(tagged: bool) -> Event {
    let attribute = Attribute::new("domain", "a.example.com").changed(Moment::Ago(30 * 24 * HOUR));
    Event::new("old story")
        .changed(Moment::Ago(30 * 24 * HOUR))
        .attribute(if tagged {
            attribute.tag(tag("false-positive"))
        } else {
            attribute
        })
}

#[tokio::test]
async fn a_tag_put_on_an_old_event_takes_its_values_out_elsewhere() {
    let bench = Bench::of([
        bad("domain", "a.example.com"),
        bad("domain", "b.example.com"),
        old_story(false),
    ])
    .await;
    assert_eq!(bench.block_domains().await.len(), 2);
    bench.sim.edit(|store| {
        let event = store.find_event("old story").unwrap();
        store.tag_event(event, &tag("false-positive")).unwrap();
    });
    assert_eq!(bench.block_domains().await, ["b.example.com"]);
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Years1,
    };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    for (value, found) in [("a.example.com", 0), ("b.example.com", 1)] {
        assert_eq!(index.find(&Query::parse(value), &judge, 50).len(), found, "{value}");
    }
}

#[tokio::test]
async fn an_old_tag_on_an_attribute_does_not_count_again_because_its_event_is_edited() {
    let bench = Bench::of([bad("domain", "a.example.com"), old_story(true)]).await;
    bench.sim.edit(|store| {
        let event = store.find_event("old story").unwrap();
        store.set_info(event, "old story, told better").unwrap();
    });
    assert_eq!(bench.block_domains().await, ["a.example.com"]);
}
