//! Look-ups against the rules applied to every row of every record.

use std::collections::BTreeSet;

use catalogue::feed_classification::{
    Extractor, FalsePositives, IndicatorType, Tlp, TypeSet, Verdict, canonical_key, network_of,
};
use catalogue::misp_mirror::Change;
use catalogue::{Classes, LOOKUP_TYPES, Match, Query, Question, Relation};
use ipnet::IpNet;
use proptest::prelude::*;

use crate::find::{finder, limits};
use crate::reference::{self, Seen};
use crate::{equality, rules, world};

/// Asked in a spelling that no list has, or about a thing that only lies in a listed one or under it.
const ASKED: &[&str] = &[
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "192.0.2.0/30",
    "192.0.2.0/31",
    "192.0.2.8/29",
    "10.1.2.3",
    "2001:DB8:0::1",
    "2001:db8:0:0::/127",
    "2001:db8:1::7",
    "http://[2001:db8::1]:8080/x",
    "http://192.0.2.1/x",
    "192.0.2[.]2",
    "EVIL.example.",
    "a.b.www.evil.example",
    "hxxp://www[.]evil.example/x",
    "someone@mail.evil.example",
    "HTTP://EVIL.example:80",
    "http://evil.example/a",
    "https://a.example/?q",
    "D41D8CD98F00B204E9800998ECF8427E",
    "d41d8cd98f00b204e9800998ecf8427e",
    "a.exe",
    "A.EXE",
    "t13d1516h2_8daaf6152771_b186095e22b6",
    "an ordinary text",
];

/// What a look-up says about one listed value in one event.
type Told = (Relation, IndicatorType, String, u64, Option<Tlp>, Option<Tlp>);

/// The types of feeds that hold a value of this type.
fn holders(kind: IndicatorType, value: &str) -> Vec<IndicatorType> {
    let of_address = |of: IndicatorType| Extractor::new(of).extract("ip-dst", value, &mut |_| {}).is_ok();
    match kind {
        // However many addresses a network has, the feed that writes them out is about it.
        IndicatorType::Ip => TypeSet::ADDRESSES
            .iter()
            .filter(|of| match of {
                IndicatorType::Ipv4Ext => !value.contains(':'),
                IndicatorType::Ipv6Ext => value.contains(':'),
                of => of_address(*of),
            })
            .collect(),
        kind => vec![kind],
    }
}

fn narrow(kind: IndicatorType, value: &str) -> IndicatorType {
    use IndicatorType::{Cidr4, Cidr6, Ip, Ipv4, Ipv6};
    match (kind, value.contains(':'), value.contains('/')) {
        (Ip, false, false) => Ipv4,
        (Ip, false, true) => Cidr4,
        (Ip, true, false) => Ipv6,
        (Ip, true, true) => Cidr6,
        (kind, ..) => kind,
    }
}

fn relations(query: &Query, kind: IndicatorType, value: &str, hides: &dyn Fn(IpNet) -> bool) -> Vec<Relation> {
    let key = canonical_key(kind, value);
    let is_name = TypeSet::NAMES.contains(kind);
    let is_address = kind == IndicatorType::Ip;
    let lies_within = || {
        let Some(listed) = network_of(value) else { return false };
        let wider = |asked: &IpNet| listed.contains(asked) && listed != *asked && !hides(*asked);
        query.networks().iter().any(wider)
    };
    let has = [
        (Relation::Exact, query.keys().any(|asked| asked == key)),
        (
            Relation::Host,
            (is_name || is_address) && query.hosts().any(|host| host == key),
        ),
        (Relation::Network, is_address && lies_within()),
        (Relation::Parent, is_name && query.parents().any(|parent| parent == key)),
    ];
    has.iter()
        .filter(|(_, has)| *has)
        .map(|(relation, _)| *relation)
        .collect()
}

fn told(seen: &Seen<'_>, kind: IndicatorType, value: &str, relation: Relation) -> Told {
    let level = |inherited_only: bool| {
        let own = seen.tags.iter().filter(|tag| !inherited_only || tag.inherited);
        let own = own.map(|tag| tag.name.as_str());
        let now = seen.record.current.event.tags.iter();
        let now = now
            .filter(|_| inherited_only && !seen.limits.is_empty())
            .map(|tag| tag.name.as_str());
        let limits = seen
            .limits
            .iter()
            .filter(|_| !inherited_only)
            .map(|tag| tag.name.as_str());
        Tlp::of_tags(own.chain(now).chain(limits))
    };
    let (kind, key) = (narrow(kind, value), canonical_key(kind, value).into_owned());
    (
        relation,
        kind,
        key,
        seen.record.current.event.id,
        level(false),
        level(true),
    )
}

/// Applies the rules to every row.
fn look_up(records: &[Change], question: &Question, query: &Query) -> BTreeSet<Told> {
    let (classes, nothing) = (Classes::defaults(), FalsePositives::default());
    let mut of_addresses = question.clone();
    of_addresses.kind = IndicatorType::Ip;
    let harmless_addresses = reference::harmless(records, &of_addresses);
    let hides = |network: IpNet| {
        let is_harmless = harmless_addresses.contains(IndicatorType::Ip, &network.to_string());
        is_harmless || question.guard.hides(network, &nothing)
    };
    let mut found = BTreeSet::new();
    let rows = records
        .iter()
        .flat_map(|change| reference::published(change, question.publication));
    for seen in rows.filter(|seen| reference::counts(seen, question)) {
        for kind in LOOKUP_TYPES {
            let mut values = Vec::new();
            let mut take = |value: &str| values.push(value.to_owned());
            let _ = Extractor::new(*kind).extract(&seen.row.kind, &seen.row.value, &mut take);
            for value in values {
                let mut of_kind = question.clone();
                of_kind.kind = *kind;
                let is_held = holders(*kind, &value)
                    .iter()
                    .any(|holder| classes.takes(*holder, &seen.row.kind));
                let verdict = question.guard.judge(*kind, &value, &nothing);
                let is_refused = matches!(verdict, Verdict::Refused(_));
                if is_held && !is_refused && !reference::harmless(records, &of_kind).contains(*kind, &value) {
                    let relations = relations(query, *kind, &value, &hides);
                    found.extend(
                        relations
                            .into_iter()
                            .map(|relation| told(&seen, *kind, &value, relation)),
                    );
                }
            }
        }
    }
    found
}

fn as_told(found: &Match) -> Told {
    let event = &found.event;
    let key = canonical_key(found.kind, &found.value).into_owned();
    (found.relation, found.kind, key, event.id, event.tlp, event.event_tlp)
}

proptest! {
    #[test]
    fn a_look_up_finds_what_the_rules_find_in_every_row(
        batches in world::batches(),
        mut question in rules::questions(),
        guard in rules::guards(),
        asked in prop::sample::subsequence(ASKED, 6),
    ) {
        let (catalogue, records) = (equality::applied(&batches), equality::final_changes(&batches));
        let snapshot = catalogue.snapshot();
        let mut limits = limits(&question);
        limits.guard = Some(guard.clone());
        question.guard = guard;
        for text in asked {
            let query = Query::asking(text);
            let found = finder(&question).find(&snapshot, &query, &limits, usize::MAX);
            let found: BTreeSet<Told> = found.iter().map(as_told).collect();
            prop_assert_eq!(found, look_up(&records, &question, &query), "{} {:?}", text, question);
        }
    }
}
