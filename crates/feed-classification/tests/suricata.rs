//! A real Suricata loads the rules and lists, and alerts where it should and nowhere else.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::export::testkit::{self, body};
use feed_classification::{IndicatorSet, IndicatorType as Kind, Registry};

use serde_json::{Value, json};
use test_peers::{Loaded, Sensor};

fn rules(kind: Kind, values: &[&str]) -> String {
    body("suricata", kind, values)
}

/// Asserts that each of these messages comes in these conversations, and none in any other.
fn assert_fires(sensor: &Sensor, rules: &str, conversations: &[Value], expected: &[(&str, &[usize])]) {
    let fired = sensor.fired(rules, conversations);
    let expected = expected
        .iter()
        .map(|(message, places)| ((*message).to_owned(), places.iter().copied().collect()))
        .collect();
    assert_eq!(
        fired,
        expected,
        "of {}",
        serde_json::to_string_pretty(conversations).unwrap()
    );
}

fn all_of(rules: &str) -> Loaded {
    Loaded {
        rules: rules.lines().count(),
        failed: 0,
    }
}

#[test]
fn suricata_loads_every_rule_of_every_type_with_any_values() {
    let Some(sensor) = Sensor::new() else { return };
    let registry = Registry::builtin();
    let accepts = registry.by_name("suricata").unwrap().about().accepts;
    let mut all = String::new();
    for kind in accepts.iter() {
        let rules = body("suricata", kind, &testkit::values(kind));
        assert!(!rules.is_empty(), "{kind}");
        let (loaded, said) = sensor.test(&rules);
        assert_eq!(loaded, all_of(&rules), "{kind}: {said}");
        all += &rules;
    }
    let unique: std::collections::BTreeSet<&str> = all.lines().collect();
    assert!(unique.len() > 100);
}

#[test]
fn rules_of_two_ranges_load_together_with_any_action() {
    let Some(sensor) = Sensor::new() else { return };
    let of_range = |action, base| {
        let choices = [("action", action), ("sid_base", base), ("sid_count", "100000000")];
        testkit::chosen("suricata", &choices, Kind::Domain, &["evil.example"]).0
    };
    for action in ["alert", "drop", "reject"] {
        let rules = of_range(action, "1100000000") + &of_range(action, "1200000000");
        let (loaded, said) = sensor.test(&rules);
        assert_eq!(loaded, all_of(&rules), "{action}: {said}");
    }
}

#[test]
fn long_values_load_or_are_left_out() {
    let Some(sensor) = Sensor::new() else { return };
    let lengths = [3_999, 4_000, 4_001, 5_000, 7_000];
    let agents = lengths.map(|length| "x".repeat(length));
    let others = lengths.map(|length| "\u{fc}".repeat(length / 2));
    let urls = lengths.map(|length| format!("http://a.example/{}", "x".repeat(length - 1)));
    // The first three are the same, six bytes for each letter.
    let encoded = lengths.map(|length| format!("http://a.example/{}", "\u{fc}".repeat(length / 6)));
    for (kind, values, fit) in [
        (Kind::UserAgent, agents, 2),
        // In hexadecimal these are too long for a line.
        (Kind::UserAgent, others, 0),
        (Kind::Url, urls, 2),
        (Kind::Url, encoded, 1),
    ] {
        let rules = body("suricata", kind, &values);
        let (loaded, said) = sensor.test(&format!("{rules}{}", self::rules(Kind::Ipv4, &["192.0.2.1"])));
        assert_eq!((loaded.rules, loaded.failed), (fit + 1, 0), "{kind}: {said}");
    }
}

#[test]
fn names_alert_with_all_below_them_and_nothing_beside_them() {
    const NAMES: [&str; 7] = [
        "evil.example",
        "EVIL.Example",
        "www.sub.evil.example",
        "notevil.example",
        "evil.example.org",
        "example",
        "evil-example",
    ];
    let Some(sensor) = Sensor::new() else { return };
    let dns = NAMES.iter().map(|name| json!({ "dns": name }));
    let tls = NAMES.iter().map(|name| json!({ "tls": name }));
    let http = NAMES.iter().map(|name| json!({ "get": "/", "host": name }));
    let conversations: Vec<Value> = dns.chain(tls).chain(http).collect();
    assert_fires(
        &sensor,
        &rules(Kind::Domain, &["evil.example"]),
        &conversations,
        &[
            ("Cratos domain in DNS query", &[0, 1, 2]),
            ("Cratos domain in TLS server name", &[7, 8, 9]),
            ("Cratos domain in HTTP host", &[14, 15, 16]),
        ],
    );
}

