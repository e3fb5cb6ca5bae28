//! The bytes that consumers of one format each load, whole, and what is left out of them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::{FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};

/// The body, and below it what was counted.
fn export(output: &str, kind: Kind, values: &[&str]) -> String {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let feed = FeedInfo::new(kind, "block-any-1w");
    let exported = exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    format!(
        "{body}-- written {}, quarantined {}",
        exported.written, exported.quarantined
    )
}

const ADDRESSES: [&str; 9] = [
    "10.0.0.0/24",
    "10.0.1.77/24",
    "10.0.0.9",
    "192.0.2.7",
    "192.0.2.8",
    "192.0.2.9",
    "2001:db8::/32",
    "2001:db8::1",
    "no address",
];

#[test]
fn nftables() {
    insta::assert_snapshot!("nftables-ip", export("nftables", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("nftables-cidr6", export("nftables", Kind::Cidr6, &["2001:db8::1/64"]));
    insta::assert_snapshot!("nftables-empty", export("nftables", Kind::Ip, &[]));
}
