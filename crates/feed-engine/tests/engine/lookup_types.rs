//! Look-ups know what feeds hold, for every attribute type of MISP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use feed_classification::{Age, AttributeType, Extractor, FeedName, IndicatorType, TypeSet};
use feed_engine::{Filter, Judge, LookupScope, Protocol, Query, Upstream};
use misp_sim::{Attribute, Event, Moment, Sim};
use site_config::Mappings;

use crate::support::{Bench, lines, site, tag, wanted};

/// Every type of feed but rules, whose texts are longer than any value that is looked up.
const FEEDS: TypeSet = TypeSet::ALL.without(TypeSet::RULES);

/// Values of one attribute type, which no other attribute type has.
fn samples(attribute_type: &str) -> Vec<String> {
    let word = attribute_type.replace(['|', '/', ' '], "-").to_lowercase();
    let hash = |digits: usize| {
        let number = word
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        format!("{number:016x}")
            .repeat(8)
            .chars()
            .take(digits)
            .collect::<String>()
    };
    let digits = |name: &str| match name {
        "sha1" => 40,
        "sha256" | "authentihash" | "sha3-256" | "sha512/256" => 64,
        _ => 32,
    };
    let one: String = match attribute_type {
        "ip-src" => {
            return ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.9"]
                .map(str::to_owned)
                .into();
        }
        "ip-dst" => {
            return ["198.51.100.0/30", "198.51.100.77/24", "2001:db8:1::/126", "203.0.113.7"]
                .map(str::to_owned)
                .into();
        }
        "domain|ip" => "both.example|203.0.113.2".into(),
        "ip-dst|port" => "203.0.113.3|443".into(),
        "ip-src|port" => "2001:db8::5|443".into(),
        "hostname|port" => "port.example|443".into(),
        "domain" | "hostname" => format!("www.{word}.example"),
        "url" | "uri" => format!("HTTP://{word}.example/A?b=c"),
        "vulnerability" => "CVE-2026-12345".into(),
        "btc" => "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa".into(),
        "xmr" => {
            "46h6ALg1RN9aSDzs4hEVHbSuq9PmX49pxnfrpAfT878AKCCTAEycMrYtFwH8wuQCk5ZK1ev4NERSNutSRTuQb6Cy3QowSrV".into()
        }
        "dash" => "XdAUmwtig27HBG6WfYyHAzP8n6XC9jESEw".into(),
        "text" => "t13d1516h2_8daaf6152771_b186095e22b6".into(),
        "chrome-extension-id" => "abcdefghijklmnopabcdefghijklmnop".into(),
        "edge-extension-id" => "ponmlkjihgfedcbaponmlkjihgfedcba".into(),
        "malware-sample" => format!("{word}.exe|{}", hash(32)),
        "md5" | "sha1" | "sha256" | "imphash" => hash(digits(attribute_type)),
        name if name.starts_with("email") && !name.contains(['|']) && is_address(name) => {
            format!("{word}@mail.example")
        }
        name if name.starts_with("filename|") => {
            format!("{word}.exe|{}", hash(digits(name.trim_start_matches("filename|"))))
        }
        name if name.starts_with("x509") => hash(match name {
            "x509-fingerprint-md5" => 32,
            "x509-fingerprint-sha1" => 40,
            _ => 64,
        }),
        name if name.starts_with("hassh") || name.starts_with("ja3") => hash(32),
        _ => format!("A {word} value"),
    };
    vec![one]
}

fn is_address(name: &str) -> bool {
    matches!(name, "email" | "email-src" | "email-dst" | "email-reply-to")
}

fn attributes() -> impl Iterator<Item = (&'static str, String)> {
    AttributeType::all().flat_map(|kind| samples(kind.name).into_iter().map(move |value| (kind.name, value)))
}

fn event(attributes: impl IntoIterator<Item = Attribute>) -> Event {
    let event = Event::new("everything").tag(tag("block")).changed(Moment::Ago(3_600));
    attributes.into_iter().fold(event, Event::attribute)
}

fn everything() -> Event {
    event(attributes().map(|(kind, value)| Attribute::new(kind, value)))
}

async fn feed(bench: &Bench, upstream: &Upstream, kind: IndicatorType) -> Vec<String> {
    let request = wanted(FeedName::Block, kind).max_age(Duration::ZERO);
    lines(&bench.engine.feed(upstream, &request).await.unwrap())
}