#[test]
fn addresses_alert_in_both_families_and_every_protocol() {
    let Some(sensor) = Sensor::new() else { return };
    let to = [
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("198.51.100.0", true),
        ("198.51.100.127", true),
        ("198.51.100.128", false),
        ("2001:db8::7", true),
        ("2001:db8::8", false),
        ("2001:db8:1:ffff::1", true),
        ("2001:db8:2::1", false),
    ];
    let tcp = to
        .iter()
        .map(|(address, _)| json!({ "get": "/", "host": "a.example", "to": address }));
    let udp = to.iter().map(|(address, _)| json!({ "udp": 4000, "to": address }));
    let conversations: Vec<Value> = tcp.chain(udp).collect();
    let listed = to.iter().chain(&to).enumerate().filter(|(_, (_, listed))| *listed);
    let listed: Vec<usize> = listed.map(|(place, _)| place).collect();
    let values = ["192.0.2.7", "198.51.100.0/25", "2001:db8::7", "2001:db8:1::/48"];
    assert_fires(
        &sensor,
        &rules(Kind::Ip, &values),
        &conversations,
        &[("Cratos ip in IP packet", &listed)],
    );
    // The same addresses in a reputation list, with one rule for all.
    sensor.write("cratos-ip.list", body("suricata-iprep", Kind::Ip, &values));
    let rule = "alert ip any any -> any any (msg:\"reputation\"; iprep:any,cratos,>,0; sid:1;)\n";
    assert_fires(&sensor, rule, &conversations, &[("reputation", &listed)]);
}

#[test]
fn urls_alert_as_a_whole_as_clients_send_them() {
    let Some(sensor) = Sensor::new() else { return };
    let values = [
        "http://evil.example/a/b?c=d&e=f",
        "http://ünï.example/ä b;c\"|d",
        "http://port.example:8080/x",
        "http://192.0.2.1/x",
        "http://[2001:db8::1]/x",
        "http://slashes.example//x/../y",
        "http://encoded.example/%2e%2E/%41",
        "bare.example/login",
        "https://tls.example/",
        "https://path.example/only/the/host/is/seen",
    ];
    let get = |host: &str, request: &str| json!({ "get": request, "host": host });
    let seen = [
        get("evil.example", "/a/b?c=d&e=f"),
        get("EVIL.example", "/a/b?c=d&e=f"),
        get("evil.example", "http://evil.example/a/b?c=d&e=f"),
        get("xn--n-nga1b.example", "/%C3%A4%20b;c%22|d"),
        get("port.example:8080", "/x"),
        get("192.0.2.1", "/x"),
        get("[2001:db8::1]", "/x"),
        get("slashes.example", "/y"),
        get("slashes.example", "//y"),
        get("encoded.example", "/%41"),
        get("bare.example", "/login"),
        json!({ "tls": "tls.example" }),
    ];
    let not_seen = [
        get("evil.example", "/a/b"),
        get("evil.example", "/a/b?c=d&e=f&g=h"),
        get("evil.example", "/A/B?c=d&e=f"),
        get("www.evil.example", "/a/b?c=d&e=f"),
        get("notevil.example", "/a/b?c=d&e=f"),
        get("bare.example", "/login/x"),
        json!({ "tls": "www.tls.example" }),
        json!({ "tls": "path.example" }),
    ];
    let conversations: Vec<Value> = seen.into_iter().chain(not_seen).collect();
    assert_fires(
        &sensor,
        &rules(Kind::Url, &values),
        &conversations,
        &[
            ("Cratos url in HTTP request", &[0, 1, 2, 3, 4, 5, 6, 8, 9, 10]),
            ("Cratos url in TLS server name", &[11]),
        ],
    );
}

#[test]
fn hostile_user_agents_alert_as_they_were_sent() {
    let Some(sensor) = Sensor::new() else { return };
    let agents = [
        "\";) alert ip any any -> any any (sid:1;",
        "a|41|b",
        "\\\"",
        "!negated",
        "$HOME_NET",
        "semi;colon:",
    ];
    let get = |agent: &str| json!({ "get": "/", "host": "a.example", "agent": agent });
    let mut conversations: Vec<Value> = agents.iter().map(|agent| get(agent)).collect();
    conversations.extend(["aAb", "negated", "any", "semi;colon:x"].map(get));
    assert_fires(
        &sensor,
        &rules(Kind::UserAgent, &agents),
        &conversations,
        &[("Cratos user-agent in HTTP request", &[0, 1, 2, 3, 4, 5])],
    );
}

