//! One feed to standard output, without a server.

use std::net::TcpListener;

use misp_sim::{Attribute, Event, Fault, Moment, Sim};

use crate::support::{Installation, Ran, run_with};

const SITE: &str = "tag: example\nmispTimeoutSeconds: 2\nallowed_ips: [127.0.0.1]\n";

fn feed(port: u16, key: &str, path: [&str; 4]) -> Ran {
    feed_with(port, key, &[], path)
}

fn feed_with(port: u16, key: &str, options: &[&str], path: [&str; 4]) -> Ran {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let port = port.to_string();
    let mut args = vec!["feed", "--site", "127.0.0.1", "--proto", "http", "--port", &port];
    args.extend(options);
    args.extend(path);
    run_with(installation.command(&args), key)
}

const PATH: [&str; 4] = ["block", "ipv4", "1w", "txt"];

#[test]
fn a_feed_goes_to_standard_output_and_nothing_else_is_said() {
    let sim = misp_sim::demo().start_now().unwrap();
    let ran = feed(sim.addr().port(), Sim::READER_KEY, PATH);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(
        !ran.stdout.is_empty()
            && ran
                .stdout
                .split("\r\n")
                .all(|line| line.parse::<std::net::Ipv4Addr>().is_ok()),
        "{}",
        ran.stdout
    );
    let json = feed(sim.addr().port(), Sim::READER_KEY, ["block", "ipv4", "1w", "json"]);
    assert!(json.stdout.starts_with('[') && json.stdout.ends_with(']'));
}

#[test]
fn misp_in_trouble_is_exit_69_and_nothing_on_standard_output() {
    let sim = misp_sim::demo().start_now().unwrap();
    let faults = [
        Fault::Hang,
        Fault::CutOff {
            after_bytes: 20,
            chunked: false,
        },
        Fault::Html { status: 200 },
        Fault::Status(500),
        Fault::NotJson,
        Fault::LoginRedirect,
    ];
    for fault in faults {
        sim.set_fault(&fault);
        let ran = feed(sim.addr().port(), Sim::READER_KEY, PATH);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(69), ""),
            "{fault:?}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.starts_with(&format!("error: {}: ", sim.url())),
            "{fault:?}: {}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{fault:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains(Sim::READER_KEY));
    }
}

#[test]
fn a_refused_key_and_a_closed_port_are_exit_69() {
    let sim = misp_sim::demo().start_now().unwrap();
    let ran = feed(sim.addr().port(), &"x".repeat(40), PATH);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(69), ""));
    assert!(ran.stderr.contains("MISP refused the key"), "{}", ran.stderr);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = feed(closed, Sim::READER_KEY, PATH);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(69), ""));
    assert!(ran.stderr.contains("cannot connect to MISP"), "{}", ran.stderr);
}

#[test]
fn an_undefined_custom_feed_is_a_usage_error_and_misp_is_not_asked() {
    let sim = misp_sim::demo().start_now().unwrap();
    let ran = feed(sim.addr().port(), Sim::READER_KEY, ["cust1", "ipv4", "1w", "txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""));
    assert!(
        ran.stderr
            .starts_with("error: feed `cust1` is not defined at this site"),
        "{}",
        ran.stderr
    );
    assert_eq!(sim.requests().len(), 0);
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let said = |path| feed(1, Sim::READER_KEY, path).outcome();
    for (path, known) in [
        (["blok", "ipv4", "1w", "txt"], "incident, alert, block, hunt"),
        (["block", "ipv5", "1w", "txt"], "ipv4ext, ipv4, ipv6"),
        (["block", "ipv4", "1x", "txt"], "1h, 2h, 6h"),
        (["block", "ipv4", "1w", "pdf"], "json"),
    ] {
        let said = said(path);
        assert!(
            said.starts_with("exit 64\nerror: invalid value") && said.contains(known),
            "{said}"
        );
    }
}

#[test]
fn a_feed_is_limited_to_a_score_where_the_site_names_a_model() {
    let sim = misp_sim::demo().start_now().unwrap();
    let port = sim.addr().port().to_string();
    let ask = |rules: &str, limits: &[&str]| {
        let installation = Installation::new().with_site("127.0.0.1", &format!("{SITE}{rules}"));
        let mut args = vec!["feed", "--site", "127.0.0.1", "--proto", "http", "--port", &port];
        args.extend(limits);
        args.extend(PATH);
        run_with(installation.command(&args), Sim::READER_KEY)
    };
    let model = "decaying_model: NIDS Simple Decaying Model\n";
    let count = |ran: &Ran| ran.stdout.lines().count();
    let all = ask(model, &[]);
    let worth = ask(model, &["--min-score", "75"]);
    assert_eq!((worth.code, worth.stderr.as_str()), (Some(0), ""));
    assert!(count(&worth) < count(&all), "{} {}", worth.stdout, all.stdout);
    assert_eq!(ask(model, &["--min-score", "0"]).stdout, all.stdout);

    let said = ask("", &["--min-score", "75"]).outcome();
    assert!(
        said.starts_with("exit 64\n") && said.contains("`decaying_model`"),
        "{said}"
    );
    let said = ask("decaying_model: No such model\n", &["--min-score", "75"]).outcome();
    assert!(
        said.starts_with("exit 69\n") && said.contains("\"No such model\""),
        "{said}"
    );
    for (limits, why) in [
        (&["--min-score", "101"][..], "a score is a whole number from 0 to 100"),
        (&["--min-score", "75", "--unscored", "pass"], "exclude, include"),
        (&["--unscored", "include"], "--min-score"),
    ] {
        let said = ask(model, limits).outcome();
        assert!(said.starts_with("exit 64\n") && said.contains(why), "{said}");
    }
}

#[test]
fn a_feed_can_be_limited_to_a_tlp_level() {
    let sim = misp_sim::demo().start_now().unwrap();
    let path = ["block", "domain", "1w", "txt"];
    let ran = feed_with(sim.addr().port(), Sim::READER_KEY, &["--max-tlp", "clear"], path);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "clear.marked.example.com"));
}

