//! Properties of every value that MISP can send.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::{
    Age, Extractor, FeedName, IndicatorSet, IndicatorSetBuilder, IndicatorType, MAX_RULE_BYTES, MAX_VALUE_BYTES,
    TypeSet, aggregate, canonical_key,
};
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = IndicatorType> {
    proptest::sample::select(IndicatorType::ALL)
}

fn attribute_types() -> impl Strategy<Value = String> {
    let known: Vec<_> = IndicatorType::ALL
        .iter()
        .flat_map(|kind| kind.default_attribute_types())
        .map(|name| (*name).to_owned())
        .collect();
    prop_oneof![proptest::sample::select(known), any::<String>()]
}

/// Arbitrary text, and text that is nearly right, so that the branches behind the first check are reached.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(/[0-9]{1,3})?(\\|[0-9]{0,6})?",
        "[0-9a-fA-F:]{2,39}(%[a-z]|/[0-9]{1,3})?(\\|[0-9]{0,6})?",
        "[a-zA-Z0-9_.*äßİΣſ\u{212a}\u{3002}\u{200d}\u{ad}-]{1,20}\\.[a-zA-Z0-9éß-]{1,6}\\.?(\\|[0-9.]{0,15})?",
        "[ a-zA-Z0-9.äİΣ\"'<>|+-]{1,12}@[a-zA-Z0-9.äß_-]{1,20}(\\.[a-z]{2,12})?",
        "([a-zA-Z0-9+.-]{1,6}://)?[a-z0-9@:.\\[\\] -]{0,20}[/?#]?[ -~ä]{0,20}",
        "(.{0,5}\\|)?([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})",
        "([0-9a-fA-F]{2}:){15,31}[0-9a-fA-F]{2}",
        "(CVE|cve)-[0-9]{4}-[0-9]{3,20}",
        "(bc1|BC1|1|3|4|8)[0-9a-zA-Z]{11,110}",
        "[tqd][0-9sd]{2}[di][0-9]{4}[a-zA-Z0-9]{2}_[0-9a-fA-F]{12}_[0-9a-fA-F]{12}",
        "[ \t\r\n\u{a0}\u{85}\u{200b}\u{feff}]{0,3}[ -~\u{0}\u{b}\u{2028}\u{fffe}ä]{0,12}[ \t\r\n\u{a0}\u{2029}\u{ad}\u{202e}]{0,3}",
    ]
}

fn extract(kind: IndicatorType, attribute_type: &str, value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let result = Extractor::new(kind)
        .max_expand(256)
        .extract(attribute_type, value, &mut |value| found.push(value.to_owned()));
    assert_eq!(result.is_err(), found.is_empty(), "an error and indicators, or neither");
    found
}

