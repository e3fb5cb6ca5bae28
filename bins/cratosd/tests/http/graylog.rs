//! Graylog's adapter reads our answers: the address and the paths come from `docs/graylog.md`, and a JSONPath library
//! of a third party evaluates them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use misp_sim::{Attribute, Event, Moment, Sim};
use serde_json::{Value, json};
use test_peers::python_with;
use token_crypto::{Permission, Scope};

use crate::support::{Daemon, Setup};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/graylog.md"));

/// Does the same as the adapter with a body (`HTTPJSONPathDataAdapter.parseBody` in Graylog's source). One definite
/// path selects the single value, which must be a text, a number or a Boolean; a null is an error, and so is a path
/// that does not exist. The other path returns a map or a list.
const ADAPTER: &str = r#"
import json, sys
import jsonpath
told = json.load(sys.stdin)
single, multi = jsonpath.compile(told["single"]), jsonpath.compile(told["multi"])
assert single.singular_query(), "the single path may lead to many values"
def read(body):
    body = json.loads(body)
    values, maps = single.findall(body), multi.findall(body)
    assert len(values) == 1 and isinstance(values[0], (str, int, float, bool)), body
    assert len(maps) == 1 and isinstance(maps[0], (dict, list)), body
    return {"single": values[0], "multi": maps[0]}
json.dump([read(body) for body in told["bodies"]], sys.stdout)
"#;

const LISTED: [(&str, &str); 9] = [
    ("ip-dst", "192.0.2.7"),
    ("ip-dst", "198.51.100.0/24"),
    ("ip-src", "2001:db8::/32"),
    ("domain", "evil.example"),
    ("url", "http://evil.example/a?b=c&d=%2F"),
    ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
    (
        "sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    ("email-src", "mallory@evil.example"),
    ("vulnerability", "CVE-2026-12345"),
];

/// Values as log lines spell them, for example in capital letters or with a dot at the end.
const HITS: [&str; 15] = [
    "192.0.2.7",
    "198.51.100.9",
    "2001:DB8:0::1",
    "evil.example",
    "WWW.evil.example.",
    "http://evil.example/a?b=c&d=%2F",
    "D41D8CD98F00B204E9800998ECF8427E",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "mallory@evil.example",
    "cve-2026-12345",
    "CVE-2026-12345",
    // These are found by their host; the last one is defanged.
    "http://evil.example/a?b=c",
    "alice@evil.example",
    "192.0.2.7:443",
    "hxxp://evil[.]example/",
];

const MISSES: [&str; 17] = [
    "192.0.2.8",
    "198.51.101.1",
    "2001:db9::1",
    "notevil.example",
    "http://notevil.example/a?b=c",
    "d41d8cd98f00b204e9800998ecf8427f",
    "alice@notevil.example",
    "CVE-2026-12346",
    "192.0.2.8:443",
    "",
    " ",
    "null",
    "$.found",
    "\"}, {\"found\": true}",
    "a&value=evil.example",
    "100% ü + \u{202e}",
    "\u{0}\r\n",
];

/// Returns the value of this name in the list of the adapter's settings.
fn setting(name: &str) -> &'static str {
    let (_, behind) = PAGE.split_once(&format!("- {name}: `")).unwrap();
    behind.split('`').next().unwrap()
}

/// Returns the keys that the pipeline rule reads.
fn keys_of_the_rule() -> Vec<&'static str> {
    let parts = PAGE.split("known[\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap()).collect()
}

/// Returns the target for a key, encoded as Graylog does it: `java.net.URLEncoder`, with `%20` for a space.
fn target(key: &str) -> String {
    let (_, target) = setting("Lookup URL").split_once("cratos.example.net").unwrap();
    let encoded: String = key
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b".-*_".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    target.replace("${key}", &encoded)
}

async fn daemon() -> Daemon {
    let event = Event::new("a campaign")
        .tag("example:incident-classification=block")
        .changed(Moment::Ago(60));
    let listed = |event: Event, (kind, value): &(&str, &str)| event.attribute(Attribute::new(*kind, *value));
    let sim = Sim::builder().event(LISTED.iter().fold(event, listed));
    Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await
}

/// Returns the adapter's results for these keys, or `None` where no Python with the library is installed.
async fn adapted(permissions: &[Permission], keys: &[&str]) -> Option<Vec<Value>> {
    let python = python_with(&["jsonpath"])?;
    let daemon = daemon().await;
    let claims = daemon
        .claims()
        .with_scope(Scope::new().with_permissions(permissions.iter().copied()));
    let mut bodies = Vec::new();
    for key in keys {
        let answer = daemon.get_as(&claims, &target(key)).await;
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.text());
        bodies.push(answer.text().to_owned());
    }
    let told = json!({
        "single": setting("Single value JSONPath"),
        "multi": setting("Multi value JSONPath"),
        "bodies": bodies,
    });
    let mut adapter = Command::new(python);
    adapter
        .args(["-c", ADAPTER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut running = adapter.stdin(Stdio::piped()).spawn().unwrap();
    running
        .stdin
        .take()
        .unwrap()
        .write_all(told.to_string().as_bytes())
        .unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "the adapter fails");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn a_miss_is_an_answer_and_not_an_error_in_graylog() {
    for permissions in [&[Permission::Lookup][..], &[Permission::Lookup, Permission::Context]] {
        let Some(answers) = adapted(permissions, &MISSES).await else {
            return;
        };
        for (key, answer) in MISSES.iter().zip(answers) {
            assert_eq!(answer["single"], false, "{key:?}: {answer}");
            assert_eq!(answer["multi"]["matches"], json!([]), "{key:?}: {answer}");
            assert_eq!(answer["multi"]["value"], *key);
        }
    }
}

#[tokio::test]
async fn a_hit_of_every_type_gives_graylog_what_its_rule_reads() {
    let rule = keys_of_the_rule();
    assert!(rule.contains(&"event_url") && rule.contains(&"listed"), "{rule:?}");
    let may = [Permission::Lookup, Permission::Context];
    let Some(answers) = adapted(&may, &HITS).await else {
        return;
    };
    for (key, answer) in HITS.iter().zip(answers) {
        assert_eq!(answer["single"], true, "{key:?}: {answer}");
        for name in &rule {
            let value = &answer["multi"][name];
            assert!(
                value.is_string() || value.is_number() || value.is_boolean(),
                "{key:?}: {name} is {value}"
            );
        }
        assert_ne!(answer["multi"]["event_url"], "", "{key:?}");
    }
}

#[tokio::test]
async fn without_the_context_graylog_still_learns_the_listed_value() {
    let Some(answers) = adapted(&[Permission::Lookup], &HITS).await else {
        return;
    };
    for (key, answer) in HITS.iter().zip(answers) {
        assert_eq!(answer["single"], true, "{key:?}: {answer}");
        for name in ["listed", "relation", "type", "feed"] {
            assert!(
                answer["multi"][name].as_str().is_some_and(|text| !text.is_empty()),
                "{key:?}: {answer}"
            );
        }
    }
}
