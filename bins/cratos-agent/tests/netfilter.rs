//! The real `nft` in a network namespace, while a host in another one sends packets all the time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

mod net;

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use net::{Namespace, Pair, Traffic};
use support::{Answer, Host, StandIn};
use test_peers::{Peer, until};

/// Listed all the time, in both families.
const LISTED: [&str; 2] = [net::LISTED_V4, net::LISTED_V6];

/// A list of 50 000 addresses, no two side by side, and the two that are always listed.
fn list(first: u32) -> Answer {
    let number = |index: u32| std::net::Ipv4Addr::from(0x0b00_0000 + first + 2 * index).to_string();
    let mut values: Vec<String> = (0..50_000).map(number).collect();
    values.extend(LISTED.map(str::to_owned));
    Answer::Feed(values)
}

/// A host that enforces the feed `addresses` by nftables in its own namespace, and the server that it asks there.
struct Enforcing {
    host: Host,
    server: StandIn,
    pair: Pair,
}

impl Enforcing {
    fn new() -> Option<Self> {
        let pair = Pair::new()?;
        let server = StandIn::on(pair.host.inside(|| TcpListener::bind("127.0.0.1:0").unwrap()));
        let mut host = Host::new(&server);
        "  - {name: addresses, feed: block, type: ip, age: 1w}\n".clone_into(&mut host.feeds);
        let limits = "{max_change: 1000000, max_change_percent: 1000}";
        host.targets = format!("  - {{name: firewall, feeds: [addresses], limits: {limits}, nftables: {{}}}}\n");
        "poll_interval: 1s\n".clone_into(&mut host.more);
        Some(Self { host, server, pair })
    }

