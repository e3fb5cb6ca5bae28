//! The guard against a plain model of it: one address, one name at a time.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::net::IpAddr;

use feed_classification::{
    AddressSet, FalsePositives, Guard, GuardRule, GuardRules, Guarded, IndicatorSet, IndicatorType, MAX_PARTS,
    OwnValue, Verdict, network_of, special_purpose,
};
use ipnet::IpNet;
use proptest::prelude::*;

fn guard(own: &[&str]) -> Guard {
    let mut rules = GuardRules::default();
    rules
        .never_export
        .extend(own.iter().map(|text| text.parse::<OwnValue>().unwrap()));
    Guard::new(rules)
}

fn harmless(values: &[&str]) -> FalsePositives {
    FalsePositives::of([IndicatorSet::of(IndicatorType::Ip, values.iter().copied())])
}

fn exported(guard: &Guard, kind: IndicatorType, listed: &[&str], harmless: &FalsePositives) -> Vec<String> {
    let guarded = guard
        .applied_to(IndicatorSet::of(kind, listed.iter().copied()), harmless, 1_000)
        .unwrap();
    guarded.values.iter().map(str::to_owned).collect()
}

/// Networks in a small space, so that they overlap, beside special-purpose ones and some of any width.
fn networks() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u8..4, any::<u8>(), 16_u8..=32).prop_map(|(third, last, length)| format!("198.51.{third}.{last}/{length}")),
        2 => (0_u16..4, any::<u8>(), 112_u8..=128).prop_map(|(seventh, last, length)| format!("2001:db8::{seventh:x}:{last:x}/{length}")),
        1 => prop::sample::select(vec!["10.1.0.0/16", "100.0.0.0/8", "192.168.7.1", "0.0.0.0/0", "::/0", "2000::/3", "fe80::1", "172.0.0.0/9"]).prop_map(str::to_owned),
    ]
}

fn sets(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(networks(), 0..most)
}

/// Addresses at which one of the networks may begin or end, and those beside them.
fn edges<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<IpAddr> {
    let networks: Vec<IpNet> = texts.filter_map(|text| network_of(text)).collect();
    let special = special_purpose::ranges().iter().map(|range| range.network);
    let ends = |network: IpNet| match network {
        IpNet::V4(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first, last, first.saturating_sub(1), last.saturating_add(1)].map(|bits| IpAddr::from(bits.to_be_bytes()))
        }
        IpNet::V6(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            [first, last, first.saturating_sub(1), last.saturating_add(1)].map(|bits| IpAddr::from(bits.to_be_bytes()))
        }
    };
    networks.into_iter().chain(special).flat_map(ends).collect()
}

#[test]
fn a_wide_part_of_a_cut_network_that_lies_in_a_marked_one_is_not_exported() {
    let mut rules = GuardRules::default();
    rules.wide_prefixes = false;
    let values = exported(
        &Guard::new(rules),
        IndicatorType::Ip,
        &["::/0"],
        &harmless(&["2000::/3"]),
    );
    // `2001::/23` and `2002::/16` are special-purpose, so `2000::/3` is cut, and most of its parts are wide.
    assert!(!values.iter().any(|value| value == "2000::/16"));
    assert!(values.iter().any(|value| value == "4000::/4"), "{values:?}");
}

fn addresses_of(set: &IndicatorSet) -> AddressSet {
    AddressSet::from_values(set)
}

