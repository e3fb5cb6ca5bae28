//! The matcher against a slow implementation of MISP's rules, and against lists that mean harm.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use misp_client::warninglist::{UnjudgedReason, WarninglistMatcher};
use misp_client::{Warninglist, WarninglistEntries};
use proptest::prelude::*;
use proptest::sample::select;

fn list(id: u64, kind: &str, types: &[&str], entries: &[&str]) -> WarninglistEntries {
    let list = Warninglist::new(id, format!("list {id}"), kind).attribute_types(types.iter().copied());
    WarninglistEntries::new(list, entries.iter().copied())
}

fn matcher(lists: &[WarninglistEntries]) -> WarninglistMatcher {
    lists
        .iter()
        .fold(WarninglistMatcher::builder(), |builder, list| builder.add_list(list))
        .build()
}

#[test]
fn composite_is_judged_by_both_halves_and_only_if_a_list_names_its_type() {
    let matcher = matcher(&[
        list(
            1,
            "hostname",
            &["hostname", "domain|ip", "filename|md5"],
            &["shared.example.org", "tool.exe"],
        ),
        list(2, "cidr", &["domain|ip", "ip-dst|port"], &["198.51.100.0/24"]),
        list(3, "string", &["malware-sample"], &["d41d8cd98f00b204e9800998ecf8427e"]),
    ]);
    let ids = |kind, value| matcher.hits(kind, value).iter().map(|hit| hit.id).collect::<Vec<_>>();
    assert_eq!(ids("domain|ip", "www.shared.example.org|198.51.100.7"), [1, 2]);
    assert_eq!(ids("domain|ip", "bad.example.com|198.51.100.7"), [2]);
    assert_eq!(ids("ip-dst|port", "198.51.100.7|443"), [2]);
    assert_eq!(ids("malware-sample", "a.bin|d41d8cd98f00b204e9800998ecf8427e"), [3]);
    assert_eq!(
        ids("malware-sample", "a.bin|D41D8CD98F00B204E9800998ECF8427E"),
        [0; 0],
        "case differs"
    );
    assert_eq!(ids("hostname", "www.shared.example.org"), [1]);
    assert_eq!(ids("hostname|port", "www.shared.example.org|443"), [0; 0]);
    assert_eq!(ids("filename|md5", "tool.exe|d41d8cd98f00b204e9800998ecf8427e"), [1]);
}

#[test]
fn expressions_of_all_lists_together_are_bounded() {
    let entries: Vec<String> = (0..600).map(|number| format!("/^a{number}$/")).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let matcher = matcher(&[
        list(1, "regex", &["domain"], &entries),
        list(2, "regex", &["domain"], &entries),
    ]);
    let unjudged: Vec<_> = matcher.unjudged().map(|one| (one.list_id, one.reason)).collect();
    assert_eq!(unjudged, [(2, UnjudgedReason::TooLarge)]);
    assert_eq!(matcher.hits("domain", "a599").len(), 1);
}

#[test]
fn list_for_all_types_judges_types_that_no_list_names() {
    let matcher = matcher(&[
        list(1, "string", &["ALL"], &["443"]),
        list(2, "string", &["domain"], &["443"]),
    ]);
    assert_eq!(matcher.hits("hostname|port", "a.example.org|443").len(), 1);
    assert_eq!(matcher.hits("domain", "443").len(), 2);
    assert!(!matcher.matches("comment", "444"));
}

#[test]
fn lists_that_are_off_or_have_no_types_match_nothing() {
    let mut off = list(1, "string", &["domain"], &["a"]);
    off.list.enabled = false;
    let matcher = matcher(&[
        off,
        list(2, "string", &[], &["a"]),
        list(3, "hostname", &["domain"], &[]),
    ]);
    assert!(matcher.hits("domain", "a").is_empty());
    assert_eq!(matcher.unjudged().count(), 0);
}