    fn agent(&self, word: &str) -> Command {
        let mut command = self.pair.host.command(env!("CARGO_BIN_EXE_cratos-agent"));
        command.arg("--config").arg(self.host.config_file()).arg(word);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn done(&self, word: &str) {
        assert!(self.agent(word).status().unwrap().success(), "{word}");
    }

    fn nft(&self, words: &[&str]) -> String {
        let output = self.pair.host.command("nft").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the number of the sets that the rules look into.
    fn generation(&self) -> Option<u64> {
        let table = self.nft(&["-t", "list", "table", "inet", "cratos"]);
        let set = table.split("saddr @v4_").nth(1)?;
        set.split(' ').next()?.parse().ok()
    }

    fn wait_for_change(&self, what: &str, before: Option<u64>) {
        until(what, || self.generation().is_some_and(|now| Some(now) > before));
    }
}

#[test]
fn fifty_thousand_addresses_are_replaced_without_a_gap_on_either_side() {
    let Some(enforcing) = Enforcing::new() else { return };
    enforcing.server.answer("type/ip/", list(0));
    let agent = Peer::start(&mut enforcing.agent("run"));
    enforcing.wait_for_change("the first list is in force", None);
    let traffic = Traffic::start(&enforcing.pair);
    for round in 0..4 {
        let before = enforcing.generation();
        enforcing.server.answer("type/ip/", list(1 - round % 2));
        enforcing.wait_for_change("the other list is in force", before);
    }
    let counted = traffic.stop();
    drop(agent);
    assert!(counted.sent > 4000, "the lists changed under traffic: {counted:?}");
    assert_eq!(counted.passed, 0, "listed packets that passed: {counted:?}");
    assert_eq!(counted.lost, 0, "unlisted packets that were dropped: {counted:?}");
}

#[test]
fn an_agent_that_is_killed_at_any_moment_changes_nothing() {
    let Some(enforcing) = Enforcing::new() else { return };
    enforcing.server.answer("type/ip/", list(0));
    enforcing.done("apply");
    let traffic = Traffic::start(&enforcing.pair);
    for round in 0..12_u32 {
        enforcing.server.answer("type/ip/", list(1 - round % 2));
        let mut agent = Peer::start(&mut enforcing.agent("run"));
        // Spread over the whole of a change: asking, parsing, rendering, loading, keeping.
        thread::sleep(Duration::from_millis(u64::from(round * 7919 % 12) * 150));
        agent.kill();
        assert!(
            enforcing.generation().is_some(),
            "the rules are there after kill {round}"
        );
    }
    let counted = traffic.stop();
    assert_eq!((counted.passed, counted.lost), (0, 0), "{counted:?}");
    let before = enforcing.generation();
    let _agent = Peer::start(&mut enforcing.agent("run"));
    enforcing.server.answer("type/ip/", list(4));
    enforcing.wait_for_change("the next agent goes on", before);
}

#[test]
fn a_reboot_enforces_the_last_list_before_anybody_can_be_asked() {
    let Some(enforcing) = Enforcing::new() else { return };
    enforcing.server.answer("type/ip/", Answer::feed(&LISTED));
    enforcing.done("apply");
    enforcing.nft(&["flush", "ruleset"]);
    let asked = enforcing.server.questions();
    assert_eq!(enforcing.generation(), None);
    enforcing.done("restore");
    let traffic = Traffic::start(&enforcing.pair);
    until("some packets are sent", || traffic.sent() > 100);
    let counted = traffic.stop();
    assert_eq!((counted.passed, counted.lost), (0, 0), "{counted:?}");
    assert_eq!(enforcing.server.questions(), asked);
}

#[test]
fn rules_do_not_grow_and_an_operators_ruleset_stays() {
    let Some(enforcing) = Enforcing::new() else { return };
    let own =
        "table inet mine { chain input { type filter hook input priority 0; policy accept; tcp dport 9 drop; }; }";
    enforcing.nft(&[own]);
    enforcing.server.answer("type/ip/", Answer::feed(&LISTED));
    enforcing.done("apply");
    let once = enforcing.nft(&["list", "table", "inet", "cratos"]);
    for _ in 0..3 {
        enforcing.done("apply");
        enforcing.done("restore");
    }
    let again = enforcing.nft(&["list", "table", "inet", "cratos"]);
    assert_eq!(once.lines().count(), again.lines().count(), "{once}\n{again}");
    assert!(again.contains(net::LISTED_V6), "IPv6 is not lost: {again}");
    assert!(enforcing.nft(&["list", "ruleset"]).contains("tcp dport 9 drop"));
    let mut waits = enforcing.agent("run");
    let _agent = Peer::start(&mut waits);
    enforcing.nft(&["flush", "ruleset"]);
    enforcing.wait_for_change("the agent notices that its table is gone", None);
}

#[test]
fn an_empty_answer_opens_nothing() {
    let Some(enforcing) = Enforcing::new() else { return };
    enforcing.server.answer("type/ip/", Answer::feed(&LISTED));
    enforcing.done("apply");
    enforcing.server.answer("type/ip/", Answer::feed(&[]));
    assert_eq!(enforcing.agent("apply").status().unwrap().code(), Some(1));
    let traffic = Traffic::start(&enforcing.pair);
    until("some packets are sent", || traffic.sent() > 100);
    assert_eq!(traffic.stop().passed, 0);
}

#[test]
fn elements_expire_when_no_agent_renews_them() {
    let Some(mut enforcing) = Enforcing::new() else { return };
    enforcing.host.targets = enforcing
        .host
        .targets
        .replace("nftables: {}", "nftables: {element_timeout: 4s}");
    enforcing.server.answer("type/ip/", Answer::feed(&LISTED));
    let elements = |enforcing: &Enforcing| enforcing.nft(&["list", "table", "inet", "cratos"]).contains("expires");
    let mut agent = Peer::start(&mut enforcing.agent("run"));
    enforcing.wait_for_change("the list is in force", None);
    let before = enforcing.generation();
    enforcing.wait_for_change("the agent renews", before);
    assert!(elements(&enforcing));
    agent.kill();
    until("a dead agent ends in an open firewall, as configured", || {
        !elements(&enforcing)
    });
}

#[test]
fn ipset_holds_both_families_and_is_filled_again_when_somebody_empties_it() {
    let Some(mut enforcing) = Enforcing::new() else { return };
    if test_peers::program("ipset").is_none() {
        return;
    }
    enforcing.host.targets = enforcing.host.targets.replace("nftables: {}", "ipset: {}");
    let members = |enforcing: &Enforcing| {
        let output = enforcing.pair.host.command("ipset").arg("save").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter(|line| line.starts_with("add "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    enforcing
        .server
        .answer("type/ip/", Answer::feed(&["203.0.113.3", "0.0.0.0/0", "2001:db8::/64"]));
    enforcing.done("apply");
    let first = members(&enforcing);
    assert_eq!(
        first,
        ["add cratos4 203.0.113.3", "add cratos6 2001:db8::/64"],
        "the network of everything is refused, and the rest is in force"
    );
    let cleared = enforcing
        .pair
        .host
        .command("ipset")
        .args(["flush", "cratos4"])
        .status()
        .unwrap();
    assert!(cleared.success());
    enforcing.done("apply");
    let mut again = members(&enforcing);
    let mut first = first;
    first.sort();
    again.sort();
    assert_eq!(first, again);
}

#[test]
fn the_capability_to_change_rules_is_all_that_the_agent_takes() {
    let Some(enforcing) = Enforcing::new() else { return };
    if test_peers::program("setpriv").is_none() {
        return;
    }
    enforcing.server.answer("type/ip/", Answer::feed(&LISTED));
    let config = enforcing.host.config_file();
    let given = Command::new("chown")
        .arg("-R")
        .arg("65534:65534")
        .arg(enforcing.host.dir.path())
        .status()
        .unwrap();
    assert!(given.success());
    let agent = |capabilities: &str| {
        let mut command = enforcing.pair.host.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]);
        command.args([
            format!("--inh-caps={capabilities}"),
            format!("--ambient-caps={capabilities}"),
        ]);
        command.arg(format!("--bounding-set={capabilities}"));
        // Other users may not be able to read the folder that cargo builds into; they can read a copy.
        let program = enforcing.host.path("cratos-agent");
        std::fs::copy(env!("CARGO_BIN_EXE_cratos-agent"), &program).unwrap();
        command.arg(program).arg("--config").arg(&config).arg("apply");
        command.output().unwrap()
    };
    let without = agent("-all");
    assert_eq!(
        without.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&without.stderr)
    );
    assert_eq!(enforcing.generation(), None);
    let with = agent("-all,+net_admin");
    assert!(
        with.status.success(),
        "{}{}",
        String::from_utf8_lossy(&with.stdout),
        String::from_utf8_lossy(&with.stderr)
    );
    assert!(enforcing.generation().is_some());
}

/// Namespaces go with their test.
#[test]
fn a_namespace_is_gone_after_its_test() {
    let Some(namespace) = Namespace::new("gone") else {
        return;
    };
    let path = namespace.path();
    assert!(path.exists());
    drop(namespace);
    assert!(!path.exists());
}
