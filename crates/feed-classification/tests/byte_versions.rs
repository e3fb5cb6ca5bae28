//! Entity tags do not depend on the bytes, so an exporter that writes other bytes has to raise its version.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::export::{Exporter, FeedInfo, Registry};
use feed_classification::{IndicatorSet, IndicatorType, TypeSet};
use sha2::{Digest as _, Sha256};

/// Each exporter with its version and the beginning of the digest of its bytes in that version.
const BYTES: &[(&str, u32, &str)] = &[
    ("txt", 1, "27dd56290effc66d"),
    ("json", 1, "a986947e07c2faf9"),
    ("xml", 1, "b2fa19217bfccb68"),
    ("yaml", 1, "0361581cd36bfa17"),
    ("b64", 1, "5588bf826b517f36"),
    ("paloalto", 3, "57259eef46c96457"),
    ("cisco", 1, "27dd56290effc66d"),
    ("generic", 1, "b609f937804739f2"),
    ("juniper", 1, "9054e3f034f2e7f0"),
    ("f5", 1, "40adb3a36e2461db"),
    ("opnsense", 1, "0aa536c809217d27"),
    ("pfsense", 1, "0aa536c809217d27"),
    ("mikrotik", 1, "eee20ec2bf5c74d8"),
    ("fortinet", 2, "626ae17e280e189f"),
    ("checkpoint", 2, "2ad332fb7bbd37d9"),
    ("umbrella", 2, "836b869c32479d9a"),
    ("mwg", 2, "938bc92356f36574"),
    ("proxysg", 2, "9ea22cfb8a8de7d6"),
    ("nftables", 1, "3e097c70196369fb"),
    ("ipset", 1, "20971e06df9bf2ec"),
    ("rpz", 2, "327a0537c246a658"),
    ("hosts", 1, "aaef1a1bcf207f6f"),
    ("dnsmasq", 1, "c65b30c649fd3802"),
    ("unbound", 1, "0bedcf8a6d31f5c4"),
    ("adguard", 1, "70d64654f4cd103d"),
    ("squid", 1, "b0838d6d49c160b0"),
    ("haproxy", 1, "df42f4b8c5a8a4f0"),
    ("nginx", 1, "3ef3d917ff6d4b53"),
    ("postfix", 1, "040a44f172235042"),
    ("rspamd", 1, "dc6237565df0409a"),
    ("suricata", 1, "dfc43ecbe6dbbb37"),
    ("suricata-dataset", 1, "1a99c911a3614b93"),
    ("suricata-iprep", 1, "2b6a1c37c83f078a"),
    ("snort", 1, "ec58895a82721acb"),
    ("zeek", 1, "852400517f471acc"),
    ("clamav", 1, "5e77495576ffd4be"),
    ("yara", 1, "a7cd9678114ca85b"),
    ("sigma", 1, "1933ae1b2a100d4d"),
    ("csv", 1, "6be00e95c86d9d67"),
    ("jsonl", 1, "090eed27519255a6"),
    ("splunk", 2, "50043c16b4d2b070"),
    ("elastic", 1, "7b784b800bfc9df9"),
    ("defender", 1, "8a62814f7a6422a2"),
    ("wazuh", 1, "28f64e8dfa18a3a5"),
    ("crowdsec", 1, "726185471e0af95b"),
    ("graylog-dsv", 1, "300422982170ae78"),
    ("qradar", 1, "85dcc0857d7128b6"),
    ("stix2", 1, "fc75663bcee7c110"),
    ("openioc", 1, "8f3137d403c05b0c"),
    ("misp-csv", 1, "f19f86689b664ccf"),
];

const VALUES: [(IndicatorType, &[&str]); 7] = [
    (
        IndicatorType::Ip,
        &[
            "192.0.2.0/25",
            "192.0.2.128/25",
            "192.0.2.7",
            "2001:db8::/32",
            "2001:db8:1::7",
        ],
    ),
    (IndicatorType::Cidr4, &["192.0.2.0/25", "198.51.100.0/24"]),
    (
        IndicatorType::Domain,
        &["a.example", "b.a.example", "xn--bcher-kva.example"],
    ),
    (
        IndicatorType::Url,
        &[
            "http://a.example/x?y=z",
            "https://b.example/",
            "http://[2001:db8::7]:8080/",
        ],
    ),
    (
        IndicatorType::FileSha256,
        &["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
    (
        IndicatorType::UserAgent,
        &["Mozilla/5.0 (\"quoted\"; <tags> & more) \\", "ä;|"],
    ),
    (
        IndicatorType::Yara,
        &["rule a {\r\n  condition: true\r\n}", "rule b { condition: false }"],
    ),
];

/// Added for outputs of rules alone.
const SIGMA: (IndicatorType, &[&str]) = (
    IndicatorType::Sigma,
    &[
        "title: a\nlogsource: {product: x}\ndetection:\n  s: {f|contains: [\"a: 'b'\", 1]}\n  condition: s\n",
        "title: two\nlogsource: {category: y}\ndetection:\n  s:\n    - word\n  condition: not s\n",
    ],
);

fn digest(exporter: &dyn Exporter) -> String {
    let mut bytes = Vec::new();
    let of_rules = TypeSet::RULES.union(exporter.about().accepts) == TypeSet::RULES;
    for (kind, values) in VALUES.into_iter().chain(of_rules.then_some(SIGMA)) {
        if !exporter.about().accepts.contains(kind) {
            continue;
        }
        for values in [values, &[]] {
            let set = IndicatorSet::of(kind, values.iter().copied());
            let info = FeedInfo::new(kind, "block").changed_at(jiff::Timestamp::UNIX_EPOCH);
            exporter
                .export(&info.limited_to(exporter.about()), &mut set.indicators(), &mut bytes)
                .unwrap();
            bytes.push(0xff);
        }
    }
    Sha256::digest(&bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn an_exporter_that_writes_other_bytes_has_another_version() {
    let registry = Registry::builtin();
    let found = registry.iter().map(|exporter| {
        let about = exporter.about();
        (about.name, about.version, digest(exporter.as_ref()))
    });
    let changed: Vec<_> = found
        .filter(|(name, version, digest)| !BYTES.contains(&(*name, *version, digest.as_str())))
        .collect();
    assert!(
        changed.is_empty(),
        "these exporters write other bytes than in the table. Raise `version` in their About (otherwise devices with the old bytes get \
         \"not modified\"), then put these lines into the table; a new exporter only needs its line: {changed:#?}"
    );
    assert_eq!(registry.iter().count(), BYTES.len());
}

#[test]
fn exporters_whose_bytes_have_the_same_name_write_the_same() {
    let registry = Registry::builtin();
    for one in registry.iter() {
        for other in registry.iter().filter(|other| other.about().bytes == one.about().bytes) {
            assert_eq!(digest(one.as_ref()), digest(other.as_ref()), "{one:?} {other:?}");
            assert_eq!(one.about().version, other.about().version, "{one:?} {other:?}");
        }
    }
}
