//! The bytes of each output with each of its choices. The tests with the real programs show the effect.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use feed_classification::export::Options;
use feed_classification::export::testkit::chosen;
use feed_classification::{IndicatorType as Kind, Registry};

/// Returns the lines of an output without its first ones.
fn lines(output: &str, choices: &[(&str, &str)], kind: Kind, values: &[&str]) -> Vec<String> {
    let (body, _) = chosen(output, choices, kind, values);
    let is_entry = |line: &&str| !line.starts_with(['#', '!']) && *line != "server:";
    body.lines().filter(is_entry).map(str::to_owned).collect()
}

fn line(output: &str, choices: &[(&str, &str)], kind: Kind, value: &str) -> String {
    lines(output, choices, kind, &[value]).join("\n")
}

#[test]
fn resolvers_answer_a_listed_name_as_chosen() {
    let name = |output, choices| line(output, choices, Kind::Domain, "evil.example");
    for (output, choices, expected) in [
        ("dnsmasq", &[][..], "server=/evil.example/"),
        (
            "dnsmasq",
            &[("action", "null")],
            "server=/evil.example/\naddress=/evil.example/#",
        ),
        (
            "dnsmasq",
            &[("address", "192.0.2.80")],
            "server=/evil.example/\naddress=/evil.example/192.0.2.80",
        ),
        (
            "dnsmasq",
            &[("address", "2001:DB8::80"), ("action", "null")],
            "server=/evil.example/\naddress=/evil.example/2001:db8::80",
        ),
        ("unbound", &[], "local-zone: \"evil.example.\" always_nxdomain"),
        (
            "unbound",
            &[("action", "nodata")],
            "local-zone: \"evil.example.\" always_nodata",
        ),
        (
            "unbound",
            &[("action", "null")],
            "local-zone: \"evil.example.\" always_null",
        ),
        (
            "unbound",
            &[("action", "refused")],
            "local-zone: \"evil.example.\" always_refuse",
        ),
        (
            "unbound",
            &[("action", "drop")],
            "local-zone: \"evil.example.\" always_deny",
        ),
        (
            "unbound",
            &[("address", "192.0.2.80")],
            "local-zone: \"evil.example.\" redirect\nlocal-data: \"evil.example. 300 IN A 192.0.2.80\"",
        ),
        (
            "unbound",
            &[("address", "2001:db8::80")],
            "local-zone: \"evil.example.\" redirect\nlocal-data: \"evil.example. 300 IN AAAA 2001:db8::80\"",
        ),
        ("hosts", &[], "0.0.0.0 evil.example"),
        ("hosts", &[("address", "::1")], "::1 evil.example"),
        ("adguard", &[], "||evil.example^"),
        (
            "adguard",
            &[("action", "nxdomain")],
            "||evil.example^$dnsrewrite=NXDOMAIN;;",
        ),
        (
            "adguard",
            &[("action", "nodata")],
            "||evil.example^$dnsrewrite=NOERROR;;",
        ),
        (
            "adguard",
            &[("action", "refused")],
            "||evil.example^$dnsrewrite=REFUSED;;",
        ),
    ] {
        assert_eq!(name(output, choices), expected, "{output} {choices:?}");
    }
}

#[test]
fn proxies_and_mail_servers_get_the_chosen_form() {
    for (output, choices, kind, value, expected) in [
        ("haproxy", &[][..], Kind::Domain, "evil.example", "evil.example"),
        (
            "haproxy",
            &[("result", "deny_page-1.0")],
            Kind::Domain,
            "evil.example",
            "evil.example deny_page-1.0",
        ),
        ("haproxy", &[("result", "1")], Kind::Ip, "10.0.0.0/8", "10.0.0.0/8 1"),
        (
            "haproxy",
            &[("result", "1")],
            Kind::Url,
            "http://a.example/x y",
            "a.example/x%20y 1",
        ),
        ("nginx", &[], Kind::Ip, "10.0.0.0/8", "10.0.0.0/8 1;"),
        (
            "nginx",
            &[("result", "block-1")],
            Kind::Ip,
            "10.0.0.0/8",
            "10.0.0.0/8 block-1;",
        ),
        (
            "nginx",
            &[("result", "block")],
            Kind::Domain,
            "evil.example",
            ".evil.example block;",
        ),
        (
            "nginx",
            &[("networks", "deny")],
            Kind::Ip,
            "2001:db8::/32",
            "deny 2001:db8::/32;",
        ),
        (
            "nginx",
            &[("networks", "deny")],
            Kind::Domain,
            "evil.example",
            ".evil.example 1;",
        ),
        ("postfix", &[], Kind::Ip, "10.0.0.0/8", "10.0.0.0/8 REJECT"),
        (
            "postfix",
            &[("action", "hold")],
            Kind::EmailAddress,
            "a@b.example",
            "a@b.example HOLD",
        ),
        (
            "postfix",
            &[("action", "discard")],
            Kind::Domain,
            "evil.example",
            "evil.example DISCARD\n.evil.example DISCARD",
        ),
        (
            "rspamd",
            &[("score", "1")],
            Kind::Domain,
            "evil.example",
            "evil.example",
        ),
        (
            "rspamd",
            &[("score", "7")],
            Kind::Domain,
            "evil.example",
            "evil.example 7",
        ),
        (
            "rspamd",
            &[("score", "1000")],
            Kind::EmailSubject,
            "a b",
            "/^a\\ b$/u 1000",
        ),
    ] {
        assert_eq!(line(output, choices, kind, value), expected, "{output} {choices:?}");
    }
}

