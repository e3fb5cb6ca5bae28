//! `hosts` and `dnsmasq` in a real dnsmasq, `unbound` in a real Unbound, `adguard` in another reader of its rules.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::{self, body, chosen};
use test_peers::dns::{NXDOMAIN, ask, ask_over_tcp, response_code, upstream};
use test_peers::{Peer, free_port, program, python_with, until};

use crate::recipe;

/// Names that are not listed, though they look like it.
const OTHERS: [&str; 5] = [
    "example",
    "notevil.example",
    "evil.example.net",
    "b.example",
    "bcher-kva.example",
];

/// An empty feed.
const NONE: [&str; 0] = [];

/// Every kind of name: IDN, underscores, names below others, and one of 255 octets on the wire.
fn hostile() -> Vec<String> {
    let mut names = testkit::values(Kind::Domain);
    assert!(names.iter().any(|name| name.len() == 253));
    let more = [
        "evil.example",
        "www.evil.example",
        "x.y.www.evil.example",
        "xn--bcher-kva.example",
        "_dmarc.evil.example",
    ];
    names.extend(more.map(str::to_owned));
    names
}

fn listed(output: &str) -> (Vec<String>, String) {
    let names = hostile();
    let body = body(output, Kind::Domain, &names);
    (names, body)
}

/// Starts dnsmasq with these lines of configuration.
fn dnsmasq(program: &Path, folder: &Path, lines: &str) -> (Peer, u16) {
    fs::write(folder.join("conf"), lines).unwrap();
    let port = free_port();
    let mut command = Command::new(program);
    command
        .args(["--keep-in-foreground", "--no-hosts", "--no-resolv", "--bind-interfaces"])
        .args([
            "--listen-address=127.0.0.1",
            "--pid-file=",
            "--user=",
            "--log-facility=-",
            "--cache-size=0",
        ])
        .arg(format!("--port={port}"))
        .arg(format!("--server=127.0.0.1#{}", upstream()))
        .arg(format!("--conf-file={}/conf", folder.display()))
        .stderr(fs::File::create(folder.join("log")).unwrap());
    (Peer::listening(&mut command, port), port)
}

/// Starts an Unbound that includes the list in the folder behind another clause.
fn unbound(program: &Path, folder: &Path) -> (Peer, u16) {
    let here = folder.display();
    let (port, upstream) = (free_port(), upstream());
    let configuration = format!(
        "server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{here}\"\n \
         pidfile: \"\"\n use-syslog: no\n module-config: \"iterator\"\n do-not-query-localhost: no\nremote-control:\n \
         control-enable: no\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{upstream}\n{}",
        recipe("unbound-include", folder)
    );
    fs::write(folder.join("conf"), configuration).unwrap();
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).arg(folder.join("conf"));
    command.stderr(fs::File::create(folder.join("log")).unwrap());
    (Peer::listening(&mut command, port), port)
}

