//! A real Suricata alerts by the files of the agent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use enforcement::target::Rendered;
use enforcement::{Config, Values};
use feed_classification::{IndicatorSet, IndicatorType, Registry};
use serde_json::{Value, json};
use test_peers::Sensor;

/// Returns the files of a target that has `more` in its section.
fn rendered(more: &str, sets: impl IntoIterator<Item = IndicatorSet>) -> Rendered {
    let folder = tempfile::tempdir().unwrap();
    let (file, token) = (folder.path().join("agent.yaml"), folder.path().join("token"));
    fs::write(&token, "token").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "server: http://127.0.0.1:1\ntoken_file: {}\nfeeds: [{{name: names, feed: block, type: domain, age: 1w}}]\n\
         targets: [{{name: sensor, feeds: [names], suricata: {{directory: /rules{more}}}}}]\n",
        token.display()
    );
    fs::write(&file, text).unwrap();
    let config = Config::read(&file, &Registry::builtin()).unwrap();
    let values: Values = sets.into_iter().collect();
    config.targets[0].target.render(&values).unwrap()
}

fn domains<'a>(names: impl IntoIterator<Item = &'a str>) -> IndicatorSet {
    IndicatorSet::of(IndicatorType::Domain, names)
}

/// Writes the lists into the sensor's folder, and returns the rules.
fn put(sensor: &Sensor, rendered: &Rendered) -> String {
    for part in &rendered.parts {
        sensor.write(&part.name, &part.bytes);
    }
    String::from_utf8(rendered.part("cratos.rules").to_vec()).unwrap()
}

/// Names that are seen, and whether the list has them.
fn seen() -> Vec<(String, bool)> {
    let below = "z.".repeat(119) + "evil.example";
    assert_eq!(below.len(), 250);
    let seen = [
        ("evil.example", true),
        ("EVIL.Example", true),
        ("www.sub.evil.example", true),
        (below.as_str(), true),
        ("_dmarc.evil.example", true),
        ("notevil.example", false),
        ("evil.example.org", false),
        ("evil-example", false),
        ("example", false),
        ("e", false),
        ("a.b.worse.example", true),
        ("x.A.b.worse.example", true),
        ("b.worse.example", false),
        ("xa.b.worse.example", false),
        ("xn--n-nga1b.example", true),
    ];
    seen.map(|(name, listed)| (name.to_owned(), listed)).into()
}

const LISTED: [&str; 3] = ["evil.example", "a.b.worse.example", "xn--n-nga1b.example"];

/// The conversations with each name in each protocol, and the places of those with a listed name, by message.
fn conversations() -> (Vec<Value>, BTreeMap<String, Vec<usize>>) {
    type Say = fn(&str) -> Value;
    let ways: [(&str, Say); 3] = [
        ("DNS query", |name| json!({ "dns": name })),
        ("TLS server name", |name| json!({ "tls": name })),
        ("HTTP host", |name| json!({ "get": "/", "host": name })),
    ];
    let (mut conversations, mut listed) = (Vec::new(), BTreeMap::new());
    for (place, say) in ways {
        let alerts: &mut Vec<usize> = listed.entry(format!("Cratos domain in {place}")).or_default();
        for (name, is_listed) in seen() {
            if is_listed {
                alerts.push(conversations.len());
            }
            conversations.push(say(&name));
        }
    }
    // A port and a dot at the end belong to the request, not to the name.
    let more = [("evil.example:8080", true), ("evil.example.", true), (".", false)];
    for (host, is_listed) in more {
        if is_listed {
            let alerts = listed.get_mut("Cratos domain in HTTP host").unwrap();
            alerts.push(conversations.len());
        }
        conversations.push(json!({ "get": "/", "host": host }));
    }
    (conversations, listed)
}

/// Returns the place of the conversation of each alert, by message; a place is there as often as it alerts.
fn alerts(sensor: &Sensor, rules: &str, conversations: &[Value]) -> BTreeMap<String, Vec<usize>> {
    let mut alerts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let events = sensor.events(rules, conversations);
    for event in events.iter().filter(|event| event["event_type"] == "alert") {
        let port = event["src_port"]
            .as_u64()
            .unwrap()
            .max(event["dest_port"].as_u64().unwrap());
        let place = usize::try_from(port - 20_000).unwrap();
        let message = event["alert"]["signature"].as_str().unwrap();
        alerts.entry(message.to_owned()).or_default().push(place);
    }
    alerts.values_mut().for_each(|places| places.sort_unstable());
    alerts
}

