//! Look-ups against feeds: a value is found exactly where a feed lists it, and from the events that list it.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalogue::feed_classification::{IndicatorType, Tlp, TypeSet};
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};
use catalogue::{
    Catalogue, Classes, Finder, Harmless, LOOKED_UP_FEEDS, Limits, Match, Query, Question, Relation, View,
};
use proptest::prelude::*;

use crate::{equality, rules, world};

pub(crate) fn finder(question: &Question) -> Finder {
    let of_type = |kind| {
        let mut question = question.clone();
        question.kind = kind;
        question
    };
    let finder = Finder::new(of_type);
    match question.score.as_ref().and_then(|rule| rule.scorer.clone()) {
        Some(scorer) => finder.with_scorer(scorer, world::NOW),
        None => finder,
    }
}

pub(crate) fn limits(question: &Question) -> Limits {
    let mut limits = Limits::of_tlp(question.max_tlp, question.default_tlp);
    limits.min_score = question.score.as_ref().map(|rule| (rule.min, rule.unscored_counts));
    limits
}

/// The values of the feeds of a type, and of those that hold the same values.
fn listed(catalogue: &Catalogue, question: &Question, kind: IndicatorType) -> BTreeSet<String> {
    use IndicatorType as Kind;
    let feeds: &[Kind] = match kind {
        Kind::Ipv4 | Kind::Cidr4 | Kind::Ipv6 | Kind::Cidr6 => &[kind, Kind::Ip],
        _ => &[kind],
    };
    let mut values = BTreeSet::new();
    for feed in feeds {
        let mut question = question.clone();
        question.kind = *feed;
        let answer = catalogue.snapshot().answer(&question).unwrap();
        let of_family = |value: &&str| match kind {
            Kind::Ipv4 => !value.contains(['/', ':']),
            Kind::Cidr4 => value.contains('/') && !value.contains(':'),
            Kind::Ipv6 => !value.contains('/') && value.contains(':'),
            Kind::Cidr6 => value.contains('/') && value.contains(':'),
            _ => true,
        };
        values.extend(answer.values.iter().filter(of_family).map(str::to_owned));
    }
    values
}

proptest! {
    #[test]
    fn a_value_is_found_exactly_where_a_feed_within_the_limits_lists_it(
        batches in world::batches(),
        question in rules::questions(),
    ) {
        let catalogue = equality::applied(&batches);
        let (finder, limits, snapshot) = (finder(&question), limits(&question), catalogue.snapshot());
        let wide = TypeSet::of(&[IndicatorType::Ip, IndicatorType::Ipv4Ext, IndicatorType::Ipv6Ext]);
        for kind in LOOKED_UP_FEEDS.without(wide).iter() {
            let listed = listed(&catalogue, &question, kind);
            for (_, value, _) in catalogue.snapshot().class(kind).values().iter() {
                let mut of_kind = question.clone();
                of_kind.kind = kind;
                // A network that is cut around harmless addresses is found, and the feed has its parts.
                if value.contains('/') && snapshot.explain(&of_kind, value, View::up_to(Tlp::Red)).guard.is_some() {
                    continue;
                }
                let found = finder.find(&snapshot, &Query::parse(value), &limits, 1_000);
                let is_found = found.iter().any(|found| found.kind == kind && found.relation == Relation::Exact);
                // A feed may have an address only because a network was cut around its neighbour. It is found in the
                // network, as MISP lists it.
                let is_part_of = |found: &Match| {
                    let mut of_network = question.clone();
                    of_network.kind = found.kind;
                    let explained = snapshot.explain(&of_network, &found.value, View::up_to(Tlp::Red));
                    found.relation == Relation::Network && explained.guard.is_some()
                };
                if !is_found && found.iter().any(is_part_of) {
                    continue;
                }
                let expected = match kind {
                    // Several spellings of a URL are one value.
                    IndicatorType::Url => listed.iter().any(|listed| same_url(listed, value)),
                    _ => listed.contains(value),
                };
                prop_assert_eq!(is_found, expected, "{} {} {:?}", kind, value, question);
            }
        }
    }

    #[test]
    fn matches_come_in_order_and_each_once(batches in world::batches(), question in rules::questions(), most in 0_usize..6) {
        let catalogue = equality::applied(&batches);
        let (finder, limits, snapshot) = (finder(&question), limits(&question), catalogue.snapshot());
        for value in ["192.0.2.1", "www.evil.example", "http://evil.example/", "2001:db8::1", "d41d8cd98f00b204e9800998ecf8427e"] {
            let all = finder.find(&snapshot, &Query::parse(value), &limits, 1_000);
            prop_assert!(all.is_sorted_by_key(|found| found.relation), "{:?}", all);
            for found in &all {
                prop_assert_eq!(all.iter().filter(|other| *other == found).count(), 1);
                prop_assert!(found.event.tlp.unwrap_or(question.default_tlp) <= question.max_tlp);
            }
            prop_assert_eq!(&finder.find(&snapshot, &Query::parse(value), &limits, most)[..], &all[..most.min(all.len())]);
        }
    }
}

fn same_url(a: &str, b: &str) -> bool {
    use catalogue::feed_classification::canonical_key;
    canonical_key(IndicatorType::Url, a) == canonical_key(IndicatorType::Url, b)
}

