//! Why a value is in a feed or not, without a server.

use misp_sim::{Attribute, Event, RunningSim, Sim};

use crate::support::{Installation, Ran, run_with};

const SITE: &str = "tag: example\nmispTimeoutSeconds: 60\nallowed_ips: [127.0.0.1]\n";

fn sim() -> RunningSim {
    let block = "example:incident-classification=block";
    let event = Event::new("Phishing").tag(block);
    let listed = event
        .attribute(Attribute::new("domain", "evil.example"))
        .attribute(Attribute::new("domain", "harmless.example"))
        .attribute(Attribute::new("ip-dst", "192.0.2.0/25"))
        .attribute(Attribute::new("ip-dst", "192.0.2.128/25"));
    let other = Event::new("Another report")
        .attribute(Attribute::new("hostname", "evil.example"))
        .attribute(Attribute::new("domain", "harmless.example").tag("example:incident-classification=false-positive"));
    Sim::builder().event(listed).event(other).start_now().unwrap()
}

fn explain(sim: &RunningSim, args: &[&str]) -> Ran {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let port = sim.addr().port().to_string();
    let all = [
        &["explain", "--site", "127.0.0.1", "--proto", "http", "--port", &port],
        args,
    ]
    .concat();
    run_with(installation.command(&all), Sim::READER_KEY)
}

#[test]
fn each_attribute_with_the_value_is_shown_with_every_rule_in_order() {
    let sim = sim();
    let ran = explain(&sim, &["block", "domain", "1w", "txt", "EVIL[.]example"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let without_times: Vec<&str> = lines
        .iter()
        .map(|line| line.split(", changed ").next().unwrap())
        .collect();
    let expected = [
        "evil.example is in block domain 1w.",
        "The output txt writes it as it is.",
        "",
        "event 1 (Phishing)",
        "  attribute 1, domain",
        "  counts",
        "    yes  attribute_type, selection, not_harmless, to_ids, age, publication,",
        "      warninglists, tlp, score",
        "",
        "event 2 (Another report)",
        "  attribute 5, hostname",
        "  does not count",
        "    no   attribute_type: feeds of this type do not take its attribute type",
        "    no   selection: neither it nor its event has the tag of the feed",
        "    yes  not_harmless, to_ids, age, publication, warninglists, tlp, score",
    ];
    // A line with two times goes on in the next one.
    let without_times = without_times
        .into_iter()
        .filter(|line| !line.starts_with("    20") && !line.ends_with(" UTC"));
    assert_eq!(without_times.collect::<Vec<_>>(), expected, "{}", ran.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
}

#[test]
fn a_false_positive_names_the_event_that_says_so() {
    let sim = sim();
    let ran = explain(&sim, &["block", "domain", "1w", "txt", "harmless.example"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("harmless.example is not in block domain 1w.\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("Harmless: event 2 calls harmless.example a false positive since 2"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_network_is_shown_in_the_network_that_it_is_merged_into() {
    let sim = sim();
    let ran = explain(&sim, &["--aggregate", "block", "cidr4", "1w", "txt", "192.0.2.0/25"]);
    assert!(
        ran.stdout
            .starts_with("192.0.2.0/25 is in block cidr4 1w.\nThe output txt has it in 192.0.2.0/24.\n"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn an_unknown_value_and_a_value_of_another_type_are_said_plainly() {
    let sim = sim();
    let unknown = explain(&sim, &["block", "domain", "1w", "txt", "good.example"]);
    assert_eq!(
        unknown.stdout,
        "good.example is not in block domain 1w.\nMISP has no attribute with this value.\n"
    );
    let wrong = explain(&sim, &["block", "domain", "1w", "txt", "192.0.2.0/25"]);
    assert!(
        wrong.stdout.contains("It is not a value of the type domain: "),
        "{}",
        wrong.stdout
    );
    let refused = explain(&sim, &["block", "domain", "1w", "nonsense", "good.example"]);
    assert_eq!(refused.code, Some(64));
}