#[test]
fn a_listed_name_alerts_once_with_all_below_it_and_nothing_beside_it() {
    let Some(sensor) = Sensor::new() else { return };
    let rules = put(&sensor, &rendered("", [domains(LISTED)]));
    let (conversations, listed) = conversations();
    assert_eq!(alerts(&sensor, &rules, &conversations), listed);
}

#[test]
fn the_alert_shows_the_name_that_was_seen() {
    let Some(sensor) = Sensor::new() else { return };
    let rules = put(&sensor, &rendered("", [domains(LISTED)]));
    let conversations = [
        json!({ "dns": "www.evil.example" }),
        json!({ "tls": "www.evil.example" }),
        json!({ "get": "/", "host": "www.evil.example" }),
    ];
    let events = sensor.events(&rules, &conversations);
    let alerts: Vec<_> = events.iter().filter(|event| event["event_type"] == "alert").collect();
    // The first is of Suricata 7, the second of Suricata 8.
    let of_dns = ["/dns/query/0/rrname", "/dns/queries/0/rrname"];
    let shown = |pointers: &[&str]| {
        let name = |event: &Value| pointers.iter().find_map(|pointer| event.pointer(pointer)).cloned();
        alerts.iter().find_map(|event| name(event))
    };
    for pointers in [of_dns.as_slice(), &["/tls/sni"], &["/http/hostname"]] {
        assert_eq!(
            shown(pointers),
            Some(json!("www.evil.example")),
            "{pointers:?}: {alerts:?}"
        );
    }
}

#[test]
fn rules_for_each_name_alert_for_the_same_names() {
    let Some(sensor) = Sensor::new() else { return };
    let rules = put(&sensor, &rendered(", names: rules", [domains(LISTED)]));
    let (conversations, mut listed) = conversations();
    // A rule compares the end of the host as it was sent, with its dot.
    let of_host = listed.get_mut("Cratos domain in HTTP host").unwrap();
    of_host.retain(|place| conversations[*place]["host"] != "evil.example.");
    assert_eq!(alerts(&sensor, &rules, &conversations), listed);
}

#[test]
fn names_of_every_depth_load_and_alert_in_both_types() {
    let Some(sensor) = Sensor::new() else { return };
    let deep: Vec<String> = (1..=124).map(|more| "a.".repeat(more) + &format!("z{more}")).collect();
    let names = || deep.iter().map(String::as_str);
    let sets = [domains(names()), IndicatorSet::of(IndicatorType::Hostname, names())];
    let rules = put(&sensor, &rendered("", sets));
    let (loaded, said) = sensor.test(&rules);
    assert_eq!((loaded.rules, loaded.failed), (2 * 3 * 124, 0), "{said}");
    let conversations: Vec<Value> = names().map(|name| json!({ "dns": name })).collect();
    let all = || (0..deep.len()).collect::<Vec<usize>>();
    let expected = ["domain", "hostname"].map(|kind| (format!("Cratos {kind} in DNS query"), all()));
    assert_eq!(alerts(&sensor, &rules, &conversations), expected.into());
}

#[test]
fn a_hundred_thousand_names_are_fifteen_rules_and_all_in_the_list() {
    let Some(sensor) = Sensor::new() else { return };
    let names: Vec<String> = (0..100_000)
        .map(|number| "a.".repeat(number % 5) + &format!("name{number}.example"))
        .collect();
    let rendered = rendered("", [domains(names.iter().map(String::as_str))]);
    let rules = put(&sensor, &rendered);
    assert_eq!(
        (rendered.entries, rendered.left_out, rules.lines().count()),
        (100_000, 0, 15)
    );
    let places: BTreeSet<usize> = (0..100_000).step_by(1_009).collect();
    let seen = places
        .iter()
        .map(|place| json!({ "dns": format!("www.{}", names[*place]) }));
    let beside = places
        .iter()
        .map(|place| json!({ "dns": format!("www{}", names[*place]) }));
    let conversations: Vec<Value> = seen.chain(beside).collect();
    let expected = [("Cratos domain in DNS query".to_owned(), (0..places.len()).collect())];
    assert_eq!(alerts(&sensor, &rules, &conversations), expected.into());
}