fn reload(server: &Peer) {
    let sent = Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn dnsmasq_blocks_exactly_the_listed_names_and_reads_a_new_file_without_a_restart() {
    let Some(program) = program("dnsmasq") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (names, list) = listed("dnsmasq");
    fs::write(folder.path().join("dnsmasq.conf"), list).unwrap();
    let (server, port) = dnsmasq(&program, folder.path(), &recipe("dnsmasq", folder.path()));
    for name in &names {
        assert_eq!(response_code(port, name), NXDOMAIN, "{name}");
    }
    assert_eq!(response_code(port, "other.evil.example"), NXDOMAIN);
    for name in OTHERS {
        assert_eq!(response_code(port, name), 0, "{name}");
    }
    fs::write(folder.path().join("dnsmasq.conf"), body("dnsmasq", Kind::Domain, &NONE)).unwrap();
    reload(&server);
    until("dnsmasq reads the empty list", || {
        response_code(port, "evil.example") == 0
    });
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(
        !log.contains("error") && !log.contains("illegal") && !log.contains("cannot"),
        "{log}"
    );
}

/// Returns the code and the address of the answers for a name below a listed one, and for one that is not listed.
fn answers(port: u16) -> [(u8, Option<Ipv4Addr>); 2] {
    ["www.evil.example", "good.example"].map(|name| {
        let answer = ask(port, name);
        (answer.code, answer.address)
    })
}

const UPSTREAM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
const SINK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

#[test]
fn dnsmasq_answers_a_listed_name_as_chosen() {
    let Some(program) = program("dnsmasq") else { return };
    for (choice, expected) in [
        (("action", "null"), (0, Some(Ipv4Addr::UNSPECIFIED))),
        (("address", "192.0.2.80"), (0, Some(SINK))),
        (("address", "2001:db8::80"), (0, None)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (list, _) = chosen("dnsmasq", &[choice], Kind::Domain, &hostile());
        fs::write(folder.path().join("list"), list).unwrap();
        let include = format!("conf-file={}/list\n", folder.path().display());
        let (_server, port) = dnsmasq(&program, folder.path(), &include);
        assert_eq!(answers(port), [expected, (0, Some(UPSTREAM))], "{choice:?}");
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(!log.contains("error") && !log.contains("illegal"), "{log}");
    }
}

#[test]
fn unbound_answers_a_listed_name_as_chosen() {
    const REFUSED: u8 = 5;
    let Some(program) = program("unbound") else { return };
    for (choice, expected) in [
        (("action", "nodata"), (0, None)),
        (("action", "null"), (0, Some(Ipv4Addr::UNSPECIFIED))),
        (("action", "refused"), (REFUSED, None)),
        (("address", "192.0.2.80"), (0, Some(SINK))),
        (("address", "2001:db8::80"), (0, None)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (list, _) = chosen("unbound", &[choice], Kind::Domain, &hostile());
        fs::write(folder.path().join("unbound.conf"), list).unwrap();
        let (_server, port) = unbound(&program, folder.path());
        assert_eq!(answers(port), [expected, (0, Some(UPSTREAM))], "{choice:?}");
    }
}

#[test]
fn unbound_does_not_answer_for_a_listed_name_where_that_is_chosen() {
    let Some(program) = program("unbound") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (list, _) = chosen("unbound", &[("action", "drop")], Kind::Domain, &["evil.example"]);
    fs::write(folder.path().join("unbound.conf"), list).unwrap();
    let (_server, port) = unbound(&program, folder.path());
    assert_eq!(
        ask_over_tcp(port, "good.example").and_then(|answer| answer.address),
        Some(UPSTREAM)
    );
    assert_eq!(ask_over_tcp(port, "www.evil.example"), None);
}

#[test]
fn a_hosts_file_gives_listed_names_the_address_to_which_nothing_connects() {
    let Some(program) = program("dnsmasq") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (names, list) = listed("hosts");
    fs::write(folder.path().join("hosts"), list).unwrap();
    let (server, port) = dnsmasq(
        &program,
        folder.path(),
        &format!("addn-hosts={}/hosts\n", folder.path().display()),
    );
    for name in &names {
        let answer = ask(port, name);
        assert_eq!(
            (answer.code, answer.address),
            (0, Some(Ipv4Addr::UNSPECIFIED)),
            "{name}"
        );
    }
    let answered = Some(Ipv4Addr::new(192, 0, 2, 77));
    // A hosts file has no wildcards.
    for name in OTHERS.iter().chain(&["other.evil.example"]) {
        assert_eq!(ask(port, name).address, answered, "{name}");
    }
    fs::write(folder.path().join("hosts"), body("hosts", Kind::Domain, &NONE)).unwrap();
    reload(&server);
    until("dnsmasq reads the empty list", || {
        ask(port, "evil.example").address == answered
    });
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let count = format!("hosts - {} ", names.len());
    assert!(
        log.contains(&count) && log.contains("hosts - 0 ") && !log.contains("bad name"),
        "{log}"
    );
}

#[test]
fn unbound_includes_the_list_behind_any_clause() {
    let Some(program) = program("unbound") else { return };
    let (names, list) = listed("unbound");
    for (list, is_full) in [(list, true), (body("unbound", Kind::Hostname, &NONE), false)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("unbound.conf"), list).unwrap();
        let (_server, port) = unbound(&program, folder.path());
        for name in names.iter().map(String::as_str).chain(["other.evil.example"]) {
            let expected = if is_full { NXDOMAIN } else { 0 };
            assert_eq!(response_code(port, name), expected, "{name}");
        }
        for name in OTHERS {
            assert_eq!(response_code(port, name), 0, "{name}");
        }
        let said = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(!said.contains("error") && !said.contains("duplicate"), "{said}");
    }
}

/// `adblockparser` is an independent reader of such rules.
#[test]
fn another_reader_of_rules_blocks_exactly_the_listed_names() {
    let Some(python) = python_with(&["adblockparser"]) else {
        return;
    };
    let (names, list) = listed("adguard");
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, adblockparser\n\
                  rules = adblockparser.AdblockRules(open(sys.argv[1]).read().splitlines(), use_re2=False)\n\
                  for name in sys.stdin.read().split():\n    print(name, rules.should_block(f'http://{name}/'))";
    for (list, is_full) in [(list, true), (body("adguard", Kind::Domain, &NONE), false)] {
        let (file, asked) = (folder.path().join("list"), folder.path().join("asked"));
        fs::write(&file, list).unwrap();
        let blocked = names.iter().map(String::as_str).chain(["other.evil.example"]);
        let expected: String = blocked
            .map(|name| (name, is_full))
            .chain(OTHERS.map(|name| (name, false)))
            .map(|(name, is_blocked)| format!("{name} {}\n", if is_blocked { "True" } else { "False" }))
            .collect();
        let questions: String = expected
            .lines()
            .map(|line| line.split(' ').next().unwrap().to_owned() + "\n")
            .collect();
        fs::write(&asked, questions).unwrap();
        let mut command = Command::new(&python);
        command
            .args(["-c", script])
            .arg(&file)
            .stdin(fs::File::open(&asked).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
