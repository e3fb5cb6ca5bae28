//! Outputs for SIEM, EDR and exchange: their whole bytes, and what readers that we did not write make of them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::BTreeMap;
use std::process::Command;

use feed_classification::export::testkit;
use feed_classification::{ExportCounts, FeedInfo, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use test_peers::{Peer, free_port, python, unpacked};

const OUTPUTS: [&str; 9] = [
    "crowdsec",
    "csv",
    "defender",
    "elastic",
    "graylog-dsv",
    "jsonl",
    "qradar",
    "splunk",
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

/// Bodies of harmless and hostile values, read by Python.
#[test]
fn readers_of_others_get_exactly_the_values() {
    let Some(python) = python() else {
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
    assert!(wanted.values().map(Vec::len).sum::<usize>() > 2_000);
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
