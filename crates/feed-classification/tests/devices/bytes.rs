//! The whole bytes of each format, and the values that are left out.

use feed_classification::export::{Options, configured};
use feed_classification::{IndicatorSet, IndicatorType as Kind, Registry};

use crate::{body, export};

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

/// URLs in the spellings that devices for web requests treat in different ways.
const URLS: [&str; 14] = [
    "HTTP://Evil.example:8080/a?b=c",
    "evil.example/x",
    "http://bücher.example/x",
    "http://evil.example/\"quoted\",;x",
    "http://evil.example/it's",
    "http://evil.example/x y",
    "http://evil.example/x#y",
    "http://evil.example/*",
    "http://user@evil.example/x",
    "https://evil.example",
    "https://evil.example/x",
    "https://192.0.2.1/x",
    "https://[2001:db8::1]/x",
    "ftp://evil.example/x",
];

const NAMES: [&str; 3] = ["evil.example", "www.evil.example", "xn--bcher-kva.example"];

const MD5: [&str; 1] = ["d41d8cd98f00b204e9800998ecf8427e"];

#[test]
fn fortinet() {
    insta::assert_snapshot!("fortinet-ip", export("fortinet", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("fortinet-url", export("fortinet", Kind::Url, &URLS));
    insta::assert_snapshot!("fortinet-empty", export("fortinet", Kind::FileMd5, &[]));
}

#[test]
fn checkpoint() {
    insta::assert_snapshot!("checkpoint-ip", export("checkpoint", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("checkpoint-url", export("checkpoint", Kind::Url, &URLS));
    insta::assert_snapshot!("checkpoint-md5", export("checkpoint", Kind::FileMd5, &MD5));
    let subjects = ["Invoice, \"urgent\"", "=cmd|' /C calc'!A0", " # ü"];
    insta::assert_snapshot!(
        "checkpoint-subject",
        export("checkpoint", Kind::EmailSubject, &subjects)
    );
    insta::assert_snapshot!("checkpoint-empty", export("checkpoint", Kind::Domain, &[]));
}

#[test]
fn juniper() {
    insta::assert_snapshot!("juniper-ip", export("juniper", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("juniper-empty", export("juniper", Kind::Ip, &[]));
}

#[test]
fn f5() {
    insta::assert_snapshot!("f5-ip", export("f5", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("f5-empty", export("f5", Kind::Ip, &[]));
}

#[test]
fn opnsense_and_pfsense() {
    insta::assert_snapshot!("opnsense-ip", export("opnsense", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("opnsense-empty", export("opnsense", Kind::Ip, &[]));
    insta::assert_snapshot!("pfsense-ip", export("pfsense", Kind::Ip, &ADDRESSES));
}

#[test]
fn mikrotik() {
    insta::assert_snapshot!("mikrotik-ip", export("mikrotik", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("mikrotik-all-of-v6", export("mikrotik", Kind::Cidr6, &["::/0"]));
    insta::assert_snapshot!("mikrotik-empty", export("mikrotik", Kind::Ipv4, &[]));
}

#[test]
fn umbrella() {
    insta::assert_snapshot!("umbrella-domain", export("umbrella", Kind::Domain, &NAMES));
    insta::assert_snapshot!("umbrella-url", export("umbrella", Kind::Url, &URLS));
    insta::assert_snapshot!("umbrella-empty", export("umbrella", Kind::Url, &[]));
}

#[test]
fn mwg() {
    insta::assert_snapshot!("mwg-ip", export("mwg", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("mwg-ipv4", export("mwg", Kind::Ipv4, &["192.0.2.7"]));
    insta::assert_snapshot!("mwg-url", export("mwg", Kind::Url, &URLS));
    let agents = ["a \"b\" c", "back\\slash", "tab\tstop", "Mozilla/5.0 (ü; x)"];
    insta::assert_snapshot!("mwg-user-agent", export("mwg", Kind::UserAgent, &agents));
    insta::assert_snapshot!("mwg-empty", export("mwg", Kind::Cidr6, &[]));
}

#[test]
fn proxysg() {
    insta::assert_snapshot!("proxysg-domain", export("proxysg", Kind::Domain, &NAMES));
    insta::assert_snapshot!("proxysg-url", export("proxysg", Kind::Url, &URLS));
    insta::assert_snapshot!("proxysg-empty", export("proxysg", Kind::Url, &[]));
}

#[test]
fn the_name_of_a_list_or_category_can_be_chosen() {
    let registry = Registry::builtin();
    for (output, option, value, line) in [
        (
            "mikrotik",
            "list",
            "192.0.2.7",
            "add list=\"own_list-new\" address=192.0.2.7/32",
        ),
        ("mikrotik", "list", "192.0.2.7", "remove [find where list=\"own_list\"]"),
        ("f5", "category", "192.0.2.7", "192.0.2.7,32,bl,own_list"),
        ("proxysg", "category", "evil.example", "define category own_list"),
    ] {
        let exporter = registry.by_name(output).unwrap();
        let options = Options::of(exporter.about().options, &[(option, "own_list")]).unwrap();
        let kind = if output == "proxysg" { Kind::Domain } else { Kind::Ip };
        let set = IndicatorSet::of(kind, [value]);
        let (body, _) = body(configured(exporter, &options).as_ref(), &set);
        assert!(body.lines().any(|found| found == line), "{output}: {body}");
        for wrong in ["a\"b", "a;b", "a,b", "a$b", "a\nb", "[a]", "a\\b", ""] {
            assert!(
                Options::of(exporter.about().options, &[(option, wrong)]).is_err(),
                "{output}: {wrong}"
            );
        }
    }
}