#[test]
fn list_can_be_left_out_afterwards() {
    let all = matcher(&[
        list(1, "string", &["domain"], &["a.example.org"]),
        list(2, "hostname", &["domain"], &["example.org"]),
        list(3, "regex", &["domain"], &["/(?=a)/"]),
    ]);
    assert_eq!(all.hits("domain", "a.example.org").len(), 2);
    let less = all.without_lists([2]).without_lists([3]);
    assert_eq!(less.hits("domain", "a.example.org")[0].id, 1);
    assert!(!less.matches("domain", "b.example.org") && all.matches("domain", "b.example.org"));
    assert_eq!((all.unjudged().count(), less.unjudged().count()), (1, 0));
    assert_eq!(less.lists(), all.lists());
    assert_eq!(all.lists().iter().map(|list| list.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(all.lists()[2].judges("domain") && !all.lists()[2].judges("url"));
    assert_eq!(all.digest(), less.digest());
}

#[test]
fn what_cannot_be_judged_is_named_with_its_reason() {
    let matcher = matcher(&[
        list(
            1,
            "regex",
            &["domain"],
            &["/(?=a)b/", "/a++/i", "/fine/", "/PHP refuses this/g"],
        ),
        list(2, "soundex", &["domain"], &["a"]),
        list(3, "string", &["domain"], &["kept"]),
    ]);
    let unjudged: Vec<_> = matcher.unjudged().collect();
    assert_eq!(unjudged.iter().map(|one| one.list_id).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(unjudged[0].entry.as_deref(), Some("/(?=a)b/"));
    assert_eq!(unjudged[0].reason, UnjudgedReason::Expression("a look around"));
    assert_eq!(
        (&unjudged[2].entry, unjudged[2].reason),
        (&None, UnjudgedReason::UnknownKind)
    );
    let text = unjudged[1].to_string();
    assert!(text.contains("warninglist 1") && text.contains("possessive"), "{text}");
    assert!(matcher.matches("domain", "fine") && matcher.matches("domain", "kept"));
    assert!(!matcher.matches("domain", "PHP refuses this"));
}

#[test]
fn list_that_does_not_fit_is_left_to_misp_and_the_others_stay() {
    let names: Vec<String> = (0..1_000).map(|n| format!("host{n}.example.org")).collect();
    let large = |id, kind| {
        WarninglistEntries::new(
            Warninglist::new(id, "large", kind).attribute_types(["domain"]),
            names.clone(),
        )
    };
    let small = |id| list(id, "string", &["domain"], &["a"]);
    let matcher = [
        small(1),
        large(2, "string"),
        large(3, "hostname"),
        large(4, "cidr"),
        large(5, "substring"),
        small(6),
    ]
    .iter()
    .fold(WarninglistMatcher::builder().max_bytes(5_000), |builder, list| {
        builder.add_list(list)
    })
    .build();
    let unjudged: Vec<_> = matcher.unjudged().map(|one| (one.list_id, one.reason)).collect();
    assert_eq!(unjudged, [2, 3, 4, 5].map(|id| (id, UnjudgedReason::TooLarge)));
    assert_eq!(
        matcher.hits("domain", "a").iter().map(|hit| hit.id).collect::<Vec<_>>(),
        [1, 6]
    );
    assert!(!matcher.matches("domain", "host1.example.org"));
}

#[test]
fn lists_that_mean_harm_are_bounded() {
    let long = "a".repeat(60_000);
    let nested = format!("/{}/", "(a*)*".repeat(200));
    let many: Vec<String> = (0..3_000).map(|n| format!("/{n}/")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let huge: Vec<String> = (0..3_000).map(|n| format!("{n}{}", "x".repeat(1_000))).collect();
    let huge: Vec<&str> = huge.iter().map(String::as_str).collect();
    let matcher = matcher(&[
        list(
            1,
            "regex",
            &["ALL"],
            &["/^(a+)+$/", "/(a|aa)*b/", &nested, "/((x{99}){99}){99}/"],
        ),
        list(2, "regex", &["url"], &many),
        list(3, "substring", &["url"], &huge),
        list(4, "string", &["ALL"], &["", &long]),
        list(5, "cidr", &["ALL"], &["", "/", "::/0", "0.0.0.0/0", "300.1.1.1"]),
        list(6, "hostname", &["ALL"], &["...", "\u{202e}", "ünïcode.example"]),
    ]);
    let unjudged: HashSet<u64> = matcher.unjudged().map(|one| one.list_id).collect();
    assert_eq!(unjudged, HashSet::from([1, 2, 3]));
    assert!(matcher.matches("domain", &long), "one expression, and the same text");
    assert!(
        matcher.matches("domain", &format!("{long}!")),
        "a star matches everywhere"
    );
    assert_eq!(
        matcher
            .hits("ip-dst", "192.0.2.1")
            .iter()
            .filter(|hit| hit.id == 5)
            .count(),
        1
    );
    assert!(
        matcher
            .hits("hostname", "www.ünïcode.example")
            .iter()
            .any(|hit| hit.id == 6)
    );
    assert!(
        !matcher
            .hits("hostname", "www.xn--ncode-2sa3b.example")
            .iter()
            .any(|hit| hit.id == 6)
    );
}

#[test]
fn empty_entry_of_a_substring_list_is_part_of_every_value_as_in_php_8() {
    let matcher = matcher(&[list(1, "substring", &["domain"], &["never", ""])]);
    assert!(matcher.matches("domain", "anything.example.org"));
}

/// An expression as MISP may store it, and whether it matches a value.
type Expression = (&'static str, fn(&str) -> bool);

const EXPRESSIONS: [Expression; 7] = [
    ("/^a/", |value| value.starts_with('a')),
    ("/b$/i", |value| {
        value
            .strip_suffix('\n')
            .unwrap_or(value)
            .to_ascii_lowercase()
            .ends_with('b')
    }),
    ("#example\\.org#D", |value| value.contains("example.org")),
    ("{^.{3}$}s", |value| {
        value.len() == 3 || (value.len() == 4 && value.ends_with('\n'))
    }),
    ("/a/g", |_| false),
    ("org", |_| false),
    ("(é)", |value| value.contains('é')),
];

/// Returns the lists that have the value and, where MISP's own answer is defined, the entry.
fn slow(lists: &[WarninglistEntries], kind: &str, value: &str) -> Vec<(u64, Option<String>, String)> {
    let halves: Vec<&str> = match value.split_once('|') {
        Some((first, second)) if kind == "malware-sample" || kind.contains('|') => vec![first, second],
        _ => vec![value],
    };
    let judges = |list: &&WarninglistEntries| {
        list.list.enabled
            && list
                .list
                .attribute_types
                .iter()
                .any(|name| name == "ALL" || name == kind)
    };
    let hit = |list: &WarninglistEntries| {
        let hit = |half: &&str| Some((list.list.id, slow_hit(list, half)?, (*half).to_owned()));
        halves.iter().find_map(hit)
    };
    lists.iter().filter(judges).filter_map(hit).collect()
}

fn slow_hit(list: &WarninglistEntries, value: &str) -> Option<Option<String>> {
    let mut entries = list.entries.iter().map(|entry| entry.value.as_str());
    match list.list.kind.as_str() {
        "string" => entries.any(|entry| entry == value).then(|| Some(value.to_owned())),
        "substring" => entries.any(|entry| value.contains(entry)).then_some(None),
        "hostname" => slow_host(&entries.collect::<Vec<_>>(), value).map(Some),
        "cidr" => slow_network(&entries.collect::<Vec<_>>(), value).map(Some),
        "regex" => {
            let is_match = |entry: &str| EXPRESSIONS.iter().any(|(text, is)| *text == entry && is(value));
            entries.any(is_match).then_some(None)
        }
        other => panic!("{other}"),
    }
}

fn slow_host(entries: &[&str], value: &str) -> Option<String> {
    let pieces: Vec<&str> = value.split('/').collect();
    let host = if value.contains("//") { pieces[2] } else { pieces[0] };
    let entries: HashSet<String> = entries
        .iter()
        .map(|entry| entry.trim_matches('.').to_ascii_lowercase())
        .collect();
    let mut built = String::new();
    for label in host.trim_end_matches('.').split('.').rev() {
        built = match built.as_str() {
            "" | "0" => label.to_owned(),
            _ => format!("{label}.{built}"),
        };
        if entries.contains(&built) {
            return Some(built);
        }
    }
    None
}

fn slow_network(entries: &[&str], value: &str) -> Option<String> {
    let (address, length) = value.split_once('/').unwrap_or((value, "0"));
    let (found, found_length) = if let Ok(address) = address.parse::<Ipv4Addr>() {
        (0..=32).find_map(|bits: u32| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let start = Ipv4Addr::from(u32::from(address) & mask);
            let text = format!("{start}/{bits}");
            let is_entry = |entry: &&str| **entry == *text || (bits == 32 && **entry == start.to_string());
            entries.iter().any(is_entry).then_some((text, bits))
        })?
    } else {
        let address = u128::from(address.parse::<Ipv6Addr>().ok()?);
        (0..=128).find_map(|bits: u32| {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let is_around = |entry: &&str| {
                let (start, length) = entry.split_once('/').unwrap_or((entry, "128"));
                let start = start.parse::<Ipv6Addr>().ok().map(u128::from);
                length.parse() == Ok(bits) && start.is_some_and(|start| start & mask == address & mask)
            };
            let text = format!("{}/{bits}", Ipv6Addr::from(address & mask));
            entries.iter().any(is_around).then_some((text, bits))
        })?
    };
    let fits = match length.parse::<u32>() {
        Ok(length) => length == 0 || length >= found_length,
        Err(_) => *length >= *found_length.to_string(),
    };
    fits.then_some(found)
}

fn host() -> impl Strategy<Value = String> {
    let label = select(vec!["a", "b", "example", "org", "0", "", "Org", "ü", "1"]);
    proptest::collection::vec(label, 1..5).prop_map(|labels| labels.join("."))
}

fn network() -> impl Strategy<Value = String> {
    let address = select(vec![
        "10.0.0.0",
        "10.1.0.0",
        "10.1.2.3",
        "192.0.2.0",
        "2001:db8::",
        "2001:DB8::1",
        "::",
        "10.1",
    ]);
    let length = select(vec!["", "/0", "/8", "/16", "/24", "/32", "/33", "/48", "/64", "/128"]);
    (address, length).prop_map(|(address, length)| format!("{address}{length}"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        host(),
        network(),
        host().prop_map(|host| format!("http://{host}/a")),
        host().prop_map(|host| format!("{host}/b//c")),
        "[ab|é.\n]{0,4}",
    ]
}

fn any_list(id: u64) -> impl Strategy<Value = WarninglistEntries> {
    let expression = select(EXPRESSIONS.map(|(text, _)| text.to_owned()).to_vec());
    let kind = prop_oneof![
        ("string", proptest::collection::vec(text(), 0..8)).boxed(),
        ("substring", proptest::collection::vec("[ab|é.]{0,3}", 0..3)).boxed(),
        ("hostname", proptest::collection::vec(host(), 0..8)).boxed(),
        ("cidr", proptest::collection::vec(network(), 0..8)).boxed(),
        ("regex", proptest::collection::vec(expression, 0..4)).boxed(),
    ];
    let types = proptest::collection::vec(select(vec!["domain", "url", "domain|ip", "ip-dst", "ALL"]), 0..3);
    (kind, types, prop::bool::weighted(0.9)).prop_map(move |((kind, entries), types, enabled)| {
        let mut list = Warninglist::new(id, format!("list {id}"), kind).attribute_types(types);
        list.enabled = enabled;
        WarninglistEntries::new(list, entries)
    })
}

fn lists() -> impl Strategy<Value = Vec<WarninglistEntries>> {
    (0..6_usize).prop_flat_map(|count| (1..=count as u64).map(any_list).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn matcher_answers_as_the_slow_one(
        lists in lists(),
        asked in proptest::collection::vec(
            (select(vec!["domain", "url", "domain|ip", "ip-dst", "malware-sample", "other"]), text(), text()),
            1..12,
        ),
    ) {
        let matcher = matcher(&lists);
        prop_assert_eq!(matcher.unjudged().count(), 0);
        for (kind, first, second) in asked {
            for value in [first.clone(), format!("{first}|{second}")] {
                let expected = slow(&lists, kind, &value);
                let hits = matcher.hits(kind, &value);
                prop_assert_eq!(matcher.matches(kind, &value), !expected.is_empty(), "{} {:?}", kind, value);
                prop_assert_eq!(hits.len(), expected.len(), "{} {:?}", kind, value);
                for (hit, (id, matched, half)) in hits.iter().zip(expected) {
                    prop_assert_eq!((hit.id, &hit.value), (id, &half));
                    prop_assert!(matched.is_none_or(|matched| matched == hit.matched), "{:?}", hit);
                }
            }
        }
    }

    #[test]
    fn arbitrary_entries_and_values_never_panic(
        entries in proptest::collection::vec(prop_oneof!["\\PC{0,12}", "/[a(){}\\[\\]\\\\?*+:<>|^$,0-9-]{0,10}/[isAu]?"], 0..6),
        kind in select(vec!["string", "substring", "hostname", "cidr", "regex"]),
        value in "(?s).{0,12}",
    ) {
        let list = Warninglist::new(1, "any", kind).attribute_types(["a|b"]);
        let matcher = matcher(&[WarninglistEntries::new(list, entries)]);
        let hits = matcher.hits("a|b", &value);
        prop_assert_eq!(matcher.matches("a|b", &value), !hits.is_empty());
    }
}