#[test]
fn what_a_feed_leaves_out_is_named_on_request_with_the_reason() {
    let event = |values: &[&str]| {
        let event = Event::new("bad").tag("example:incident-classification=block");
        let attribute = |event: Event, value: &&str| event.attribute(Attribute::new("url", *value));
        values.iter().fold(event, attribute)
    };
    let sim = Sim::builder()
        .event(event(&["http://a.example/", "http://b.example:8443/x", "http://"]))
        .start_now()
        .unwrap();
    let port = sim.addr().port();
    let path = ["block", "url", "1w", "paloalto"];
    let quiet = feed(port, Sim::READER_KEY, path);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    let ran = feed_with(port, Sim::READER_KEY, &["--show-dropped"], path);
    assert_eq!((ran.code, ran.stdout), (Some(0), quiet.stdout), "the feed is the same");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("dropped: `http://`: ") && lines[0].contains("(attribute "),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("dropped: `http://b.example:8443/x`: the format paloalto cannot express it ("),
        "{lines:?}"
    );
}

#[test]
fn a_limit_keeps_the_newest_values_and_says_how_many_are_missing() {
    let attribute = |name: &str, hours: u64| {
        let ago = Moment::Ago(hours * 3600);
        Attribute::new("domain", name).changed(ago)
    };
    let event = Event::new("bad").tag("example:incident-classification=block");
    let event = event
        .attribute(attribute("a.example.com", 3))
        .attribute(attribute("b.example.com", 1))
        .attribute(attribute("c.example.com", 2));
    let sim = Sim::builder().event(event).start_now().unwrap();
    let ask = |limit: &str| {
        let path = ["block", "domain", "1w", "generic"];
        feed_with(sim.addr().port(), Sim::READER_KEY, &["--limit", limit], path)
    };
    let cut = ask("2");
    assert_eq!(
        (cut.code, cut.stdout.as_str()),
        (Some(0), "b.example.com\nc.example.com\n"),
        "{}",
        cut.stderr
    );
    assert_eq!(
        cut.stderr,
        "truncated: 1 older values, since --limit keeps the newest 2\n"
    );
    let whole = ask("3");
    assert_eq!((whole.stdout.lines().count(), whole.stderr.as_str()), (3, ""));
    for limit in ["0", "-1", "10000001", "many"] {
        let outcome = ask(limit).outcome();
        assert!(outcome.starts_with("exit 64"), "{limit}: {outcome}");
    }
}

#[test]
fn an_option_of_the_format_is_applied_and_a_wrong_one_is_a_usage_error() {
    let event = Event::new("bad").tag("example:incident-classification=block");
    let event = event.attribute(Attribute::new("domain", "evil.example.com"));
    let sim = Sim::builder().event(event).start_now().unwrap();
    let ask = |output: &str, option: &str| {
        let path = ["block", "domain", "1w", output];
        feed_with(sim.addr().port(), Sim::READER_KEY, &["--option", option], path)
    };
    let zone = ask("rpz", "action=drop");
    assert_eq!(zone.code, Some(0), "{}", zone.stderr);
    assert!(
        zone.stdout.ends_with("\n*.evil.example.com CNAME rpz-drop.\n"),
        "{}",
        zone.stdout
    );
    for (output, option, expected) in [
        (
            "rpz",
            "action=block",
            "--option: action should be 'nxdomain', 'nodata', 'passthru' or 'drop', not \"block\"",
        ),
        (
            "rpz",
            "ttl=5",
            "--option ttl: the output rpz has no such option; it has action",
        ),
        (
            "txt",
            "ttl=5",
            "--option ttl: the output txt has no such option; it has none",
        ),
        ("rpz", "action", "--option action: write it as NAME=VALUE"),
    ] {
        let outcome = ask(output, option).outcome();
        assert!(
            outcome.starts_with("exit 64") && outcome.contains(expected),
            "{outcome}"
        );
    }
}