#[test]
fn fingerprints_alert_as_suricata_computes_them() {
    let Some(sensor) = Sensor::new() else { return };
    let certificate = sensor.certificate();
    let conversations = [
        json!({ "tls": "a.example" }),
        json!({ "ssh": "one,two", "ssh_server": "three" }),
        json!({ "ssh": "other", "ssh_server": "others" }),
        json!({ "dns": "a.example" }),
    ];
    let events = sensor.events("", &conversations);
    let told = |place: usize, kind: &str, pointer: &str| {
        let port = 20_000 + place;
        let found = events
            .iter()
            .filter(|event| event["event_type"] == kind && event["src_port"] == port)
            .find_map(|event| event.pointer(pointer)?.as_str());
        found.unwrap_or_else(|| panic!("no {pointer}: {events:?}"))
    };
    let texts = [
        rules(Kind::X509FingerprintSha1, &[&certificate]),
        rules(Kind::Ja3, &[told(0, "tls", "/tls/ja3/hash")]),
        rules(Kind::Ja4, &[told(0, "tls", "/tls/ja4")]),
        rules(Kind::HasshMd5, &[told(1, "ssh", "/ssh/client/hassh/hash")]),
        rules(Kind::HasshServerMd5, &[told(1, "ssh", "/ssh/server/hassh/hash")]),
    ];
    assert_fires(
        &sensor,
        &texts.concat(),
        &conversations,
        &[
            ("Cratos x509-fingerprint-sha1 in TLS certificate", &[0]),
            ("Cratos ja3 in TLS client", &[0]),
            ("Cratos ja4 in TLS client", &[0]),
            ("Cratos hassh-md5 in SSH client", &[1]),
            ("Cratos hasshserver-md5 in SSH server", &[1]),
        ],
    );
}

#[test]
fn sets_hold_exactly_the_listed_values() {
    let Some(sensor) = Sensor::new() else { return };
    // `echo -n bad | md5sum`, and the like.
    let md5 = "bae60998ffe4923b131e3d6e4c19993e";
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    sensor.write(
        "names.lst",
        body("suricata-dataset", Kind::Domain, &["evil.example", "worse.example"]),
    );
    sensor.write(
        "agents.lst",
        body("suricata-dataset", Kind::UserAgent, &["# \"a,b\" ünï"]),
    );
    sensor.write(
        "addresses.lst",
        body(
            "suricata-dataset",
            Kind::Ip,
            &["192.0.2.7", "2001:db8::7", "198.51.100.0/24"],
        ),
    );
    sensor.write("md5.lst", body("suricata-dataset", Kind::FileMd5, &[md5]));
    sensor.write("sha256.lst", body("suricata-dataset", Kind::FileSha256, &[sha256]));
    let rules = "\
        alert dns any any -> any any (msg:\"name\"; dns.query; dataset:isset,names,type string,load names.lst; sid:1;)\n\
        alert http any any -> any any (msg:\"agent\"; http.user_agent; dataset:isset,agents,type string,load agents.lst; sid:2;)\n\
        alert ip any any -> any any (msg:\"address\"; ip.dst; dataset:isset,addresses,type ip,load addresses.lst; sid:3;)\n\
        alert http any any -> any any (msg:\"md5\"; filemd5:md5.lst; sid:4;)\n\
        alert http any any -> any any (msg:\"sha256\"; filesha256:sha256.lst; sid:5;)\n";
    let get = |more: Value| {
        let mut get = json!({ "get": "/", "host": "a.example" });
        get.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        get
    };
    let conversations = [
        json!({ "dns": "evil.example" }),
        json!({ "dns": "www.evil.example" }),
        get(json!({ "agent": "# \"a,b\" ünï" })),
        get(json!({ "agent": "a,b" })),
        get(json!({ "to": "192.0.2.7" })),
        get(json!({ "to": "2001:db8::7" })),
        get(json!({ "to": "198.51.100.7" })),
        get(json!({ "body": "bad" })),
        get(json!({ "body": "test" })),
        get(json!({ "body": "tests" })),
    ];
    assert_fires(
        &sensor,
        rules,
        &conversations,
        &[
            ("name", &[0]),
            ("agent", &[2]),
            ("address", &[4, 5]),
            ("md5", &[7]),
            ("sha256", &[8]),
        ],
    );
}