/// The properties that consumers rely on, checked in another way than by the grammars.
fn assert_safe(kind: IndicatorType, value: &str) {
    assert!(!value.is_empty());
    if TypeSet::RULES.contains(kind) {
        assert!(value.len() <= MAX_RULE_BYTES);
        return;
    }
    assert!(value.len() <= MAX_VALUE_BYTES + 256);
    assert_eq!(value.trim(), value);
    assert_eq!(
        value.trim_matches(['\u{200b}', '\u{feff}', '\u{ad}', '\u{202e}', '\0']),
        value
    );
    if kind != IndicatorType::Url {
        assert_eq!(canonical_key(kind, value), value);
    }
    assert!(!value.contains(['\n', '\r', '\0', '\u{2028}', '\u{2029}', '\u{85}']));
    if TypeSet::NAMES.contains(kind) {
        assert!(value.is_ascii() && value.contains('.') && value.len() <= 253 && value == value.to_ascii_lowercase());
        assert!(!value.starts_with('.') && !value.ends_with('.') && !value.contains(".."));
    }
    match kind {
        IndicatorType::Ipv4 | IndicatorType::Ipv4Ext => {
            assert_eq!(value.parse::<std::net::Ipv4Addr>().unwrap().to_string(), value)
        }
        IndicatorType::Ipv6 | IndicatorType::Ipv6Ext => {
            assert_eq!(value.parse::<std::net::Ipv6Addr>().unwrap().to_string(), value)
        }
        IndicatorType::Cidr4 => {
            assert_eq!(value.parse::<ipnet::Ipv4Net>().unwrap().to_string(), value)
        }
        IndicatorType::Cidr6 => {
            assert_eq!(value.parse::<ipnet::Ipv6Net>().unwrap().to_string(), value)
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn an_indicator_is_extracted_again_unchanged(kind in kinds(), attribute_type in attribute_types(), value in values()) {
        for found in extract(kind, &attribute_type, &value) {
            assert_safe(kind, &found);
            prop_assert_eq!(extract(kind, "", &found), [found.as_str()], "{}", kind);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in kinds(), attribute_type in any::<Vec<u8>>(), value in any::<Vec<u8>>()) {
        extract(kind, &String::from_utf8_lossy(&attribute_type), &String::from_utf8_lossy(&value));
    }

    #[test]
    fn texts_come_out_as_they_went_in(value in "[^\\p{C}\\p{Zl}\\p{Zp}\\s]([^\\p{Cc}\\p{Cn}\\p{Zl}\\p{Zp}]{0,20}[^\\p{C}\\p{Zl}\\p{Zp}\\s])?") {
        prop_assert_eq!(extract(IndicatorType::Mutex, "mutex", &value), [value.as_str()]);
    }
}

/// Few URLs in many spellings.
fn spellings() -> impl Strategy<Value = Vec<String>> {
    let url = "(http|HTTP|https)://(a|A|b)\\.example(:80|:443|:)?(|/|/x|\\?x|#x)";
    proptest::collection::vec(url, 0..24)
}

proptest! {
    #[test]
    fn a_set_holds_each_url_once_by_its_key(listed in spellings(), other in spellings()) {
        let set = |values: &[String]| IndicatorSet::of(IndicatorType::Url, values.iter().map(String::as_str));
        let key = |value: &str| canonical_key(IndicatorType::Url, value).into_owned();
        // The first in order of each key, computed in the plain way.
        let mut first = std::collections::BTreeMap::new();
        let mut in_order = listed.clone();
        in_order.sort();
        for value in &in_order {
            first.entry(key(value)).or_insert_with(|| value.clone());
        }
        let expected: std::collections::BTreeSet<&str> = first.values().map(String::as_str).collect();
        prop_assert!(set(&listed).iter().eq(expected.iter().copied()));
        for value in listed.iter().chain(&other) {
            prop_assert_eq!(set(&listed).contains(value), first.contains_key(&key(value)), "{}", value);
        }
        let others: std::collections::BTreeSet<String> = other.iter().map(|value| key(value)).collect();
        let left = expected.iter().copied().filter(|value| !others.contains(&key(value)));
        prop_assert!(set(&listed).without(&set(&other)).iter().eq(left));
    }

    #[test]
    fn sets_are_sorted_and_unique(values in proptest::collection::vec("[a-c\u{0}ä\u{ffff}\u{10000}]{0,3}", 0..60)) {
        let set = IndicatorSet::of(IndicatorType::Mutex, values.iter().map(String::as_str));
        prop_assert!(set.iter().is_sorted_by(|left, right| left.as_bytes() < right.as_bytes()));
        let expected: std::collections::BTreeSet<_> = values.iter().map(String::as_str).collect();
        prop_assert!(set.iter().eq(expected.iter().copied()));
        prop_assert_eq!(set.len(), expected.len());
        prop_assert!(expected.iter().all(|value| set.contains(value)));
        prop_assert!(!set.contains("d"));
    }

    #[test]
    fn without_is_the_difference(left in proptest::collection::btree_set("[a-c]{0,3}", 0..30), right in proptest::collection::btree_set("[a-c]{0,3}", 0..30)) {
        let set = |values: &std::collections::BTreeSet<String>| IndicatorSet::of(IndicatorType::Mutex, values.iter().map(String::as_str));
        let expected: std::collections::BTreeSet<_> = left.difference(&right).cloned().collect();
        prop_assert_eq!(set(&left).without(&set(&right)), set(&expected));
    }

    #[test]
    fn aggregation_covers_exactly_the_same_addresses(networks in proptest::collection::vec((any::<u8>(), 24_u8..=32), 0..24)) {
        let mut builder = IndicatorSetBuilder::new(IndicatorType::Cidr4);
        for (host, prefix) in &networks {
            builder.push(&format!("192.0.2.{host}/{prefix}"));
        }
        let set = builder.finish();
        let covered = |set: &IndicatorSet| {
            let mut addresses = Vec::new();
            for network in set {
                addresses.extend(extract(IndicatorType::Ipv4Ext, "ip-dst", network));
            }
            addresses.sort();
            addresses
        };
        let aggregated = aggregate(&set);
        let mut before = covered(&set);
        before.dedup();
        // Without removing repetitions: minimal networks do not overlap.
        prop_assert_eq!(covered(&aggregated), before);
        prop_assert!(aggregated.len() <= set.len());
        prop_assert_eq!(aggregate(&aggregated), aggregated);
    }

    #[test]
    fn names_never_panic_and_read_back(text in any::<String>()) {
        prop_assert!(text.parse::<FeedName>().is_ok_and(|name| name.as_str() == text) || text.parse::<FeedName>().is_err());
        prop_assert!(text.parse::<IndicatorType>().is_ok_and(|kind| kind.as_str() == text) || text.parse::<IndicatorType>().is_err());
        prop_assert!(text.parse::<Age>().is_ok_and(|age| age.as_str() == text) || text.parse::<Age>().is_err());
    }
}