/// The numbers of the rules of a name, and what the rules do.
fn rules(output: &str, choices: &[(&str, &str)]) -> (Vec<u64>, Vec<String>) {
    let lines = lines(output, choices, Kind::Domain, &["evil.example"]);
    let number = |line: &String| {
        let (_, behind) = line.split_once(" sid:").unwrap();
        behind.split(';').next().unwrap().parse().unwrap()
    };
    let action = |line: &String| line.split(' ').next().unwrap().to_owned();
    (lines.iter().map(number).collect(), lines.iter().map(action).collect())
}

#[test]
fn rules_have_the_chosen_action_and_numbers() {
    for (output, count) in [("suricata", 3), ("snort", 4)] {
        let (usual, actions) = rules(output, &[]);
        assert_eq!((usual.len(), actions), (count, vec!["alert".to_owned(); count]));
        for action in ["drop", "reject"] {
            let (numbers, actions) = rules(output, &[("action", action)]);
            assert_eq!((&numbers, actions), (&usual, vec![action.to_owned(); count]));
        }
        let (moved, _) = rules(output, &[("sid_base", "1000000000")]);
        assert!(
            usual
                .iter()
                .zip(&moved)
                .all(|(usual, moved)| usual - moved == 100_000_000)
        );
        for base in [1, 1_100_000_000, 2_047_483_648_u64] {
            let (numbers, _) = rules(output, &[("sid_base", &base.to_string()), ("sid_count", "100000000")]);
            assert!(
                numbers.iter().all(|number| (base..base + 100_000_000).contains(number)),
                "{numbers:?}"
            );
        }
    }
}

#[test]
fn a_rule_of_an_analyst_keeps_its_number_and_alerts_in_any_range() {
    let texts = [
        "alert ip 192.0.2.1 any -> any any (msg:\"numbered\"; sid:3000001;)",
        "alert ip 192.0.2.2 any -> any any (msg:\"without a number\";)",
    ];
    let choices = [("action", "drop"), ("sid_base", "1"), ("sid_count", "100000000")];
    let lines = lines("suricata", &choices, Kind::Snort, &texts);
    assert!(lines.iter().all(|line| line.starts_with("alert ")), "{lines:?}");
    assert!(lines[0].ends_with("sid:3000001;)"), "{lines:?}");
    let (_, number) = lines[1].rsplit_once("sid:").unwrap();
    let number: u64 = number.trim_end_matches(";)").parse().unwrap();
    assert!((1..=100_000_000).contains(&number), "{number}");
}

#[test]
fn a_value_that_an_output_does_not_take_is_an_error() {
    let registry = Registry::builtin();
    for (output, choice) in [
        ("suricata", ("action", "pass")),
        ("suricata", ("sid_base", "0")),
        ("snort", ("sid_base", "2047483649")),
        ("snort", ("sid_count", "99999999")),
        ("dnsmasq", ("action", "refused")),
        ("dnsmasq", ("address", "192.0.2.1#53")),
        ("unbound", ("address", "evil.example")),
        ("hosts", ("address", "127.0.0.1 x")),
        ("adguard", ("action", "allow")),
        ("haproxy", ("result", "a b")),
        ("nginx", ("result", "1;")),
        ("nginx", ("result", "")),
        ("postfix", ("action", "OK")),
        ("rspamd", ("score", "0")),
        ("rspamd", ("score", "-5")),
    ] {
        let options = registry.by_name(output).unwrap().about().options;
        let wrong = Options::of(options, &[choice]).unwrap_err();
        assert_eq!(wrong[0].option.name, choice.0, "{output} {choice:?}");
    }
}