/// Asserts that a look-up finds every value of every feed, and returns how many there are.
async fn assert_feeds_are_found(bench: &Bench, upstream: &Upstream) -> BTreeSet<String> {
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Weeks1,
    };
    let (index, _) = bench.engine.lookup_index(upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, upstream.site());
    let mut all = BTreeSet::new();
    for kind in FEEDS.iter() {
        for value in feed(bench, upstream, kind).await {
            let found = index.find(&Query::parse(&value), &judge, 50);
            let fits = found.iter().any(|found| found.kind.family() == kind.family());
            assert!(fits, "{kind} {value}: {found:?}");
            all.insert(value);
        }
    }
    all
}

#[test]
fn every_sample_is_in_a_feed_if_its_attribute_type_is_taken() {
    for attribute_type in AttributeType::all().filter(|kind| !kind.taken_by.is_empty()) {
        for value in samples(attribute_type.name) {
            let mut kinds = attribute_type.taken_by.iter();
            let gives = |kind: &IndicatorType| {
                let extractor = Extractor::new(*kind);
                extractor.extract(attribute_type.name, &value, &mut |_| {}).is_ok()
            };
            assert!(kinds.any(gives), "{} {value}", attribute_type.name);
        }
    }
}

#[tokio::test]
async fn every_value_of_every_feed_is_found_for_every_attribute_type() {
    let bench = Bench::of([everything()]).await;
    let found = assert_feeds_are_found(&bench, &bench.upstream).await;
    for kind in FEEDS.iter().filter(|kind| *kind != IndicatorType::Ipv6Ext) {
        assert!(!feed(&bench, &bench.upstream, kind).await.is_empty(), "{kind} is empty");
    }
    for value in [
        "email@mail.example",
        "email-reply-to@mail.example",
        "malware-sample.exe",
        "198.51.100.0/24",
    ] {
        assert!(found.contains(value), "{value}");
    }
}

#[tokio::test]
async fn a_false_positive_of_every_attribute_type_counts_in_feeds_and_look_ups() {
    let harmless = Event::new("harmless").changed(Moment::Ago(3_600));
    let harmless = attributes().fold(harmless, |event, (kind, value)| {
        event.attribute(Attribute::new(kind, value).tag(tag("false-positive")).to_ids(false))
    });
    let bench = Bench::of([everything(), harmless]).await;
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Weeks1,
    };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    for kind in FEEDS.iter() {
        assert_eq!(feed(&bench, &bench.upstream, kind).await, [] as [String; 0], "{kind}");
    }
    for (attribute_type, value) in attributes() {
        for part in value.split('|').chain([value.as_str()]) {
            let found = index.find(&Query::parse(part), &judge, 50);
            assert!(found.is_empty(), "{attribute_type} {part}: {found:?}");
        }
    }
}

/// The first two lines stand in every installation of Cratos FastAPI; MISP answers them with plain `email` all the
/// same.
#[tokio::test]
async fn look_ups_follow_the_mappings_of_a_site_type_by_type() {
    let mappings = "types:\n  email-address: [email-dst, EMAIL-SRC]\n  hostname: [hostname]\n  ipv4: [ip-src, comment]\n  cidr4: [other]\n  filename: [pdb]\n";
    let everything = everything()
        .attribute(Attribute::new("comment", "203.0.113.77"))
        .attribute(Attribute::new("pdb", "c:\\evil.pdb"))
        .attribute(Attribute::new("other", "192.0.2.128/25").to_ids(false));
    let bench = Bench::of([everything]).await;
    let upstream = Upstream::new(
        Arc::new(site("ignore_to_ids: [cidr4]\n")),
        Arc::new(Mappings::from_yaml(mappings).unwrap()),
        Protocol::Http,
        bench.sim.addr().port(),
        Sim::READER_KEY.to_owned().into(),
    );
    let found = assert_feeds_are_found(&bench, &upstream).await;
    for value in ["email@mail.example", "203.0.113.77", "192.0.2.128/25", "c:\\evil.pdb"] {
        assert!(found.contains(value), "{value}");
    }
    assert!(!found.contains("email-reply-to@mail.example"));
}
