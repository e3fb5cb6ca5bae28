//! The whole bytes of formats for one kind of consumer, and the values that are left out.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::{FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};

/// Returns the body, and below it the counts.
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
fn generic() {
    insta::assert_snapshot!("generic-ip", export("generic", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!(
        "generic-mutex",
        export(
            "generic",
            Kind::Mutex,
            &["a b", "# no", "two\nlines", "\u{feff}mark", "ünï", "a#b"]
        )
    );
    insta::assert_snapshot!("generic-empty", export("generic", Kind::Domain, &[]));
}

#[test]
fn ipset() {
    insta::assert_snapshot!("ipset-ip", export("ipset", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("ipset-all-of-v4", export("ipset", Kind::Cidr4, &["0.0.0.0/0"]));
    insta::assert_snapshot!("ipset-empty", export("ipset", Kind::Ipv6, &[]));
}

#[test]
fn suricata_dataset() {
    insta::assert_snapshot!(
        "suricata-dataset-domain",
        export("suricata-dataset", Kind::Domain, &["evil.example", "a.example"])
    );
    let hashes = [
        "d41d8cd98f00b204e9800998ecf8427e",
        "d41d8cd98f00b204e9800998ecf842",
        "x41d8cd98f00b204e9800998ecf8427e",
    ];
    insta::assert_snapshot!(
        "suricata-dataset-md5",
        export("suricata-dataset", Kind::FileMd5, &hashes)
    );
    insta::assert_snapshot!("suricata-dataset-ip", export("suricata-dataset", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("suricata-dataset-empty", export("suricata-dataset", Kind::Ja3, &[]));
}

#[test]
fn suricata_iprep() {
    insta::assert_snapshot!("suricata-iprep-ip", export("suricata-iprep", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!(
        "suricata-iprep-all-of-v6",
        export("suricata-iprep", Kind::Cidr6, &["::/0"])
    );
    insta::assert_snapshot!("suricata-iprep-empty", export("suricata-iprep", Kind::Ipv4, &[]));
}

#[test]
fn nftables() {
    insta::assert_snapshot!("nftables-ip", export("nftables", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("nftables-cidr6", export("nftables", Kind::Cidr6, &["2001:db8::1/64"]));
    insta::assert_snapshot!("nftables-empty", export("nftables", Kind::Ip, &[]));
}

#[test]
fn rpz() {
    let names = [
        "evil.example",
        "www.evil.example",
        "notevil.example",
        "_x.a-b.xn--p1ai",
        "32.1.2.0.192.rpz-ip",
        "bad name",
        &format!("{0}.{0}.{0}.a.example", "a".repeat(60)),
    ];
    insta::assert_snapshot!("rpz-hostname", export("rpz", Kind::Hostname, &names));
    insta::assert_snapshot!("rpz-ip", export("rpz", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("rpz-all-of-both", export("rpz", Kind::Ip, &["0.0.0.0/0", "::/0"]));
    insta::assert_snapshot!("rpz-empty", export("rpz", Kind::Domain, &[]));
}

/// Names below a listed one, a long name, and texts that are no name.
const NAMES: [&str; 6] = [
    "evil.example",
    "www.evil.example",
    "notevil.example",
    "_x.a-b.xn--p1ai",
    "bad name",
    "b\u{fc}cher.example",
];

const URLS: [&str; 11] = [
    "HTTP://Evil.example:80/a/../b?c=d",
    "evil.example:8080/x",
    "https://b\u{fc}cher.example/\u{fc};\"|\\ y",
    "http://evil.example/a%20b%2fc%",
    "http://[2001:db8::1]/",
    "https://evil.example",
    "http://evil.example/%0a",
    "http://evil.example/#fragment",
    "http://user@evil.example/",
    "ftp://evil.example/",
    "http://evil.example/?u=http://b.example/(x)*",
];

#[test]
fn hosts() {
    insta::assert_snapshot!("hosts-hostname", export("hosts", Kind::Hostname, &NAMES));
    insta::assert_snapshot!("hosts-empty", export("hosts", Kind::Domain, &[]));
}

#[test]
fn dnsmasq() {
    insta::assert_snapshot!("dnsmasq-domain", export("dnsmasq", Kind::Domain, &NAMES));
    insta::assert_snapshot!("dnsmasq-empty", export("dnsmasq", Kind::Domain, &[]));
}

#[test]
fn unbound() {
    insta::assert_snapshot!("unbound-domain", export("unbound", Kind::Domain, &NAMES));
    insta::assert_snapshot!("unbound-empty", export("unbound", Kind::Domain, &[]));
}

#[test]
fn adguard() {
    insta::assert_snapshot!("adguard-domain", export("adguard", Kind::Domain, &NAMES));
    insta::assert_snapshot!("adguard-empty", export("adguard", Kind::Domain, &[]));
}

#[test]
fn squid() {
    insta::assert_snapshot!("squid-domain", export("squid", Kind::Domain, &NAMES));
    insta::assert_snapshot!("squid-ip", export("squid", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("squid-url", export("squid", Kind::Url, &URLS));
    insta::assert_snapshot!("squid-empty", export("squid", Kind::Url, &[]));
}

#[test]
fn haproxy() {
    insta::assert_snapshot!("haproxy-domain", export("haproxy", Kind::Domain, &NAMES));
    insta::assert_snapshot!("haproxy-ip", export("haproxy", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("haproxy-url", export("haproxy", Kind::Url, &URLS));
    insta::assert_snapshot!("haproxy-empty", export("haproxy", Kind::Ip, &[]));
}

#[test]
fn nginx() {
    insta::assert_snapshot!("nginx-domain", export("nginx", Kind::Domain, &NAMES));
    insta::assert_snapshot!("nginx-ip", export("nginx", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("nginx-all-of-v4", export("nginx", Kind::Cidr4, &["0.0.0.0/0"]));
    insta::assert_snapshot!("nginx-empty", export("nginx", Kind::Ip, &[]));
}

const SENDERS: [&str; 4] = [
    "a@b.example",
    "#x@a.example",
    "/x/@a.example",
    "\u{fc}n\u{ef}@a.example",
];

#[test]
fn postfix() {
    insta::assert_snapshot!("postfix-domain", export("postfix", Kind::Domain, &NAMES));
    insta::assert_snapshot!("postfix-ip", export("postfix", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("postfix-email-address", export("postfix", Kind::EmailAddress, &SENDERS));
    insta::assert_snapshot!("postfix-empty", export("postfix", Kind::EmailAddress, &[]));
}

#[test]
fn rspamd() {
    insta::assert_snapshot!("rspamd-domain", export("rspamd", Kind::Domain, &NAMES));
    insta::assert_snapshot!("rspamd-ip", export("rspamd", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("rspamd-url", export("rspamd", Kind::Url, &URLS));
    insta::assert_snapshot!("rspamd-email-address", export("rspamd", Kind::EmailAddress, &SENDERS));
    let subjects = ["Invoice #1/2 ($5)", "\u{dc}n\u{ef}", "a\tb", &"x".repeat(4_001)];
    insta::assert_snapshot!("rspamd-email-subject", export("rspamd", Kind::EmailSubject, &subjects));
    insta::assert_snapshot!("rspamd-empty", export("rspamd", Kind::EmailSubject, &[]));
}

/// Secondaries load a zone only if its serial is higher, so the serial has to follow the change and nothing else.
#[test]
fn the_serial_of_a_zone_is_when_its_values_changed() {
    let zone = |time: &str| {
        let set = IndicatorSet::of(Kind::Domain, ["evil.example"]);
        let feed = FeedInfo::new(Kind::Domain, "block-domain-1w").changed_at(time.parse().unwrap());
        let mut body = Vec::new();
        let registry = Registry::builtin();
        let exporter = registry.by_name("rpz").unwrap();
        exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
        String::from_utf8(body).unwrap()
    };
    assert!(zone("2026-11-25T18:00:00.9Z").contains(" 1795629600 300 "));
    assert!(zone("2026-11-25T18:00:01Z").contains(" 1795629601 300 "));
    assert!(zone("2106-02-07T06:28:17Z").contains(" 1 300 "), "it runs over in 2106");
}

#[test]
fn suricata() {
    insta::assert_snapshot!("suricata-ip", export("suricata", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!(
        "suricata-cidr4",
        export("suricata", Kind::Cidr4, &["10.0.0.0/24", "10.0.0.77/24"])
    );
    insta::assert_snapshot!("suricata-domain", export("suricata", Kind::Domain, &["evil.example"]));
    let urls = [
        "HTTP://Evil.example:8080/a/../b?c=d#e",
        "evil.example/x",
        "http://bücher.example/ü;\"|\\ y",
        "http://evil.example/a%20b//c",
        "http://192.0.2.1/",
        "https://evil.example/",
        "https://evil.example",
        "https://evil.example/path",
        "https://192.0.2.1/",
        "ftp://evil.example/",
        "http://evil.example/?u=http://b.example/",
    ];
    insta::assert_snapshot!("suricata-url", export("suricata", Kind::Url, &urls));
    let hash = "e7eca2baf4458d095b7f45da28c16c34";
    insta::assert_snapshot!("suricata-ja3", export("suricata", Kind::Ja3, &[hash]));
    insta::assert_snapshot!("suricata-hassh", export("suricata", Kind::HasshMd5, &[hash]));
    insta::assert_snapshot!(
        "suricata-hassh-server",
        export("suricata", Kind::HasshServerMd5, &[hash])
    );
    let ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
    insta::assert_snapshot!("suricata-ja4", export("suricata", Kind::Ja4, &[ja4]));
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    insta::assert_snapshot!("suricata-x509", export("suricata", Kind::X509FingerprintSha1, &[sha1]));
    let agents = ["Mozilla/5.0 (x; y)", "evil\";sid:1;)", &"x".repeat(9_000)];
    insta::assert_snapshot!("suricata-user-agent", export("suricata", Kind::UserAgent, &agents));
    insta::assert_snapshot!("suricata-empty", export("suricata", Kind::Domain, &[]));
}

#[test]
fn snort() {
    insta::assert_snapshot!("snort-ip", export("snort", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("snort-domain", export("snort", Kind::Domain, &["evil.example"]));
    let urls = [
        "HTTP://Evil.example:8080/a/../b?c=d#e",
        "http://b\u{fc}cher.example/\u{fc};\"|\\ y",
        "http://[2001:db8::1]/",
        "https://evil.example/",
        "https://evil.example/path",
        "ftp://evil.example/",
    ];
    insta::assert_snapshot!("snort-url", export("snort", Kind::Url, &urls));
}

#[test]
fn zeek() {
    insta::assert_snapshot!("zeek-ip", export("zeek", Kind::Ip, &ADDRESSES[..8]));
    insta::assert_snapshot!(
        "zeek-filename",
        export(
            "zeek",
            Kind::Filename,
            &["#a", "-", "a\tb", "b\\x41", "\u{fc}\u{202e}gnp.exe"]
        )
    );
    let urls = [
        "http://evil.example/a%20b",
        "https://evil.example",
        "http://evil.example:8080/",
        "ftp://evil.example/",
    ];
    insta::assert_snapshot!("zeek-url", export("zeek", Kind::Url, &urls));
    insta::assert_snapshot!("zeek-empty", export("zeek", Kind::Domain, &[]));
}

#[test]
fn clamav() {
    let hashes = ["d41d8cd98f00b204e9800998ecf8427e", "x41d8cd98f00b204e9800998ecf8427e"];
    insta::assert_snapshot!("clamav-md5", export("clamav", Kind::FileMd5, &hashes));
    insta::assert_snapshot!("clamav-empty", export("clamav", Kind::FileSha256, &[]));
}

#[test]
fn yara() {
    let texts = [
        "import \"pe\"\r\nrule a { condition: pe.is_pe and math.entropy(0, 1) > 0.1 }\r\n",
        "rule a { condition: true } // \u{201c}comment\u{201d}",
        "private rule b { condition: true }\nrule a { condition: b }",
        "rule broken { condition: \u{201c} }",
        "global rule everything { condition: false }",
    ];
    insta::assert_snapshot!("yara", export("yara", Kind::Yara, &texts));
    insta::assert_snapshot!("yara-empty", export("yara", Kind::Yara, &[]));
}

#[test]
fn sigma() {
    let texts = [
        "# comment\ntitle: One\nid: 0f06a3a5-6a09-413f-8743-e6cf35561297\ndate: 2024-01-31\ndescription: |\n  two\n  lines\n\
         logsource: {product: windows, category: process_creation}\ndetection:\n  selection:\n    Image|endswith: ['\\a.exe']\n    \
         EventID: 1\n  condition: selection\nlevel: high\n",
        "title: No detection\nlogsource: {product: windows}",
    ];
    insta::assert_snapshot!("sigma", export("sigma", Kind::Sigma, &texts));
    insta::assert_snapshot!("sigma-empty", export("sigma", Kind::Sigma, &[]));
}

/// Every output has its row in the page for operators.
#[test]
fn the_documentation_knows_every_output() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md");
    let page = std::fs::read_to_string(page).unwrap();
    for name in Registry::builtin().names() {
        assert!(
            page.contains(&format!("\n| `{name}` |")),
            "docs/formats.md has no row for {name}"
        );
    }
}
