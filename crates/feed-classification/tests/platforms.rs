//! Outputs for SIEM, EDR and exchange: their whole bytes, and what readers that we did not write make of them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::BTreeMap;
use std::process::Command;

use feed_classification::export::{Options, configured, testkit};
use feed_classification::{ExportCounts, FeedInfo, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use test_peers::{Peer, free_port, python_with, unpacked};

const OUTPUTS: [&str; 12] = [
    "crowdsec",
    "csv",
    "defender",
    "elastic",
    "graylog-dsv",
    "jsonl",
    "misp-csv",
    "openioc",
    "qradar",
    "splunk",
    "stix2",
    "wazuh",
];

fn exported(output: &str, kind: Kind, values: &[&str]) -> (Vec<u8>, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let changed_at = "2026-11-25T18:00:00.123456Z".parse().unwrap();
    let feed = FeedInfo::new(kind, "block-any-1w").changed_at(changed_at);
    let feed = feed.limited_to(exporter.about());
    let counts = exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
    (body, counts)
}

/// Returns the body, and below it the counts.
fn export(output: &str, kind: Kind, values: &[&str]) -> String {
    let (body, counts) = exported(output, kind, values);
    let body = String::from_utf8(body).unwrap();
    format!(
        "{body}-- written {}, quarantined {}",
        counts.written, counts.quarantined
    )
}

const ADDRESSES: [&str; 6] = [
    "10.0.0.0/24",
    "10.0.1.128/29",
    "192.0.2.7",
    "2001:db8:1::/48",
    "2001:db8::1",
    "no address",
];

const TEXTS: [&str; 9] = [
    "plain.exe",
    "=cmd|' /C calc'!A0",
    "a,b",
    "a \"b\"",
    "a: b",
    "a*b",
    "# a",
    "ü\u{202e}",
    "two\nlines",
];

const URLS: [&str; 3] = [
    "http://a.example/x,y?z='\"\\",
    "https://b.example/*",
    "http://c.example/",
];

#[test]
fn addresses() {
    for output in [
        "crowdsec",
        "csv",
        "defender",
        "elastic",
        "graylog-dsv",
        "openioc",
        "qradar",
        "splunk",
        "stix2",
        "wazuh",
    ] {
        insta::assert_snapshot!(format!("{output}-ip"), export(output, Kind::Ip, &ADDRESSES));
    }
}

#[test]
fn texts_and_urls() {
    for output in [
        "csv",
        "elastic",
        "graylog-dsv",
        "jsonl",
        "misp-csv",
        "openioc",
        "qradar",
        "splunk",
        "stix2",
        "wazuh",
    ] {
        insta::assert_snapshot!(format!("{output}-filename"), export(output, Kind::Filename, &TEXTS));
    }
    for output in [
        "defender",
        "elastic",
        "graylog-dsv",
        "openioc",
        "splunk",
        "stix2",
        "wazuh",
    ] {
        insta::assert_snapshot!(format!("{output}-url"), export(output, Kind::Url, &URLS));
    }
}

#[test]
fn every_type_has_its_field() {
    let hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    for output in ["defender", "elastic", "misp-csv", "openioc", "splunk", "stix2"] {
        let mut all = String::new();
        for (kind, value) in [
            (Kind::Domain, "evil.example"),
            (Kind::FileSha1, hash),
            (Kind::FileMd5, "d41d8cd98f00b204e9800998ecf8427e"),
            (Kind::X509FingerprintSha1, hash),
            (Kind::Imphash, "d41d8cd98f00b204e9800998ecf8427e"),
            (Kind::EmailAddress, "o'neil@a.example"),
            (Kind::EmailSubject, "you won"),
            (Kind::UserAgent, "Mozilla/5.0"),
            (Kind::Yara, "rule a {\n}"),
            (Kind::Ja3, "d41d8cd98f00b204e9800998ecf8427e"),
        ] {
            let registry = Registry::builtin();
            if registry.by_name(output).unwrap().about().accepts.contains(kind) {
                let body = String::from_utf8(exported(output, kind, &[value]).0).unwrap();
                all += &format!("-- {kind}\n{body}");
            }
        }
        insta::assert_snapshot!(format!("{output}-types"), all);
    }
}

#[test]
fn empty_feeds() {
    for output in OUTPUTS {
        insta::assert_snapshot!(format!("{output}-empty"), export(output, Kind::Ipv4, &[]));
    }
}

#[test]
fn options_change_their_columns_only() {
    let record = |output: &str, pairs: &[(&str, &str)]| {
        let registry = Registry::builtin();
        let exporter = registry.by_name(output).unwrap();
        let options = Options::of(exporter.about().options, pairs).unwrap();
        let mut body = Vec::new();
        let item = Indicator::new(Kind::Ipv4, "192.0.2.1");
        configured(exporter, &options).entry(&item, &mut body).unwrap();
        String::from_utf8(body).unwrap()
    };
    assert_eq!(record("crowdsec", &[]), "24h,,Ip,ban,192.0.2.1\n");
    assert_eq!(
        record("crowdsec", &[("hours", "48"), ("action", "captcha")]),
        "48h,,Ip,captcha,192.0.2.1\n"
    );
    assert_eq!(record("splunk", &[("weight", "100")]), ",192.0.2.1,100\n");
    assert!(record("defender", &[]).starts_with("IpAddress,192.0.2.1,,Audit,Medium,"));
    assert!(
        record("defender", &[("action", "block"), ("severity", "high")])
            .starts_with("IpAddress,192.0.2.1,,Block,High,")
    );
}

/// Platforms keep the newest version of an object with the same id.
#[test]
fn a_stix_object_keeps_its_id_and_its_creation_and_renews_its_version() {
    let objects = |kind, title, time: &str| -> Vec<serde_json::Value> {
        let set = IndicatorSet::of(kind, ["192.0.2.1"]);
        let feed = FeedInfo::new(kind, title).changed_at(time.parse().unwrap());
        let mut body = Vec::new();
        let registry = Registry::builtin();
        let exporter = registry.by_name("stix2").unwrap();
        exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
        let bundle: serde_json::Value = serde_json::from_slice(&body).unwrap();
        bundle["objects"].as_array().unwrap().clone()
    };
    let one = objects(Kind::Ipv4, "block-ipv4-1w", "2026-11-25T18:00:00.9996Z");
    let other = objects(Kind::Ip, "alert-ip-1y", "2026-11-26T18:00:00Z");
    assert_eq!(one[0], other[0], "the identity");
    for member in ["id", "created", "pattern", "created_by_ref"] {
        assert_eq!(one[1][member], other[1][member], "{member}");
    }
    assert_eq!(one[1]["modified"], "2026-11-25T18:00:00.999Z");
    assert_eq!(other[1]["modified"], "2026-11-26T18:00:00.000Z");
}

/// Bodies of harmless and hostile values, read by Python and by the libraries of OASIS.
#[test]
fn readers_of_others_get_exactly_the_values() {
    let Some(python) = python_with(&["stix2", "stix2validator", "stix2patterns"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = BTreeMap::new();
    let registry = Registry::builtin();
    for output in OUTPUTS {
        let exporter = registry.by_name(output).unwrap();
        for kind in exporter.about().accepts.iter() {
            let values = testkit::values(kind);
            let all: Vec<&str> = values.iter().map(String::as_str).collect();
            for (case, values) in [("hostile", all), ("empty", Vec::new())] {
                let name = format!("{output}.{kind}.{case}");
                std::fs::write(folder.path().join(&name), exported(output, kind, &values).0).unwrap();
                let kept = |value: &&str| exporter.leaves_out(&Indicator::new(kind, value)).is_none();
                let set = IndicatorSet::of(kind, values.into_iter().filter(kept));
                wanted.insert(name, set.iter().map(str::to_owned).collect::<Vec<_>>());
            }
        }
    }
    assert!(wanted.values().map(Vec::len).sum::<usize>() > 3_000);
    std::fs::write(folder.path().join("wanted.json"), serde_json::to_vec(&wanted).unwrap()).unwrap();
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/platforms.py");
    let output = Command::new(python).arg(reader).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}{output:?}");
}

/// A real CrowdSec, which answers as its bouncers ask: is this address banned?
#[test]
fn crowdsec_imports_the_decisions_and_bans_exactly_the_listed_addresses() {
    let Some(package) = unpacked("crowdsec") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (here, port) = (folder.path().display().to_string(), free_port());
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    let config = "common: {daemonize: false, log_media: stdout, log_level: warning, log_dir: HERE, working_dir: HERE}\n\
         config_paths: {config_dir: HERE, data_dir: HERE, simulation_path: HERE/simulation.yaml, hub_dir: HERE, \
         index_path: HERE/.index.json, notification_dir: HERE, plugin_dir: HERE}\n\
         cscli: {output: json, color: 'no'}\n\
         db_config: {log_level: warning, type: sqlite, db_path: HERE/crowdsec.db, use_wal: true}\n\
         api:\n  client: {credentials_path: HERE/client.yaml}\n  \
         server: {log_level: warning, listen_uri: '127.0.0.1:PORT', profiles_path: HERE/profiles.yaml, \
         console_path: HERE/console.yaml}\n\
         prometheus: {enabled: false}\n";
    let config = config.replace("HERE", &here).replace("PORT", &port.to_string());
    write("config.yaml", config.as_bytes());
    write("simulation.yaml", b"simulation: false\n");
    write("profiles.yaml", b"name: none\nfilters: ['false']\non_success: break\n");
    write("console.yaml", b"share_manual_decisions: false\n");
    write(".index.json", b"{}");
    write("client.yaml", b"");
    let cscli = |words: &[&str]| {
        let mut command = Command::new(package.join("usr/bin/cscli"));
        command
            .current_dir(folder.path())
            .args(["-c", "config.yaml"])
            .args(words);
        let output = command.output().unwrap();
        (output.status.success(), format!("{output:?}"))
    };
    let succeeds = |words: &[&str]| {
        let (success, said) = cscli(words);
        assert!(success, "{words:?}: {said}");
    };
    succeeds(&[
        "machines",
        "add",
        "test",
        "--password",
        "none-needed",
        "-f",
        "client.yaml",
    ]);
    succeeds(&["bouncers", "add", "bouncer", "-k", "key-of-a-bouncer"]);
    let mut server = Command::new(package.join("usr/bin/crowdsec"));
    server.current_dir(folder.path()).args(["-c", "config.yaml", "-no-cs"]);
    let _server = Peer::listening(&mut server, port);

    let values = testkit::values(Kind::Ip);
    let values: Vec<&str> = values
        .iter()
        .map(String::as_str)
        .filter(|value| !value.ends_with("/0"))
        .collect();
    write("decisions.csv", &exported("crowdsec", Kind::Ip, &values).0);
    succeeds(&["decisions", "import", "-i", "decisions.csv", "--scope", ""]);
    for (address, is_banned) in [
        ("192.0.2.0", true),
        ("192.0.2.255", true),
        ("192.0.3.0", false),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("255.255.255.255", true),
        ("203.0.113.77", true),
        ("2001:db8::1", true),
        ("2001:db8::2", false),
        ("::", true),
    ] {
        assert_eq!(is_listed(port, address), is_banned, "{address}");
    }
    // A list without decisions changes nothing.
    write("decisions.csv", &exported("crowdsec", Kind::Ip, &[]).0);
    let _ = cscli(&["decisions", "import", "-i", "decisions.csv"]);
    assert!(is_listed(port, "198.51.100.7"));
    // As the guide says to do before the next import.
    succeeds(&["decisions", "delete", "--scenario", "another"]);
    assert!(is_listed(port, "198.51.100.7"));
    succeeds(&["decisions", "delete", "--scenario", "block-any-1w"]);
    assert!(!is_listed(port, "198.51.100.7"));
}

/// Asks the local API of CrowdSec for the decisions on an address.
fn is_listed(port: u16, address: &str) -> bool {
    use std::io::{Read as _, Write as _};

    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "GET /v1/decisions?ip={address} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: test/v1\r\nX-Api-Key: key-of-a-bouncer\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body != "null"
}
