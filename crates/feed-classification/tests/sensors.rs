//! The bytes of `zeek` and `snort`, read by programs that we wrote after the documentation of the consumer.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use feed_classification::export::testkit;
use feed_classification::{ExportCounts, FeedInfo, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use serde_json::{Value, json};

fn export(output: &str, kind: Kind, values: &[impl AsRef<str>]) -> (String, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().map(AsRef::as_ref));
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let counts = exporter.export(&FeedInfo::new(kind, "alert-any-1w"), &mut set.indicators(), &mut body);
    (String::from_utf8(body).unwrap(), counts.unwrap())
}

/// Runs a script of `tests/readers`, or one given as text, with files of these contents; returns what it prints.
fn read(python: &PathBuf, script: &[&str], files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().enumerate().map(|(number, text)| {
        let path = folder.path().join(number.to_string());
        fs::write(&path, text).unwrap();
        path
    });
    let output = Command::new(python).args(script).args(paths).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", files[0]);
    String::from_utf8(output.stdout).unwrap()
}

mod zeek {
    use super::*;

    const READER: &[&str] = &[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/zeek.py")];

    fn items(python: &PathBuf, kind: Kind, values: &[impl AsRef<str>]) -> Vec<(String, Vec<u8>)> {
        let printed = read(python, READER, &[&export("zeek", kind, values).0]);
        let item = |line: &str| {
            let [name, hex, source]: [String; 3] = serde_json::from_str(line).unwrap();
            assert_eq!(source, "Cratos");
            let digits = |place: usize| u8::from_str_radix(hex.get(2 * place..2 * place + 2).unwrap(), 16).unwrap();
            (name, (0..hex.len() / 2).map(digits).collect())
        };
        printed.lines().map(item).collect()
    }

    #[test]
    fn hostile_values_of_every_type_come_back_as_they_are() {
        let Some(python) = test_peers::python() else { return };
        let registry = Registry::builtin();
        let exporter = registry.by_name("zeek").unwrap();
        for kind in exporter.about().accepts.iter().filter(|kind| *kind != Kind::Url) {
            let mut values = testkit::values(kind);
            if kind == Kind::Filename {
                values.extend(["-", "#fields\tindicator", "a\\x41b", "(empty)"].map(str::to_owned));
                values.sort();
            }
            let taken = values
                .iter()
                .filter(|value| exporter.leaves_out(&Indicator::new(kind, value)).is_none());
            let taken: Vec<&[u8]> = taken.map(|value| value.as_bytes()).collect();
            let items = items(&python, kind, &values);
            let found: Vec<&[u8]> = items.iter().map(|(_, value)| value.as_slice()).collect();
            assert_eq!(found, taken, "{kind}");
            assert!(!found.is_empty(), "{kind}");
        }
    }

    #[test]
    fn addresses_and_networks_of_one_feed_have_their_own_types() {
        let Some(python) = test_peers::python() else { return };
        let values = ["192.0.2.0/24", "192.0.3.7", "2001:db8::/32", "2001:db9::7"];
        let names: Vec<String> = items(&python, Kind::Ip, &values)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["SUBNET", "ADDR", "SUBNET", "ADDR"]);
    }

    #[test]
    fn urls_are_those_of_requests() {
        let Some(python) = test_peers::python() else { return };
        let values = [
            "http://Evil.example/a%20b",
            "https://evil.example",
            "http://b\u{fc}cher.example/\u{fc}",
            "http://evil.example:8080/x",
            "http://user@evil.example/",
            "http://evil.example/x#y",
            "ftp://evil.example/",
        ];
        let found: Vec<String> = items(&python, Kind::Url, &values)
            .into_iter()
            .map(|(name, value)| {
                assert_eq!(name, "URL");
                String::from_utf8(value).unwrap()
            })
            .collect();
        assert_eq!(
            found,
            ["evil.example/", "evil.example/a b", "xn--bcher-kva.example/\u{fc}"]
        );
        assert_eq!(export("zeek", Kind::Url, &values).1.quarantined, 4);
    }

    #[test]
    fn an_empty_feed_is_read_as_no_item() {
        let Some(python) = test_peers::python() else { return };
        assert_eq!(items(&python, Kind::Domain, &[] as &[&str]), []);
    }
}

mod snort {
    use super::*;

