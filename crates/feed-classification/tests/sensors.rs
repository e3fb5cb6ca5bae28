//! The bytes of `zeek`, `snort` and `sigma`, read by programs that we did not write, or wrote after the consumer's own
//! documentation.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use feed_classification::export::Rivalry;
use feed_classification::export::testkit::{self, chosen};
use feed_classification::{ExportCounts, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use serde_json::{Value, json};

fn export(output: &str, kind: Kind, values: &[impl AsRef<str>]) -> (String, ExportCounts) {
    chosen(output, &[], kind, values)
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

mod sigma {
    use super::*;

    const READ: &[&str] = &[
        "-c",
        r#"
import json, sys
from sigma.collection import SigmaCollection
text = open(sys.argv[1], encoding="utf-8").read()
rules = SigmaCollection.from_yaml(text).rules if text else []
for rule in rules:
    conditions = [condition.parsed for condition in rule.detection.parsed_condition]
    assert all(conditions), rule
    print(json.dumps({"title": rule.title, "id": str(rule.id), "level": str(rule.level), "description": rule.description}))
"#,
    ];

    fn rules(python: &PathBuf, texts: &[&str]) -> Vec<Value> {
        let printed = read(python, READ, &[&export("sigma", Kind::Sigma, texts).0]);
        printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn rule(title: &str, more: &str) -> String {
        format!(
            "title: {title}\n{more}\nlogsource:\n  product: windows\ndetection:\n  s:\n    Image|endswith: '\\a.exe'\n  condition: s\n"
        )
    }

    /// Texts that are a rule of their own, and read differently by parsers of YAML.
    fn good() -> Vec<String> {
        vec![
            rule("dates", "date: 2024-01-31\nmodified: 2024/2/1"),
            rule(
                "words",
                "level: high\nstatus: test\nfalsepositives: [No, =, 0x_, 2024-99-99]\ndescription: |\n  one\n  --- two\n",
            ),
            rule("quoted: \"x\" #y'", "author: '@x'")
                .replace("title: quoted: \"x\" #y'", "title: 'quoted: \"x\" #y'''"),
            rule("two", "") + "---\n" + &rule("documents", ""),
            format!("---\n# first a comment\n{}...\n", rule("marks", "")),
            rule(
                "tags",
                "tags:\n  - attack.execution\n  - attack.t1059.001\nid: 0f06a3a5-6a09-413f-8743-e6cf35561297",
            ),
            rule("selection", "").replace("condition: s", "condition: 1 of s* and not all of them or (s)"),
            rule("numbers", "").replace(
                "Image|endswith: '\\a.exe'",
                "EventID: [4688, 1]\n    Size|gt: 10\n    Users: ~",
            ),
        ]
    }

    fn bad() -> Vec<(String, &'static str)> {
        vec![
            ("just a text".to_owned(), "sigma_syntax"),
            ("title: [".to_owned(), "sigma_syntax"),
            ("title: a\ntitle: b".to_owned(), "sigma_syntax"),
            (rule("alias", "x: &a 1\ny: *a"), "sigma_syntax"),
            (rule("tag", "x: !!python/object:os.system a"), "sigma_syntax"),
            (rule("tabs", "x:\n\t- a"), "sigma_syntax"),
            ("title: a".to_owned(), "sigma_logsource"),
            (rule("uuid", "id: 1-2-3"), "sigma_field"),
            (rule("level", "level: worst"), "sigma_field"),
            (rule("date", "date: 2024-13-01"), "sigma_field"),
            (rule("modifier", "").replace("endswith", "end"), "sigma_modifier"),
            (
                rule("condition", "").replace("condition: s", "condition: s | count() > 3"),
                "sigma_condition",
            ),
            (
                rule("unknown", "").replace("condition: s", "condition: t"),
                "sigma_condition",
            ),
            (
                "title: filter\nlogsource: {product: a}\nfilter: {rules: any}".to_owned(),
                "sigma_not_a_rule",
            ),
            (rule("old", "action: global"), "sigma_not_a_rule"),
            (
                rule("one", "id: 0f06a3a5-6a09-413f-8743-e6cf35561298")
                    + "---\n"
                    + &rule("two", "id: 0F06A3A5-6A09-413F-8743-E6CF35561298"),
                "sigma_id_twice",
            ),
        ]
    }

    #[test]
    fn a_bad_text_is_left_out_with_its_reason() {
        let registry = Registry::builtin();
        let exporter = registry.by_name("sigma").unwrap();
        for (text, reason) in bad() {
            let item = Indicator::new(Kind::Sigma, &text);
            assert_eq!(
                exporter.leaves_out(&item).map(|found| found.reason()),
                Some(reason),
                "{text}"
            );
        }
    }

    #[test]
    fn pysigma_reads_the_good_rules_of_good_and_bad_texts() {
        let Some(python) = test_peers::python_with(&["sigma"]) else {
            return;
        };
        let (good, bad) = (good(), bad());
        let texts: Vec<&str> = good
            .iter()
            .map(String::as_str)
            .chain(bad.iter().map(|(text, _)| text.as_str()))
            .collect();
        let (body, counts) = export("sigma", Kind::Sigma, &texts);
        assert_eq!(
            (counts.written, counts.quarantined),
            (good.len() as u64, bad.len() as u64),
            "{body}"
        );
        let titles: std::collections::BTreeSet<String> = rules(&python, &texts)
            .iter()
            .map(|rule| rule["title"].as_str().unwrap().to_owned())
            .collect();
        let expected = [
            "dates",
            "documents",
            "marks",
            "numbers",
            "quoted: \"x\" #y'",
            "selection",
            "tags",
            "two",
            "words",
        ];
        assert_eq!(titles, expected.map(str::to_owned).into_iter().collect());
        assert!(rules(&python, &[]).is_empty());
    }

    #[test]
    fn of_several_rules_with_one_id_the_newest_is_in_the_file() {
        let id = "id: 0f06a3a5-6a09-413f-8743-e6cf35561297";
        let texts = [
            rule("older", &format!("{id}\ndate: 2023-01-01\nmodified: 2024-01-01")),
            rule("newer", &format!("{id}\ndate: 2024-02-01")),
            rule("none", &id.to_uppercase().replace("ID:", "id:")),
            rule("other", ""),
        ];
        let (body, counts) = export("sigma", Kind::Sigma, &texts);
        assert_eq!((counts.written, counts.quarantined), (2, 2), "{body}");
        assert!(body.contains("title: newer") && body.contains("title: other"), "{body}");
        let set = IndicatorSet::of(Kind::Sigma, texts.iter().map(String::as_str));
        let registry = Registry::builtin();
        let exporter = registry.by_name("sigma").unwrap();
        assert_eq!(exporter.count(&mut set.indicators()), counts);
        let rivalry = |text: &str| exporter.rivalry(&Indicator::new(Kind::Sigma, text), &mut set.indicators());
        let id = "id 0f06a3a5-6a09-413f-8743-e6cf35561297, and it is of 2024-02-01 and this one";
        for (text, why) in [(&texts[0], "of 2024-01-01"), (&texts[2], "without a date")] {
            let outdone = rivalry(text);
            assert!(
                matches!(&outdone, Some(Rivalry::Outdone { by, why: found, .. })
                    if *by == texts[1] && *found == format!("{id} {why}")),
                "{outdone:?}"
            );
        }
        assert_eq!((rivalry(&texts[1]), rivalry(&texts[3])), (None, None));
    }

    /// Set `CRATOS_SIGMA_RULES` to a folder of public rules to compare the readers.
    #[test]
    fn a_folder_of_public_rules_is_one_file_that_pysigma_reads() {
        let Some(folder) = std::env::var_os("CRATOS_SIGMA_RULES") else {
            return;
        };
        let Some(python) = test_peers::python_with(&["sigma"]) else {
            return;
        };
        let mut texts = Vec::new();
        let mut folders = vec![PathBuf::from(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.path().extension().is_some_and(|extension| extension == "yml") {
                    texts.extend(fs::read_to_string(entry.path()));
                }
            }
        }
        let values: Vec<&str> = texts.iter().map(String::as_str).collect();
        let registry = Registry::builtin();
        let exporter = registry.by_name("sigma").unwrap();
        for value in &values {
            if let Some(reason) = exporter.leaves_out(&Indicator::new(Kind::Sigma, value)) {
                println!("{reason}: {}", value.lines().next().unwrap_or_default());
            }
        }
        println!("{:?}", export("sigma", Kind::Sigma, &values).1);
        println!("{} rules", rules(&python, &values).len());
    }
}

#[test]
fn an_entry_of_a_rule_file_is_the_file_of_that_value_alone() {
    let registry = Registry::builtin();
    for output in ["suricata", "snort"] {
        let mut entry = Vec::new();
        let item = Indicator::new(Kind::Domain, "bad.example.com");
        registry.by_name(output).unwrap().entry(&item, &mut entry).unwrap();
        let (file, counts) = export(output, Kind::Domain, &["bad.example.com"]);
        assert_eq!(
            (String::from_utf8(entry).unwrap(), counts.written),
            (file, 1),
            "{output}"
        );
    }
}