proptest! {
    #[test]
    fn an_address_is_exported_if_a_network_that_may_be_listed_has_it_and_no_rule_forbids_it(
        listed in sets(8), own in sets(4), good in sets(4), special in any::<bool>(), wide in any::<bool>(),
    ) {
        let mut rules = GuardRules::default();
        (rules.special_purpose, rules.wide_prefixes) = (special, wide);
        rules.never_export.extend(own.iter().filter_map(|text| text.parse::<OwnValue>().ok()));
        let own_addresses: AddressSet = own.iter().filter(|text| text.parse::<OwnValue>().is_ok()).filter_map(|text| network_of(text)).collect();
        let texts = |texts: &[String]| IndicatorSet::of(IndicatorType::Ip, texts.iter().map(String::as_str));
        let harmless = FalsePositives::of([texts(&good)]);
        let narrow = |text: &&String| network_of(text).is_some_and(|network| !special_purpose::is_too_wide(network));
        let good_addresses: AddressSet = good.iter().filter(narrow).filter_map(|text| network_of(text)).collect();
        let wide_good: AddressSet =
            good.iter().filter(|text| !narrow(text)).filter_map(|text| network_of(text)).collect();
        let guard = Guard::new(rules);
        let guarded = guard.applied_to(texts(&listed), &harmless, 100_000).unwrap();
        let exported = addresses_of(&guarded.values);
        let is_listed = |address: IpAddr| listed.iter().filter_map(|text| network_of(text)).any(|network| {
            let is_wide = special_purpose::is_too_wide(network);
            // A harmless network that is too wide takes out listed ones that are too wide.
            let is_named_harmless = is_wide && harmless.contains(IndicatorType::Ip, &network.to_string());
            network.contains(&address) && !is_named_harmless && !(wide && is_wide)
        });
        for address in edges(listed.iter().chain(&own).chain(&good)) {
            let is_forbidden = own_addresses.contains(address) || good_addresses.contains(address)
                || (special && special_purpose::addresses().contains(address));
            let expected = is_listed(address) && !is_forbidden;
            // A part of a wide network that was cut may be wide too, and lie in a wide network that was marked. Then
            // the part is not exported, though the listed network is not marked.
            let is_marked = wide_good.contains(address) && !exported.contains(address);
            // A mapped address stands for the IPv4 address, which the IPv6 networks of this test do not contain.
            if address == address.to_canonical() && !is_marked {
                prop_assert_eq!(exported.contains(address), expected, "{}", address);
            }
        }
    }

    #[test]
    fn the_guard_changes_nothing_behind_itself_and_knows_no_order(
        listed in sets(8), own in sets(3), good in sets(3), seed in any::<u64>(),
    ) {
        let mut rules = GuardRules::default();
        rules.never_export.extend(own.iter().filter_map(|text| text.parse::<OwnValue>().ok()));
        let guard = Guard::new(rules);
        let harmless = FalsePositives::of([IndicatorSet::of(IndicatorType::Ip, good.iter().map(String::as_str))]);
        let of = |texts: &[String]| guard.applied_to(IndicatorSet::of(IndicatorType::Ip, texts.iter().map(String::as_str)), &harmless, 100_000).unwrap();
        let guarded = of(&listed);
        let again = guard.applied_to(guarded.values.clone(), &harmless, 100_000).unwrap();
        prop_assert_eq!(&again.values, &guarded.values);
        prop_assert!(again.dropped.is_empty());
        let mut turned = listed.clone();
        turned.rotate_left(usize::try_from(seed % 8).unwrap().min(listed.len()));
        prop_assert_eq!(of(&turned), guarded);
    }

    #[test]
    fn a_network_is_hidden_if_no_listed_network_can_export_an_address_of_it(
        asked in networks(), own in sets(4), good in sets(4),
    ) {
        let mut rules = GuardRules::default();
        rules.never_export.extend(own.iter().filter_map(|text| text.parse::<OwnValue>().ok()));
        rules.wide_prefixes = false;
        let guard = Guard::new(rules);
        let harmless = FalsePositives::of([IndicatorSet::of(IndicatorType::Ip, good.iter().map(String::as_str))]);
        let asked = network_of(&asked).unwrap();
        let verdict = guard.judge(IndicatorType::Ip, &asked.to_string(), &harmless);
        let is_refused = matches!(verdict, Verdict::Refused(_)) && !special_purpose::is_too_wide(asked);
        prop_assert!(!is_refused || guard.hides(asked, &harmless));
        prop_assert!(!guard.hides(asked, &harmless) || matches!(verdict, Verdict::Refused(_)));
    }
}

#[test]
fn special_purpose_networks_and_names_are_refused_and_wider_ones_cut() {
    let none = FalsePositives::default();
    let listed = [
        "10.0.0.1",
        "127.0.0.0/8",
        "100.0.0.0/8",
        "198.51.100.7",
        "fe80::1",
        "2001:db8::1",
    ];
    assert_eq!(
        exported(&guard(&[]), IndicatorType::Ip, &listed, &none),
        ["100.0.0.0/10", "100.128.0.0/9", "198.51.100.7", "2001:db8::1"]
    );
    let names = ["printer.local", "evil.example", "localhost.evil.example", "x.onion"];
    assert_eq!(
        exported(&guard(&[]), IndicatorType::Domain, &names, &none),
        ["evil.example", "localhost.evil.example", "x.onion"]
    );
    let urls = [
        "http://127.0.0.1/x",
        "http://[fe80::1]/",
        "http://evil.example/",
        "http://nas.local/",
    ];
    assert_eq!(
        exported(&guard(&[]), IndicatorType::Url, &urls, &none),
        ["http://evil.example/"]
    );
}

