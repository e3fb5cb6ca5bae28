//! The sample data have the events that the demo promises.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that goes wrong"
)]

use std::collections::BTreeMap;

use misp_sim::{DEMO_TAG, Sim, Store};

const WEEK: i64 = 7 * 86_400;

/// The feeds that need a tag; `any` and `42` hold at least what these hold.
const FEEDS: &[&str] = &[
    "incident", "alert", "block", "hunt", "cust1", "cust2", "cust3", "cust4", "cust5",
];

/// MISP attribute types behind every indicator type, at least one of which each feed must have.
const TYPES: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("hostname", &["hostname", "domain|ip", "hostname|port"]),
    ("url", &["url"]),
    ("file-md5", &["md5", "filename|md5"]),
    ("file-sha1", &["sha1", "filename|sha1"]),
    ("file-sha256", &["sha256", "filename|sha256"]),
    ("mutex", &["mutex"]),
    ("snort", &["snort"]),
    ("yara", &["yara"]),
    ("sigma", &["sigma"]),
    ("x509-fingerprint-md5", &["x509-fingerprint-md5"]),
    ("x509-fingerprint-sha1", &["x509-fingerprint-sha1"]),
    ("x509-fingerprint-sha256", &["x509-fingerprint-sha256"]),
    ("email-address", &["email-src"]),
    ("email-address", &["email-dst"]),
    ("email-subject", &["email-subject"]),
    ("email-attachment", &["email-attachment"]),
    ("vulnerability", &["vulnerability"]),
    ("ja3", &["ja3-fingerprint-md5"]),
    ("hassh-md5", &["hassh-md5"]),
    ("hasshserver-md5", &["hasshserver-md5"]),
    ("imphash", &["imphash"]),
    ("crypto-currency", &["btc"]),
    ("crypto-currency", &["xmr"]),
    ("chrome-extension-id", &["chrome-extension-id"]),
    ("edge-extension-id", &["edge-extension-id"]),
    ("ja4", &["text"]),
    ("filename", &["filename"]),
    ("user-agent", &["user-agent"]),
];

const ADDRESSES: &[&str] = &["ip-src", "ip-dst"];

fn tag(feed: &str) -> String {
    format!("{DEMO_TAG}:incident-classification={feed}")
}

/// Returns type and value of the attributes in a feed of the last week: published, for detection, not deleted, no false
/// positive.
fn fresh<'a>(store: &'a Store, feed: &str) -> Vec<(&'a str, &'a str)> {
    let carries = |attribute: &misp_sim::AttributeView<'_>, tag: &str| {
        attribute.tags().chain(attribute.event().tags()).any(|name| name == tag)
    };
    store
        .attributes()
        .filter(|attribute| attribute.event().published() && attribute.to_ids() && !attribute.deleted())
        .filter(|attribute| attribute.timestamp() > store.now() - WEEK)
        .filter(|attribute| carries(attribute, &tag(feed)) && !carries(attribute, &tag("false-positive")))
        .map(|attribute| (attribute.kind(), attribute.value()))
        .collect()
}

#[test]
fn every_feed_has_every_type_from_the_last_week() {
    let sim = misp_sim::demo().start_now().unwrap();
    sim.with_store(|store| {
        for feed in FEEDS {
            let found = fresh(store, feed);
            for (indicator_type, kinds) in TYPES {
                assert!(
                    found.iter().any(|(kind, _)| kinds.contains(kind)),
                    "{feed} has no {indicator_type}"
                );
            }
            let addresses: Vec<&str> = found
                .iter()
                .filter(|(kind, _)| ADDRESSES.contains(kind))
                .map(|(_, value)| *value)
                .collect();
            for (what, six, network) in [
                ("ipv4", false, false),
                ("cidr4", false, true),
                ("ipv6", true, false),
                ("cidr6", true, true),
            ] {
                let is_it = |value: &&&str| value.contains(':') == six && value.contains('/') == network;
                assert!(addresses.iter().any(|value| is_it(&value)), "{feed} has no {what}");
            }
            assert!(
                found
                    .iter()
                    .any(|(kind, value)| *kind == "yara" && value.lines().count() > 3),
                "{feed} has no rule of several lines"
            );
        }
    });
}

#[test]
fn nothing_in_it_is_real() {
    let sim = misp_sim::demo().start_now().unwrap();
    let documentation = |value: &str| {
        ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:", "2001:0db8:"]
            .iter()
            .any(|prefix| value.starts_with(prefix))
    };
    sim.with_store(|store| {
        for attribute in store.attributes() {
            let value = attribute.value();
            match attribute.kind() {
                "ip-src" | "ip-dst" | "ip-src|port" | "ip-dst|port" => {
                    assert!(documentation(value) || value.is_empty(), "{value}")
                }
                "domain" | "hostname" | "hostname|port" | "domain|ip" | "url" | "email-src" | "email-dst" => {
                    let bad_on_purpose = ["not a domain", "192.0.2.77", "no scheme here"].contains(&value);
                    assert!(bad_on_purpose || value.to_lowercase().contains("example"), "{value}");
                }
                _ => {}
            }
        }
    });
}

#[test]
fn each_story_is_told() {
    let sim = misp_sim::demo().start_now().unwrap();
    let body = r#"{"published":1,"to_ids":1,"enforceWarninglist":1,"tags":["example:incident-classification=block","!example:incident-classification=false-positive"]}"#;
    let block = search(&sim, Sim::READER_KEY, body);
    for (value, there) in [
        ("guilty.example.com", true),
        ("withdrawn.example.com", false),
        ("draft.example.com", false),
        ("published-yesterday.example.com", false),
        ("deleted.example.com", false),
        ("context-only.example.com", false),
        ("203.0.113.200", false),
        ("sub.shared.example.org", false),
        ("www.shared.example.org|443", true),
        ("own-organisation.example.com", true),
        ("3y.old-block.example.com", true),
        ("block.example.com", true),
    ] {
        assert_eq!(block.contains_key(value), there, "{value}");
    }
    assert!(!search(&sim, Sim::PARTNER_KEY, body).contains_key("own-organisation.example.com"));
    sim.with_store(|store| {
        let state = |title: &str| {
            let event = store.event(store.find_event(title).unwrap()).unwrap();
            (
                event.published(),
                event.timestamp() > event.publish_timestamp(),
                event.publish_timestamp() > 0,
            )
        };
        assert_eq!(state("Edited an hour ago"), (false, true, true));
        assert_eq!(state("Withdrawn on purpose"), (false, false, true));
        assert_eq!(state("Never published"), (false, true, false));
        assert!(store.events().all(|event| !event.info().is_empty()));
    });
}

#[test]
fn both_organisations_have_published_events() {
    let sim = misp_sim::demo().start_now().unwrap();
    for organisation in [Sim::ORGANISATION, Sim::PARTNER] {
        let body = format!(r#"{{"org":"{organisation}","published":1,"type":"domain"}}"#);
        assert!(!search(&sim, Sim::READER_KEY, &body).is_empty(), "{organisation}");
    }
}

fn search(sim: &misp_sim::RunningSim, key: &str, body: &str) -> BTreeMap<String, String> {
    let got = support::search(sim.addr(), key, body);
    got.column("value").into_iter().zip(got.column("id")).collect()
}

mod support;
