//! Rules of Suricata, read by two foreign parsers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use feed_classification::{FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};
use serde_json::Value;

fn body(kind: Kind, values: &[&str]) -> String {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name("suricata").unwrap();
    exporter
        .export(&FeedInfo::new(kind, "alert-any-1w"), &mut set.indicators(), &mut body)
        .unwrap();
    String::from_utf8(body).unwrap()
}

const READ: &str = r#"
import json, sys
import idstools.rule
import suricataparser
for line in open(sys.argv[1], encoding="ascii").read().splitlines():
    one, other = suricataparser.parse_rule(line), idstools.rule.parse(line)
    options = [[option.name, option.value] for option in one.options]
    assert options == [[option["name"], option["value"]] for option in other.options], line
    assert (one.sid, one.rev, one.msg) == (other.sid, other.rev, other.msg), line
    assert one.enabled and other.enabled and one.action == other.action == "alert", line
    print(json.dumps({"sid": one.sid, "rev": one.rev, "msg": one.msg, "head": one.header, "options": options}))
"#;

/// Returns the rules as both parsers read them.
fn parsed(python: &PathBuf, rules: &str) -> Vec<Value> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(rules.as_bytes()).unwrap();
    let output = Command::new(python)
        .args(["-c", READ])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The bytes that a rule looks for, in the order of its contents.
fn contents(rule: &Value) -> Vec<Vec<u8>> {
    let options = rule["options"].as_array().unwrap();
    let contents = options.iter().filter(|option| option[0] == "content");
    contents
        .map(|option| decoded(option[1].as_str().unwrap().trim_matches('"')))
        .collect()
}

fn decoded(content: &str) -> Vec<u8> {
    let stretches = content.split('|').enumerate();
    stretches
        .flat_map(|(place, stretch)| match place % 2 {
            0 => stretch.as_bytes().to_vec(),
            _ => stretch
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect(),
        })
        .collect()
}

const PARSERS: [&str; 2] = ["suricataparser", "idstools"];

#[test]
fn hostile_user_agents_stay_inside_their_quotes() {
    let Some(python) = test_peers::python_with(&PARSERS) else {
        return;
    };
    let values = [
        "\";) alert ip any any -> any any (sid:1;",
        "\\",
        "\\\"",
        "a|41|b",
        "||",
        "semi;colon:and \"quotes\"",
        "# comment",
        "!negated",
        "ünï \u{1f600}",
        "$HOME_NET",
        " two  spaces",
        "(x)",
    ];
    let rules = parsed(&python, &body(Kind::UserAgent, &values));
    let found: HashSet<Vec<u8>> = rules.iter().flat_map(contents).collect();
    let expected: HashSet<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    assert_eq!(found, expected);
    for rule in &rules {
        assert_eq!(rule["msg"], "Cratos user-agent in HTTP request");
        assert_eq!(rule["head"], "http any any -> any any");
    }
}

#[test]
fn addresses_are_in_the_head_and_never_in_a_content() {
    let Some(python) = test_peers::python_with(&PARSERS) else {
        return;
    };
    let rules = parsed(
        &python,
        &body(
            Kind::Ip,
            &["192.0.2.0/24", "198.51.100.7", "2001:db8::1", "2001:db8:1::/48"],
        ),
    );
    let heads: Vec<_> = rules.iter().map(|rule| rule["head"].as_str().unwrap()).collect();
    assert_eq!(
        heads,
        [
            "ip any any <> 192.0.2.0/24 any",
            "ip any any <> 198.51.100.7 any",
            "ip any any <> 2001:db8:1::/48 any",
            "ip any any <> 2001:db8::1 any",
        ]
    );
    assert!(rules.iter().all(|rule| contents(rule).is_empty()));
}

#[test]
fn names_and_urls_match_the_bytes_on_the_wire() {
    let Some(python) = test_peers::python_with(&PARSERS) else {
        return;
    };
    let rules = parsed(&python, &body(Kind::Hostname, &["_x.evil.example"]));
    assert_eq!(rules.len(), 3);
    assert!(
        rules
            .iter()
            .all(|rule| contents(rule) == [b".\x5fx.evil.example".to_vec()])
    );
    let rules = parsed(&python, &body(Kind::Url, &["http://evil.example/a;b\"c|d?e=f:g"]));
    assert_eq!(
        contents(&rules[0]),
        [b"evil.example".to_vec(), b"/a;b%22c|d?e=f:g".to_vec()]
    );
}

#[test]
fn numbers_are_in_the_range_unique_and_the_same_in_another_feed() {
    let Some(python) = test_peers::python_with(&PARSERS) else {
        return;
    };
    let names: Vec<String> = (0..700).map(|number| format!("host{number}.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let sids = |names: &[&str]| -> HashSet<u64> {
        let rules = parsed(&python, &body(Kind::Domain, names));
        rules.iter().map(|rule| rule["sid"].as_u64().unwrap()).collect()
    };
    let (all, some) = (sids(&names), sids(&names[100..200]));
    assert_eq!((all.len(), some.len()), (2_100, 300));
    assert!(some.is_subset(&all));
    assert!(all.iter().all(|sid| (1_100_000_000..2_100_000_000).contains(sid)));
}