#[test]
fn own_names_take_out_names_below_and_above_and_urls_and_mail_at_them() {
    let (guard, none) = (guard(&["own.example.org", "203.0.113.0/24"]), FalsePositives::default());
    let names = [
        "own.example.org",
        "www.own.example.org",
        "example.org",
        "notown.example.org",
        "evil.example.org",
    ];
    assert_eq!(
        exported(&guard, IndicatorType::Hostname, &names, &none),
        ["evil.example.org", "notown.example.org"]
    );
    let urls = [
        "https://WWW.own.example.org/hacked.php",
        "http://203.0.113.7:8080/x",
        "http://example.org/",
        "own.example.org/x",
    ];
    assert_eq!(
        exported(&guard, IndicatorType::Url, &urls, &none),
        ["http://example.org/"]
    );
    let mail = ["ceo@own.example.org", "ceo@notown.example.org"];
    assert_eq!(
        exported(&guard, IndicatorType::EmailAddress, &mail, &none),
        ["ceo@notown.example.org"]
    );
}

#[test]
fn own_urls_are_compared_by_their_key_and_own_digests_in_every_type_of_digest() {
    let digest = "d41d8cd98f00b204e9800998ecf8427e";
    let (guard, none) = (
        guard(&["http://own.example", &digest.to_uppercase()]),
        FalsePositives::default(),
    );
    let urls = ["HTTP://own.example:80/", "http://own.example/x"];
    assert_eq!(
        exported(&guard, IndicatorType::Url, &urls, &none),
        ["http://own.example/x"]
    );
    for kind in [IndicatorType::FileMd5, IndicatorType::Ja3, IndicatorType::Imphash] {
        assert!(exported(&guard, kind, &[digest], &none).is_empty(), "{kind}");
    }
    assert_eq!(exported(&guard, IndicatorType::Mutex, &[digest], &none), [digest]);
}

#[test]
fn a_network_is_cut_around_a_harmless_address_and_the_values_say_why() {
    let guarded: Guarded = guard(&[])
        .applied_to(
            IndicatorSet::of(IndicatorType::Cidr4, ["198.51.100.0/30", "192.0.2.0/24"]),
            &harmless(&["198.51.100.1", "192.0.0.0/16"]),
            1_000,
        )
        .unwrap();
    assert!(guarded.values.iter().eq(["198.51.100.0", "198.51.100.2/31"]));
    let dropped = guarded.dropped.get(&GuardRule::FalsePositive).unwrap();
    assert!(dropped.iter().eq(["192.0.2.0/24", "198.51.100.0/30"]));
}

#[test]
fn a_part_that_is_itself_a_harmless_network_is_not_exported() {
    let mut rules = GuardRules::NONE;
    rules.never_export.add("192.0.2.1".parse().unwrap());
    let guard = Guard::new(rules);
    let harmless = harmless(&["0.0.0.0/1", "192.0.2.0/31"]);
    let parts = exported(&guard, IndicatorType::Ip, &["0.0.0.0/0", "192.0.2.0/30"], &harmless);
    assert!(!parts.contains(&"0.0.0.0/1".to_owned()) && parts.contains(&"128.0.0.0/2".to_owned()));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    assert_eq!(exported(&guard, IndicatorType::Ip, &parts, &harmless), parts);
}

#[test]
fn a_network_of_more_than_a_thousand_parts_is_refused() {
    let every_second: Vec<String> = (0..=255_u32)
        .flat_map(|third| (0..64).map(move |last| format!("198.51.{third}.{}", last * 4)))
        .collect();
    let many: Vec<&str> = every_second.iter().map(String::as_str).collect();
    let verdict = guard(&[]).judge(IndicatorType::Ip, "198.51.0.0/16", &harmless(&many));
    assert_eq!(verdict, Verdict::Refused(GuardRule::TooManyParts));
    let few = many.get(..MAX_PARTS / 2).unwrap();
    let Verdict::Cut(GuardRule::FalsePositive, parts) =
        guard(&[]).judge(IndicatorType::Ip, "198.51.0.0/21", &harmless(few))
    else {
        panic!("it has few enough parts");
    };
    assert_eq!(parts.len(), MAX_PARTS);
}

#[test]
fn rules_that_are_off_let_values_pass() {
    let guard = Guard::new(GuardRules::NONE);
    let none = FalsePositives::default();
    let addresses = ["0.0.0.0/0", "10.0.0.1", "::/0"];
    assert_eq!(exported(&guard, IndicatorType::Ip, &addresses, &none), addresses);
    assert_eq!(exported(&guard, IndicatorType::Domain, &["co.uk"], &none), ["co.uk"]);
}

#[test]
fn guards_with_the_same_rules_are_equal() {
    assert_eq!(guard(&["own.example"]), guard(&["own.example"]));
    assert_ne!(guard(&["own.example"]), guard(&["other.example"]));
    assert_ne!(guard(&[]), Guard::new(GuardRules::NONE));
    let rules = |guard: &Guard| guard.rules().never_export.is_empty();
    assert!(rules(&guard(&[])) && !rules(&guard(&["own.example"])));
}
