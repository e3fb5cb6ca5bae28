//! One thing in several spellings is one thing: in feeds, false positives and look-ups.

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{Filter, Judge, LookupScope, Match, Query, Relation};
use misp_sim::{Attribute, Event, Moment};

use crate::support::{Bench, tag};

/// An event for each value, so that matches of look-ups differ.
fn events(kind: &str, values: &[&str]) -> Vec<Event> {
    let event = |value: &&str| {
        Event::new(*value)
            .tag(tag("block"))
            .changed(Moment::Ago(3_600))
            .attribute(Attribute::new(kind, *value))
    };
    values.iter().map(event).collect()
}

fn harmless(kind: &str, values: &[&str]) -> Event {
    let event = Event::new("harmless")
        .tag(tag("false-positive"))
        .changed(Moment::Ago(3_600));
    values
        .iter()
        .fold(event, |event, value| event.attribute(Attribute::new(kind, *value)))
}

async fn look_up(bench: &Bench, value: &str) -> Vec<Match> {
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Years1,
    };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    index.find(&Query::parse(value), &judge, 50)
}

/// Value, relation and event of each match, in order of events.
async fn told(bench: &Bench, value: &str) -> Vec<(String, Relation, String)> {
    let found = look_up(bench, value).await.into_iter();
    let mut told: Vec<_> = found
        .map(|found| (found.value, found.relation, found.event.info))
        .collect();
    told.sort();
    told
}

async fn values(bench: &Bench, kind: IndicatorType) -> String {
    bench.values(FeedName::Block, kind).await.join(" ")
}

#[tokio::test]
async fn a_network_of_one_address_is_an_address_in_every_feed() {
    let listed = [
        "192.0.2.5/32",
        "192.0.2.6",
        "192.0.2.6/32",
        "2001:db8::5/128",
        "::ffff:203.0.113.9",
        "198.51.100.77/24",
        "198.51.100.78/24",
        "198.51.100.0/24",
        "::ffff:203.0.113.16/124",
    ];
    let bench = Bench::of(events("ip-dst", &listed)).await;
    for (kind, expected) in [
        (IndicatorType::Ipv4, "192.0.2.5 192.0.2.6 203.0.113.9"),
        (IndicatorType::Ipv6, "2001:db8::5"),
        (IndicatorType::Cidr4, "198.51.100.0/24 203.0.113.16/28"),
        (IndicatorType::Cidr6, ""),
        (
            IndicatorType::Ip,
            "192.0.2.5 192.0.2.6 198.51.100.0/24 2001:db8::5 203.0.113.16/28 203.0.113.9",
        ),
    ] {
        assert_eq!(values(&bench, kind).await, expected, "{kind}");
    }
    let written_out = bench.values(FeedName::Block, IndicatorType::Ipv4Ext).await;
    assert_eq!(written_out.len(), 3 + 256 + 16);
}

#[tokio::test]
async fn a_url_is_listed_once_as_misp_wrote_it() {
    let listed = [
        "http://rs.example",
        "http://rs.example/",
        "HTTP://rs.example:80/",
        "http://URL.Example/CaseHost",
        "http://url.example/casehost",
        "http://url.example/casehost#part",
    ];
    let bench = Bench::of(events("url", &listed)).await;
    assert_eq!(
        bench.values(FeedName::Block, IndicatorType::Url).await,
        [
            "HTTP://rs.example:80/",
            "http://URL.Example/CaseHost",
            "http://url.example/casehost",
            "http://url.example/casehost#part",
        ]
    );
}

#[tokio::test]
async fn a_false_positive_counts_in_every_spelling() {
    let mut all = events(
        "ip-dst",
        &["192.0.2.6/32", "198.51.100.77/24", "::ffff:203.0.113.9", "192.0.2.7"],
    );
    all.extend(events("url", &["http://rs.example", "http://other.example"]));
    all.push(harmless("ip-dst", &["192.0.2.6", "198.51.100.0/24", "203.0.113.9"]));
    all.push(harmless("url", &["http://rs.example/"]));
    let bench = Bench::of(all).await;
    assert_eq!(values(&bench, IndicatorType::Ip).await, "192.0.2.7");
    assert_eq!(values(&bench, IndicatorType::Ipv4).await, "192.0.2.7");
    assert_eq!(values(&bench, IndicatorType::Cidr4).await, "");
    assert_eq!(values(&bench, IndicatorType::Url).await, "http://other.example");
    for gone in [
        "192.0.2.6",
        "192.0.2.6/32",
        "198.51.100.77/24",
        "198.51.100.9",
        "203.0.113.9",
        "http://rs.example",
        "http://rs.example/",
    ] {
        assert_eq!(look_up(&bench, gone).await, [], "{gone}");
    }
    assert_eq!(look_up(&bench, "http://OTHER.example/").await.len(), 1);
}