/// A published event with these attributes; each has tags of its own.
pub(crate) fn event(id: u64, tags: &[&str], rows: &[(&str, &str, &[&str])]) -> Change {
    let row = |(kind, value, tags): &(&str, &str, &[&str])| MirrorRow {
        id: 0,
        kind: (*kind).into(),
        value: (*value).to_owned(),
        to_ids: true,
        timestamp: world::NOW,
        last_seen: None,
        last_sighting: None,
        tags: tags.iter().map(|tag| Tag::own(*tag)).collect(),
        warninglists: Vec::new(),
    };
    let event = EventFacts {
        id,
        info: format!("event {id}"),
        timestamp: world::NOW,
        published: true,
        publish_timestamp: world::NOW,
        tags: tags.iter().map(|tag| Tag::own(*tag)).collect(),
        ..EventFacts::default()
    };
    let current = Block {
        event,
        rows: rows.iter().map(row).collect(),
    };
    Change::Replaced {
        record: Arc::new(EventRecord {
            current,
            last_published: LastPublished::Current,
            withdrawn_at: None,
        }),
        warned: Vec::new(),
        warned_published: Vec::new(),
    }
}

pub(crate) fn catalogue(changes: Vec<Change>) -> Catalogue {
    let catalogue = Catalogue::new(Classes::defaults());
    catalogue.apply(&Batch::new(changes, None, true)).unwrap();
    catalogue
}

fn find(catalogue: &Catalogue, value: &str, max_tlp: Tlp) -> Vec<Match> {
    let finder = Finder::new(Question::new);
    finder.find(
        &catalogue.snapshot(),
        &Query::asking(value),
        &Limits::of_tlp(max_tlp, Tlp::Green),
        50,
    )
}

fn lines(found: &[Match]) -> Vec<String> {
    let line = |found: &Match| {
        format!(
            "{} {} {} {}",
            found.value,
            found.kind,
            found.relation.as_str(),
            found.event.id
        )
    };
    found.iter().map(line).collect()
}

#[test]
fn an_address_is_found_in_networks_and_a_url_by_its_host_the_closest_first() {
    let catalogue = catalogue(vec![
        event(
            9,
            &[],
            &[("ip-dst", "198.51.0.0/16", &[]), ("domain", "evil.example", &[])],
        ),
        event(
            2,
            &[],
            &[
                ("ip-dst", "198.51.100.0/24", &[]),
                ("url", "http://a.evil.example/x", &[]),
                ("ip-dst", "2001:db8::/32", &[]),
            ],
        ),
        event(
            1,
            &[],
            &[("domain", "a.evil.example", &[]), ("filename", "evil.example", &[])],
        ),
    ]);
    assert_eq!(
        lines(&find(&catalogue, "198.51.100.9", Tlp::Red)),
        ["198.51.100.0/24 cidr4 network 2", "198.51.0.0/16 cidr4 network 9"]
    );
    assert_eq!(
        lines(&find(&catalogue, "hxxp://A.evil[.]example/x", Tlp::Red)),
        [
            "http://a.evil.example/x url exact 2",
            "a.evil.example domain host 1",
            "evil.example domain parent 9"
        ]
    );
    assert_eq!(
        lines(&find(&catalogue, "2001:db8:1::7", Tlp::Red)),
        ["2001:db8::/32 cidr6 network 2"]
    );
    assert_eq!(find(&catalogue, "198.52.0.1", Tlp::Red), []);
}

#[test]
fn an_address_that_is_left_of_a_cut_network_is_found_in_the_network() {
    const HARMLESS: &str = "example:harmless";
    let catalogue = catalogue(vec![event(
        1,
        &[],
        &[
            ("ip-dst", "198.51.100.0/31", &[]),
            ("ip-dst", "198.51.100.1", &[HARMLESS]),
        ],
    )]);
    let harmless = Some(Harmless {
        tag: HARMLESS.to_owned(),
        since: 0,
    });
    let question = move |kind| {
        let mut question = Question::new(kind);
        question.harmless = harmless.clone();
        question
    };
    let listed = catalogue
        .snapshot()
        .answer(&question.clone()(IndicatorType::Ip))
        .unwrap();
    assert!(listed.values.iter().eq(["198.51.100.0"]));
    let found = Finder::new(question).find(
        &catalogue.snapshot(),
        &Query::asking("198.51.100.0"),
        &Limits::of_tlp(Tlp::Red, Tlp::Green),
        50,
    );
    assert_eq!(lines(&found), ["198.51.100.0/31 cidr4 network 1"]);
}

#[test]
fn a_match_beyond_the_limits_does_not_exist_and_a_closed_event_has_no_title() {
    let catalogue = catalogue(vec![
        event(1, &["tlp:red"], &[("domain", "evil.example", &[])]),
        event(
            2,
            &["misp-galaxy:threat-actor=\"APT28\""],
            &[
                ("domain", "evil.example", &["tlp:amber"]),
                ("domain", "evil.example", &[]),
            ],
        ),
    ]);
    assert_eq!(find(&catalogue, "evil.example", Tlp::Clear), []);
    let green = find(&catalogue, "evil.example", Tlp::Green);
    assert_eq!(lines(&green), ["evil.example domain exact 2"]);
    assert_eq!(
        (green[0].event.info.as_str(), &green[0].event.threat_actors[..]),
        ("event 2", &["APT28".to_owned()][..])
    );
    // The attribute of another level is another match of the same event.
    let all = find(&catalogue, "evil.example", Tlp::Red);
    let levels: Vec<_> = all.iter().map(|found| (found.event.id, found.event.tlp)).collect();
    assert_eq!(levels, [(1, Some(Tlp::Red)), (2, None), (2, Some(Tlp::Amber))]);
}