/// Texts of analysts, each with the reason for which it is left out.
const TEXTS: [(&str, Option<&str>); 20] = [
    (
        "alert dns $HOME_NET any -> any any (msg:\"name; \\\"quoted\\\"\"; dns.query; content:\"evil\"; nocase; sid:3000001; rev:2;)",
        Some("rule_syntax"),
    ),
    (
        "alert dns $HOME_NET any -> any any (msg:\"name\\; \\\"quoted\\\"\"; dns.query; content:\"evil\"; nocase; sid:3000002; rev:2;)",
        None,
    ),
    (
        "# two rules\nalert tcp any any -> any 80 (msg:\"one\"; content:\"|0d 0a|x\"; depth:10; sid:3000003;)\n\n\
         alert tcp any any -> any [80,8080] \\\n  (msg:\"two\"; content:\"x\"; http_uri; sid:3000004;) # end\n",
        None,
    ),
    (
        "alert ip 192.0.2.1 any -> $HOME_NET any (msg:\"without a number\";)",
        None,
    ),
    (
        "alert tcp any any -> any any (msg:\"old\"; content:\"a\"; sid:3000005; rev:1;)",
        None,
    ),
    (
        "alert tcp any any -> any any (msg:\"new\"; content:\"a\"; sid:3000005; rev:2;)",
        None,
    ),
    (
        "alert udp any any -> any 53 (msg:\"\u{fc}n\u{ef}\"; content:\"a\"; sid:3000006;)",
        None,
    ),
    (
        "drop tcp any any -> any any (msg:\"drop\"; sid:3000010;)",
        Some("rule_action"),
    ),
    (
        "pass ip any any -> any any (msg:\"pass\"; sid:3000011;)",
        Some("rule_action"),
    ),
    (
        "alert tcp any any -> any any (msg:\"open\"; sid:3000012;",
        Some("rule_syntax"),
    ),
    (
        "alert tcp any any -> any any (msg:\u{201c}curly\u{201d}; sid:3000013;)",
        Some("rule_syntax"),
    ),
    (
        "alert tcp any any -> evil.example any (msg:\"name\"; sid:3000014;)",
        Some("rule_head"),
    ),
    (
        "alert tcp $OUR_NET any -> any any (msg:\"variable\"; sid:3000015;)",
        Some("rule_variable"),
    ),
    (
        "alert tcp any any -> any any (msg:\"word\"; contents:\"a\"; sid:3000016;)",
        Some("rule_keyword"),
    ),
    (
        "alert http any any -> any any (msg:\"file\"; filestore; sid:3000017;)",
        Some("rule_keyword"),
    ),
    (
        "alert tcp any any -> any any (msg:\"snort 3\"; content:\"a\",nocase; sid:3000018;)",
        Some("rule_syntax"),
    ),
    (
        "alert tcp any any -> any any (msg:\"twice\"; sid:1; sid:2;)",
        Some("rule_number"),
    ),
    ("see https://a.example/rules", Some("rule_syntax")),
    ("# only a comment", Some("rule_syntax")),
    (
        "alert tcp any any -> any any (msg:\"good\"; sid:3000019;)\nalert tcp any (msg:\"bad\"; sid:3000020;)",
        Some("rule_head"),
    ),
];

#[test]
fn rules_of_analysts_load_and_the_newest_of_a_number_is_there() {
    let Some(sensor) = Sensor::new() else { return };
    let rules = body("suricata", Kind::Snort, &TEXTS.map(|(text, _)| text));
    let (loaded, said) = sensor.test(&rules);
    assert_eq!((loaded.rules, loaded.failed), (6, 0), "{said}\n{rules}");
    assert!(
        rules.contains("msg:\"new\"") && !rules.contains("msg:\"old\""),
        "{rules}"
    );
    let again = body("suricata", Kind::Snort, &rules.lines().collect::<Vec<_>>());
    let lines = |rules: &str| {
        rules
            .lines()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<String>>()
    };
    assert_eq!(
        lines(&rules),
        lines(&again),
        "a line of the file is a text that is taken again"
    );
}

#[test]
fn a_bad_rule_of_an_analyst_is_left_out_with_its_reason() {
    let registry = Registry::builtin();
    let exporter = registry.by_name("suricata").unwrap();
    for (text, reason) in TEXTS {
        let item = feed_classification::Indicator::new(Kind::Snort, text);
        assert_eq!(exporter.leaves_out(&item).map(|found| found.reason()), reason, "{text}");
    }
    let set = IndicatorSet::of(Kind::Snort, TEXTS.map(|(text, _)| text));
    let counts = exporter.count(&mut set.indicators());
    // Of the two with one number only the newer one is written.
    assert_eq!((counts.written, counts.quarantined), (5, 15));
}

#[test]
fn the_rules_of_the_handbook_load() {
    let Some(sensor) = Sensor::new() else { return };
    sensor.write(
        "cratos-domain.lst",
        body("suricata-dataset", Kind::Domain, &["evil.example"]),
    );
    let mut loaded = 0;
    for block in test_peers::handbook::blocks()
        .iter()
        .filter(|block| block.kind == "suricata")
    {
        drop(sensor.test(&block.text));
        loaded += 1;
    }
    assert!(loaded > 0);
}

#[test]
#[should_panic(expected = "suricata -T ended with")]
fn a_rule_that_suricata_refuses_fails_these_tests() {
    match Sensor::new() {
        Some(sensor) => drop(sensor.test("alert http any any -> any any (http.host; content:\"A\"; sid:1;)\n")),
        None => panic!("suricata -T ended with nothing: it is not here"),
    }
}