#[tokio::test]
async fn a_false_positive_network_takes_out_the_addresses_inside_of_it() {
    let mut all = events(
        "ip-dst",
        &[
            "198.51.100.7",
            "198.51.100.128/25",
            "198.51.0.0/16",
            "192.0.2.1",
            "2001:db8::7",
        ],
    );
    all.extend(events("url", &["http://198.51.100.7/"]));
    all.push(harmless("ip-src", &["198.51.100.0/24", "2001:db8::/32"]));
    let bench = Bench::of(all).await;
    assert_eq!(values(&bench, IndicatorType::Ipv4).await, "192.0.2.1");
    let around = "198.51.0.0/18 198.51.101.0/24 198.51.102.0/23 198.51.104.0/21 198.51.112.0/20 198.51.128.0/17 \
                  198.51.64.0/19 198.51.96.0/22";
    assert_eq!(values(&bench, IndicatorType::Ip).await, format!("192.0.2.1 {around}"));
    assert_eq!(values(&bench, IndicatorType::Cidr4).await, around);
    assert_eq!(values(&bench, IndicatorType::Ipv6).await, "");
    assert_eq!(values(&bench, IndicatorType::Url).await, "http://198.51.100.7/");
    let outside = bench.values(FeedName::Block, IndicatorType::Ipv4Ext).await;
    assert_eq!(outside.len(), 65_536 - 256 + 1);
    assert!(!outside.iter().any(|value| value.starts_with("198.51.100.")));
    // Look-ups agree with the feeds: the wider network is left around the harmless one.
    for asked in ["198.51.100.7", "198.51.100.128/25", "198.51.100.0"] {
        assert_eq!(look_up(&bench, asked).await, [], "{asked}");
    }
    let wider = "198.51.0.0/16".to_owned();
    assert_eq!(
        told(&bench, "198.51.101.1").await,
        [(wider.clone(), Relation::Network, wider)]
    );
    assert_eq!(look_up(&bench, "2001:db8::7").await, []);
}

#[tokio::test]
async fn a_look_up_finds_every_event_of_every_containing_network() {
    let networks = [
        "198.51.100.77/24",
        "198.51.100.78/24",
        "198.51.100.0/24",
        "198.51.0.0/16",
    ];
    let bench = Bench::of(events("ip-dst", &networks)).await;
    let found = look_up(&bench, "198.51.100.9").await;
    let values: Vec<&str> = found.iter().map(|found| found.value.as_str()).collect();
    assert_eq!(
        values,
        ["198.51.100.0/24", "198.51.100.0/24", "198.51.100.0/24", "198.51.0.0/16"],
        "the smallest network first, each with all of its events"
    );
    let mut infos: Vec<&str> = found.iter().map(|found| found.event.info.as_str()).collect();
    infos.sort_unstable();
    let mut expected = networks;
    expected.sort_unstable();
    assert_eq!(infos, expected);
    // A network is listed itself, and inside of wider ones.
    let relations = |found: &[Match]| found.iter().map(|found| found.relation).collect::<Vec<_>>();
    assert_eq!(
        relations(&look_up(&bench, "198.51.100.99/24").await),
        [Relation::Exact, Relation::Exact, Relation::Exact, Relation::Network]
    );
    assert_eq!(
        relations(&look_up(&bench, "198.51.100.64/26").await),
        [Relation::Network; 4]
    );
    assert_eq!(look_up(&bench, "198.0.0.0/8").await, []);
}

/// `203.0.113.0/24` is a host with a path, too.
#[tokio::test]
async fn a_network_that_is_also_listed_as_a_url_contains_its_addresses() {
    let mut all = events("url", &["203.0.113.0/24"]);
    all.extend(events("ip-dst", &["203.0.113.0/24"]));
    let bench = Bench::of(all).await;
    let found = look_up(&bench, "203.0.113.9").await;
    let kinds: Vec<_> = found.iter().map(|found| (found.kind, found.relation)).collect();
    assert_eq!(kinds, [(IndicatorType::Cidr4, Relation::Network)]);
}

#[tokio::test]
async fn a_look_up_finds_a_value_in_every_spelling() {
    let mut all = events("ip-dst", &["203.0.113.77", "192.0.2.6/32"]);
    all.extend(events("url", &["http://rs.example", "http://URL.Example/CaseHost"]));
    let bench = Bench::of(all).await;
    for (asked, listed, event) in [
        ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.77"),
        ("192.0.2.6", "192.0.2.6", "192.0.2.6/32"),
        ("192.0.2.6/32", "192.0.2.6", "192.0.2.6/32"),
        ("http://rs.example/", "http://rs.example", "http://rs.example"),
        ("HTTP://RS.example:80", "http://rs.example", "http://rs.example"),
        (
            "http://url.example/CaseHost",
            "http://URL.Example/CaseHost",
            "http://URL.Example/CaseHost",
        ),
    ] {
        assert_eq!(
            told(&bench, asked).await,
            [(listed.to_owned(), Relation::Exact, event.to_owned())],
            "{asked}"
        );
    }
    assert_eq!(look_up(&bench, "http://url.example/casehost").await, []);
    assert_eq!(look_up(&bench, "http://rs.example/#part").await, []);
}

/// A list is enforced as it was first written; each event says how it wrote it.
#[tokio::test]
async fn each_event_has_its_own_spelling_of_a_url() {
    let listed = ["http://rs.example/", "HTTP://rs.example", "http://RS.example/"];
    let bench = Bench::of(events("url", &listed)).await;
    let mut expected: Vec<_> = listed
        .map(|url| (url.to_owned(), Relation::Exact, url.to_owned()))
        .into();
    expected.sort();
    assert_eq!(told(&bench, "http://rs.example").await, expected);
}
