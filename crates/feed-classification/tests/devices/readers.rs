//! What the devices do with the lists: the readers in `tests/readers`, written from the documentation of the vendors.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use feed_classification::export::testkit;
use feed_classification::{Extractor, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use serde_json::{Value, json};

use crate::body;

/// Values beside those of the battery; each goes to the types whose grammar takes it.
const VALUES: [&str; 35] = [
    "10.0.0.0/24",
    "10.0.1.0/24",
    "10.0.0.9",
    "192.0.2.7/32",
    "2001:db8::/32",
    "2001:db8::7",
    "::ffff:192.0.2.8",
    "evil.example",
    "www.evil.example",
    "bücher.example",
    "http://a.example",
    "http://a.example/",
    "http://a.example/x",
    "http://a.example/xy",
    "https://a.example./x",
    "http://a.example:8080/x",
    "http://a.example/x;y=z,'quoted'",
    "http://a.example/\"quoted\"",
    "http://a.example/\"it's\"",
    "http://a.example/x?y=1&z=\"2\"",
    "http://a.example/$(id)[x]\\y",
    "http://a.example/*",
    "http://a.example/x#y",
    "http://user:secret@a.example/x",
    "http://bücher.example/x",
    "http://end/x",
    "HTTP://A.Example/Y",
    "http://a.example:80/z",
    "HTTPS://A.Example:443?y",
    "A.Example/w",
    "http://[2001:DB8:0::8]:80/x",
    "http://192.0.2.7/x",
    "http://[2001:db8::7]/x",
    "http://[2001:db8::7]:8080/x",
    "ftp://a.example/x",
];

/// A short list, and values that are not on it.
const SHORT: [(&[Kind], &str, &[&str]); 7] = [
    (
        &[Kind::Ipv4, Kind::Ipv4Ext, Kind::Ip],
        "192.0.2.7",
        &["192.0.2.8", "192.0.2.0/24"],
    ),
    (
        &[Kind::Ipv6, Kind::Ipv6Ext, Kind::Ip],
        "2001:db8::7",
        &["2001:db8::8", "2001:db8::/64"],
    ),
    (&[Kind::Cidr4], "192.0.2.0/25", &["192.0.2.128", "192.0.2.0/24"]),
    (&[Kind::Cidr6], "2001:db8::/64", &["2001:db8:0:1::", "2001:db8::/32"]),
    (
        &[Kind::Domain, Kind::Hostname],
        "a.example",
        &["ba.example", "b.example"],
    ),
    (
        &[Kind::Url],
        "http://a.example/x",
        &["http://a.example/", "http://b.example/x", "http://a.example/y"],
    ),
    (&[Kind::EmailAddress], "a@a.example", &["b@a.example"]),
];

fn hostile(kind: Kind) -> IndicatorSet {
    let mut values: BTreeSet<String> = testkit::values(kind).into_iter().collect();
    for value in VALUES {
        // Most types take a few of them only.
        let _ = Extractor::new(kind).extract("", value, &mut |value| {
            values.insert(value.to_owned());
        });
    }
    IndicatorSet::of(kind, values.iter().map(String::as_str))
}

/// Returns the reader's answers to these cases, or `None` without Python.
fn read(device: &str, cases: &[Value]) -> Option<Vec<Value>> {
    let python = test_peers::program("python3")?;
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/readers/{device}.py"));
    let mut input = tempfile::NamedTempFile::new().unwrap();
    input.write_all(&serde_json::to_vec(cases).unwrap()).unwrap();
    let output = Command::new(python)
        .arg("-B")
        .arg(reader)
        .stdin(File::open(input.path()).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{device}: {said}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Asserts that the device takes the output for every type: hostile values, an empty feed, and a short list.
fn check(device: &str) {
    let registry = Registry::builtin();
    let exporter = registry.by_name(device).unwrap();
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    let mut add = |set: &IndicatorSet, values: Vec<&str>, is_enforced: bool| {
        cases.push(json!({"kind": set.kind().as_str(), "body": body(exporter.as_ref(), set).0, "values": values}));
        expected.push((set.kind(), set.len(), vec![is_enforced; values.len()]));
    };
    for kind in exporter.about().accepts.iter() {
        let set = hostile(kind);
        let is_kept = |value: &&str| exporter.leaves_out(&Indicator::new(kind, value)).is_none();
        let kept: Vec<&str> = set.iter().filter(is_kept).collect();
        add(&IndicatorSet::of(kind, kept.iter().copied()), kept.clone(), true);
        assert_eq!(
            body(exporter.as_ref(), &set).0,
            body(exporter.as_ref(), &IndicatorSet::of(kind, kept.iter().copied())).0,
            "{device}, {kind}: a value that is left out leaves something behind"
        );
        add(&IndicatorSet::empty(kind), Vec::new(), true);
        for (kinds, listed, others) in SHORT {
            let set = IndicatorSet::of(kind, [listed]);
            if kinds.contains(&kind) && set.iter().all(|value| is_kept(&value)) {
                add(&set, others.to_vec(), false);
            }
        }
    }
    let Some(answers) = read(device, &cases) else { return };
    assert_eq!(answers.len(), expected.len());
    for (answer, (kind, written, enforced)) in answers.iter().zip(expected) {
        assert_eq!(answer.get("malformed"), None, "{device}");
        let found: Vec<bool> = serde_json::from_value(answer["enforced"].clone()).unwrap();
        assert_eq!(found, enforced, "{device}, {kind}");
        let entries = usize::try_from(answer["entries"].as_u64().unwrap()).unwrap();
        let about = exporter.about();
        if about.merges || about.rewrites.contains(kind) {
            assert!(entries <= written && (entries > 0 || written == 0), "{device}, {kind}");
        } else {
            assert_eq!(entries, written, "{device}, {kind}");
        }
    }
}

#[test]
fn fortinet_takes_every_entry() {
    check("fortinet");
}

#[test]
fn check_point_loads_every_row() {
    check("checkpoint");
}

#[test]
fn juniper_takes_every_prefix() {
    check("juniper");
}

#[test]
fn f5_takes_every_line() {
    check("f5");
}

#[test]
fn opnsense_takes_every_address_and_asks_no_name_in_the_dns() {
    check("opnsense");
}

#[test]
fn pfsense_takes_every_address() {
    check("pfsense");
}

#[test]
fn mikrotik_imports_the_script_again_and_again_without_a_gap() {
    check("mikrotik");
}

#[test]
fn umbrella_takes_every_destination() {
    check("umbrella");
}

#[test]
fn the_web_gateway_takes_every_line() {
    check("mwg");
}

#[test]
fn proxysg_takes_every_entry() {
    check("proxysg");
}

#[test]
fn a_reader_refuses_what_its_device_would_misread() {
    for (device, kind, body) in [
        ("fortinet", "url", "http://a.example/*\n"),
        ("fortinet", "domain", "a.example\r\n"),
        ("checkpoint", "ipv4", "192.0.2.1\n"),
        (
            "checkpoint",
            "ipv4",
            "# UNIQ-NAME,VALUE,TYPE,CONFIDENCE,SEVERITY,PRODUCT,COMMENT\n,192.0.2.1,IP,high,high,AV,\n",
        ),
        ("juniper", "ip", "192.0.2.1\n"),
        ("f5", "ip", "192.0.2.1,32,bl,\n"),
        ("opnsense", "ip", "a.example\n"),
        ("pfsense", "ip", "192.0.2.1-192.0.2.2\n"),
        (
            "mikrotik",
            "ipv4",
            "/ip firewall address-list\nremove [find where list=\"cratos\"]\nadd list=\"cratos\" address=192.0.2.1/32\n",
        ),
        (
            "mikrotik",
            "ipv4",
            "/ip firewall address-list\nadd list=\"cratos\" address=192.0.2.1/32; /system reboot\n",
        ),
        ("umbrella", "url", "http://a.example/x\n"),
        ("mwg", "domain", "\"a.example\" \"\"\n"),
        ("proxysg", "url", "define category cratos\na.example/x?y=z\nend\n"),
    ] {
        let case = json!({"kind": kind, "body": body, "values": []});
        let Some(answers) = read(device, &[case]) else { return };
        assert!(answers[0]["malformed"].is_string(), "{device} took {body:?}");
    }
}
