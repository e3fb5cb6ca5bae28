//! An agent does not enforce values that reach too far, for example `0.0.0.0/0`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use enforcement::state::{Enforced, StateDir};
use enforcement::{Agent, Config, Moment, Order, Outcome, TargetReport};
use feed_classification::{IndicatorSet, IndicatorType, Registry};
use support::{Answer, Host, StandIn};

const FOUR: [&str; 4] = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];

fn config(host: &Host) -> Config {
    Config::read(&host.config_file(), &Registry::builtin()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn apply(host: &Host, order: Order) -> TargetReport {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::open(config(host)).unwrap();
    let (failed, mut reports) = runtime.block_on(agent.apply(order)).unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    reports.pop().unwrap()
}

/// A host that enforces a feed of this type.
fn host(server: &StandIn, kind: &str) -> Host {
    let host = Host::new(server);
    let feeds = host.feeds.replace("type: domain", &format!("type: {kind}"));
    Host { feeds, ..host }
}

/// A host whose feeds of these types go to one zone for a name server.
fn rpz(server: &StandIn, kinds: &[&str]) -> Host {
    let host = Host::new(server);
    let feed = |kind: &&str| format!("  - {{name: {kind}, feed: block, type: {kind}, age: 1w}}\n");
    let zone = host.path("names.txt");
    let section = format!(
        "{{path: {}, zone: rpz.cratos, check: [\"true\"], reload: [\"true\"]}}",
        zone.display()
    );
    Host {
        feeds: kinds.iter().map(feed).collect(),
        targets: format!(
            "  - {{name: names, feeds: [{}], dns-rpz: {section}}}\n",
            kinds.join(", ")
        ),
        ..host
    }
}

fn refused(report: &TargetReport) -> Vec<String> {
    report.refused.named().iter().map(ToString::to_string).collect()
}

#[test]
fn an_agent_never_enforces_the_whole_internet() {
    for whole in [
        &["0.0.0.0/0"][..],
        &["0.0.0.0/1", "128.0.0.0/1"],
        &["::/0"],
        &["2.0.0.0/8", "3.0.0.0/8"],
        &["2.0.0.0/9", "2.128.0.0/9", "3.0.0.0/9", "3.128.0.0/9"],
    ] {
        let server = StandIn::start();
        let host = host(&server, "ip");
        server.answer("type/ip/", Answer::feed(&FOUR));
        assert!(matches!(apply(&host, Order::default()).outcome, Outcome::Changed(_)));
        server.answer(
            "type/ip/",
            Answer::feed(&[FOUR.as_slice(), whole, &["203.0.113.5"]].concat()),
        );
        for order in [Order::default(), Order::default().accept_change(true)] {
            let report = apply(&host, order);
            assert_eq!(host.list(), [FOUR.as_slice(), &["203.0.113.5"]].concat(), "{whole:?}");
            assert_eq!(
                report.refused.count(),
                u64::try_from(whole.len()).unwrap(),
                "{report:?}"
            );
            assert!(refused(&report)[0].contains("wider than /"), "{report:?}");
        }
    }
}

#[test]
fn the_first_list_is_judged_as_any_other() {
    let server = StandIn::start();
    let host = host(&server, "cidr4");
    server.answer(
        "type/cidr4/",
        Answer::feed(&["0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24"]),
    );
    let report = apply(&host, Order::default());
    assert_eq!(host.list(), ["203.0.113.0/24"]);
    let expected = [
        "`0.0.0.0/0`: wider than /8",
        "`10.0.0.0/8`: in 10.0.0.0/8, private use (RFC 1918)",
    ];
    assert_eq!(refused(&report), expected);
}

#[test]
fn every_type_of_address_feed_is_judged() {
    let lists: [(&str, &[&str], &[&str]); 6] = [
        ("ipv4", &["192.168.1.1", "203.0.113.1"], &["203.0.113.1"]),
        ("ipv4ext", &["100.64.0.1", "203.0.113.1"], &["203.0.113.1"]),
        ("ipv6", &["2001:db8::1", "fd00::1"], &["2001:db8::1"]),
        ("ipv6ext", &["2001:db8::1", "fc00::1"], &["2001:db8::1"]),
        ("cidr4", &["203.0.113.0/25", "8.0.0.0/7"], &["203.0.113.0/25"]),
        ("cidr6", &["2000::/18", "2001:db8::/32"], &["2001:db8::/32"]),
    ];
    for (kind, values, kept) in lists {
        let server = StandIn::start();
        let host = host(&server, kind);
        server.answer(&format!("type/{kind}/"), Answer::feed(values));
        let report = apply(&host, Order::default());
        assert_eq!(
            (host.list().join(" "), report.refused.count()),
            (kept.join(" "), 1),
            "{kind}"
        );
    }
}

#[test]
fn feeds_of_one_target_are_judged_together() {
    let server = StandIn::start();
    let host = rpz(&server, &["domain", "cidr4", "ip"]);
    server.answer("type/domain/", Answer::feed(&["a.example"]));
    server.answer("type/cidr4/", Answer::feed(&["2.0.0.0/8"]));
    server.answer("type/ip/", Answer::feed(&["3.0.0.0/8", "203.0.113.1"]));
    let report = apply(&host, Order::default());
    assert_eq!(report.refused.count(), 2, "{report:?}");
    let zone = host.list().join("\n");
    assert!(
        zone.contains("1.113.0.203.rpz-ip") && !zone.contains("0.0.0.2.rpz-ip"),
        "{zone}"
    );
}

#[test]
fn a_zone_never_blocks_a_top_level_domain_or_the_root() {
    let server = StandIn::start();
    let host = rpz(&server, &["domain"]);
    server.answer("type/domain/", Answer::feed(&["a.example", "b.example", "com", "."]));
    apply(&host, Order::default());
    let zone = host.list();
    let owners: Vec<&str> = zone.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(owners.contains(&"a.example"), "{zone:?}");
    assert!(
        !owners.iter().any(|owner| ["com", "*.com", ".", "*"].contains(owner)),
        "{zone:?}"
    );
    let progress = StateDir::at(&host.path("state")).progress("names").unwrap();
    let named: Vec<&str> = progress.feeds["domain"]
        .refused_values
        .named()
        .iter()
        .map(|refusal| refusal.value.as_str())
        .collect();
    assert_eq!(named, ["com", "."]);
}

#[test]
fn a_prefix_that_the_operator_names_is_enforced() {
    let server = StandIn::start();
    let host = host(&server, "ip");
    let host = Host {
        more: format!("{}may_block: [10.20.0.0/16, 64.0.0.0/7]\n", host.more),
        ..host
    };
    server.answer(
        "type/ip/",
        Answer::feed(&["10.20.0.7", "10.30.0.7", "64.0.0.0/7", "66.0.0.0/7"]),
    );
    let report = apply(&host, Order::default());
    assert_eq!(host.list(), ["10.20.0.7", "64.0.0.0/7"]);
    assert_eq!(report.refused.count(), 2, "{report:?}");
}

#[test]
fn a_few_networks_that_cover_many_addresses_are_held_back() {
    let server = StandIn::start();
    let host = host(&server, "ip");
    server.answer("type/ip/", Answer::feed(&FOUR));
    apply(&host, Order::default());
    server.answer("type/ip/", Answer::feed(&[FOUR.as_slice(), &["8.0.0.0/8"]].concat()));
    let report = apply(&host, Order::default());
    let Outcome::Held(objection, _) = &report.outcome else {
        panic!("{report:?}")
    };
    assert!(
        objection.to_string().contains("the largest network is 8.0.0.0/8"),
        "{objection}"
    );
    assert_eq!(host.list(), FOUR);
    let report = apply(&host, Order::default().accept_change(true));
    assert!(matches!(report.outcome, Outcome::Changed(_)), "{report:?}");
}

#[test]
fn what_an_older_agent_enforced_is_judged_at_the_restart_too() {
    let server = StandIn::start();
    let host = host(&server, "ip");
    let values = ["0.0.0.0/0", "203.0.113.1"];
    let enforced = Enforced {
        values: [IndicatorSet::of(IndicatorType::Ip, values)].into_iter().collect(),
        digest: String::new(),
        at: Moment::now(),
        feeds: ["names".to_owned()].into(),
    };
    StateDir::open(&host.path("state"))
        .unwrap()
        .keep_enforced("names", &enforced)
        .unwrap();
    let reports = Agent::open(config(&host)).unwrap().restore().unwrap();
    assert_eq!(host.list(), ["203.0.113.1"]);
    assert_eq!(refused(&reports[0]), ["`0.0.0.0/0`: wider than /8"]);
    // A change that is held back does not keep it in force either.
    fs::write(host.path("names.txt"), values.join("\n")).unwrap();
    server.answer("type/ip/", Answer::feed(&[]));
    let report = apply(&host, Order::default());
    assert!(matches!(report.outcome, Outcome::Held(..)), "{report:?}");
    assert_eq!(host.list(), ["203.0.113.1"]);
}