    const READER: &[&str] = &[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/snort.py")];

    /// Returns the messages of the rules that match each packet.
    fn fired(python: &PathBuf, rules: &str, packets: &[Value]) -> Vec<Vec<String>> {
        let read: Value = serde_json::from_str(&read(python, READER, &[rules, &json!(packets).to_string()])).unwrap();
        assert_eq!(read["rules"], rules.lines().count());
        serde_json::from_value(read["fired"].clone()).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn dns(name: &str) -> Value {
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend(label.bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        json!({ "protocol": "udp", "port": 53, "to": "198.51.100.53", "payload": hex(&query) })
    }

    /// A greeting with a server name and one more extension behind it, of this type.
    fn tls(name: &str, next: [u8; 2]) -> Value {
        let two = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
        let name_list = [&[0][..], &two(name.len()), name.as_bytes()].concat();
        let extension = [&two(name_list.len())[..], &name_list].concat();
        let extensions = [&[0, 0][..], &two(extension.len()), &extension, &next, &[0, 0]].concat();
        let hello = [
            &[3, 3][..],
            &[9; 32],
            &[0],
            &[0, 2, 0x13, 1],
            &[1, 0],
            &two(extensions.len()),
            &extensions,
        ]
        .concat();
        let handshake = [&[1, 0][..], &two(hello.len()), &hello].concat();
        let record = [&[0x16, 3, 1][..], &two(handshake.len()), &handshake].concat();
        json!({ "protocol": "tcp", "port": 443, "to": "198.51.100.1", "payload": hex(&record) })
    }

    fn http(host: &str, uri: &str) -> Value {
        json!({ "protocol": "tcp", "port": 80, "to": "198.51.100.1", "host": host, "uri": uri })
    }

    #[test]
    fn rules_of_any_values_are_read() {
        let Some(python) = test_peers::python() else { return };
        let registry = Registry::builtin();
        for kind in registry.by_name("snort").unwrap().about().accepts.iter() {
            let (rules, counts) = export("snort", kind, &testkit::values(kind));
            assert!(counts.written > 0, "{kind}");
            fired(&python, &rules, &[]);
        }
        assert_eq!(export("snort", Kind::Ip, &[] as &[&str]).0, "");
    }

    #[test]
    fn names_match_with_all_below_them_and_nothing_beside_them() {
        const IN: [&str; 3] = ["evil.example", "EVIL.Example", "www.sub.evil.example"];
        const OUT: [&str; 5] = [
            "notevil.example",
            "evil.example.org",
            "example",
            "evil-example",
            "www.evil.example.org",
        ];
        let Some(python) = test_peers::python() else { return };
        let (rules, _) = export("snort", Kind::Domain, &["evil.example"]);
        let packets = |names: &[&str]| -> Vec<Value> {
            let all = names.iter().flat_map(|name| {
                [
                    dns(name),
                    tls(name, [0, 23]),
                    http(name, "/"),
                    http(&format!("{name}:8080"), "/"),
                ]
            });
            all.collect()
        };
        let expected = ["Cratos domain in DNS query", "Cratos domain in TLS server name"];
        let http = "Cratos domain in HTTP host";
        for found in fired(&python, &rules, &packets(&IN)).chunks(4) {
            assert_eq!(found, [vec![expected[0]], vec![expected[1]], vec![http], vec![http]]);
        }
        assert!(fired(&python, &rules, &packets(&OUT)).iter().all(Vec::is_empty));
        // Behind the name of a random extension of browsers: the name itself is seen, one below it is not.
        let random = [tls("evil.example", *b"JJ"), tls("www.evil.example", *b"JJ")];
        assert_eq!(fired(&python, &rules, &random), [vec![expected[1]], vec![]]);
        // The same bytes in a response.
        let mut response = dns("evil.example");
        response["payload"] = response["payload"]
            .as_str()
            .unwrap()
            .replacen("07070100", "07078180", 1)
            .into();
        assert_eq!(fired(&python, &rules, &[response]), [Vec::<String>::new()]);
    }

    #[test]
    fn urls_match_as_a_whole() {
        let Some(python) = test_peers::python() else { return };
        let values = [
            "http://evil.example/a;b?c=\"d|e",
            "http://port.example:8080/x",
            "http://[2001:db8::1]/x",
            "https://tls.example/",
            "https://path.example/x",
        ];
        let (rules, counts) = export("snort", Kind::Url, &values);
        assert_eq!((counts.written, counts.quarantined), (4, 1));
        let packets = [
            http("Evil.example", "/a;b?c=%22d|e"),
            http("evil.example:80", "/a;b?c=%22d|e"),
            http("port.example:8080", "/x"),
            http("[2001:db8::1]", "/x"),
            tls("tls.example", *b"JJ"),
            http("evil.example", "/a;b?c=%22d|e&f"),
            http("evil.example", "/A;b?c=%22d|e"),
            http("www.evil.example", "/a;b?c=%22d|e"),
            http("port.example", "/x"),
            http("port.example:80", "/x"),
            tls("www.tls.example", [0, 23]),
            tls("path.example", [0, 23]),
        ];
        let found: Vec<usize> = fired(&python, &rules, &packets).iter().map(Vec::len).collect();
        assert_eq!(found, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn addresses_match_in_both_families() {
        let Some(python) = test_peers::python() else { return };
        let (rules, _) = export("snort", Kind::Ip, &["192.0.2.0/25", "198.51.100.7", "2001:db8::/32"]);
        let to = |address: &str| json!({ "protocol": "tcp", "port": 4000, "to": address });
        let packets = [
            "192.0.2.7",
            "198.51.100.7",
            "2001:db8::9",
            "192.0.2.200",
            "198.51.100.8",
            "2001:db9::9",
        ]
        .map(to);
        let found: Vec<usize> = fired(&python, &rules, &packets).iter().map(Vec::len).collect();
        assert_eq!(found, [1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_rule_has_the_number_of_its_suricata_rule() {
        let sid = |output: &str| {
            let (rules, _) = export(output, Kind::Ipv4, &["192.0.2.1"]);
            rules.split_once("sid:").unwrap().1.to_owned()
        };
        assert_eq!(sid("snort"), sid("suricata"));
    }
}
