//! Response policy zones, enforced by BIND and PowerDNS, and by an Unbound that fetches the zone.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::body;
use test_peers::dns::{NXDOMAIN, response_code, upstream};
use test_peers::{Peer, WebServer, free_port, program, until};

use crate::recipe;

fn zone(kind: Kind, values: &[&str]) -> String {
    body("rpz", kind, values)
}

/// Names of all awkward kinds, and the longest that pass.
fn awkward() -> Vec<String> {
    let label = "a".repeat(63);
    vec![
        "evil.example".into(),
        "_dmarc.other.example".into(),
        "xn--bcher-kva.example".into(),
        "x.y.evil.example".into(),
        "32.1.2.0.192.rpz-ip".into(),
        "ns.evil.rpz-nsdname".into(),
        format!("{label}.{label}.{}.example", "b".repeat(52)),
        format!("{label}.{label}.{label}.example"),
    ]
}

/// A zone with names and addresses.
fn mixed_zone() -> String {
    let mut values = awkward();
    values.extend(["a.b.example".into(), "32.77.2.0.192.rpz-ip".into()]);
    let refs: Vec<_> = values.iter().map(String::as_str).collect();
    let mut text = zone(Kind::Domain, &refs);
    let triggers = zone(
        Kind::Ip,
        &["10.0.0.77/8", "10.1.0.0/16", "192.0.2.1", "2001:db8::1", "::/0"],
    );
    let triggers = triggers.lines().filter(|line| line.contains("rpz-ip"));
    text.extend(triggers.map(|line| format!("{line}\n")));
    text
}

/// Names, and whether the policies of [`mixed_zone`] block them. The address of `ten.example` is in a listed network.
const POLICIES: [(&str, bool); 9] = [
    ("evil.example", true),
    ("www.evil.example", true),
    ("y.evil.example", true),
    ("a.b.example", true),
    ("c.a.b.example", true),
    ("ten.example", true),
    ("b.example", false),
    ("notevil.example", false),
    ("example", false),
];

/// Waits for the zone, then asks for each name.
fn assert_enforced(port: u16, are_blocked: bool) {
    let expected = |is_blocked: bool| if is_blocked && are_blocked { NXDOMAIN } else { 0 };
    until("the zone is in force", || {
        response_code(port, POLICIES[0].0) == expected(true)
    });
    for (name, is_blocked) in POLICIES {
        assert_eq!(response_code(port, name), expected(is_blocked), "{name}");
    }
    for name in awkward()
        .iter()
        .filter(|name| !name.contains("rpz-") && name.len() < 189)
    {
        assert_eq!(response_code(port, name), expected(true), "{name}");
    }
}

/// Starts Unbound in a folder, with these lines for the zone.
fn unbound(program: &Path, folder: &Path, lines: &str) -> (Peer, u16) {
    let (port, upstream) = (free_port(), upstream());
    let here = folder.display();
    let config = format!(
        "server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{here}\"\n \
         pidfile: \"\"\n use-syslog: no\n do-not-query-localhost: no\nremote-control:\n control-enable: no\n\
         forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{upstream}\n{lines}"
    );
    fs::write(folder.join("unbound.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).arg(folder.join("unbound.conf"));
    command.stderr(File::create(folder.join("log")).unwrap());
    (Peer::listening(&mut command, port), port)
}

#[test]
fn unbound_fetches_the_zone_by_itself() {
    let Some(program) = program("unbound") else { return };
    let folder = tempfile::tempdir().unwrap();
    let web = WebServer::start();
    web.set("/t/TOKEN/rpz.zone", &mixed_zone());
    let ours = format!("http://127.0.0.1:{}/t/TOKEN/rpz.zone", web.port());
    let feed = "https://cratos.example.net/t/TOKEN/v1/feed/block/type/domain/age/1w/output/rpz";
    let lines = recipe("unbound-rpz", folder.path()).replace(feed, &ours);
    let lines = lines.replace("/var/lib/unbound", &folder.path().display().to_string());
    assert!(lines.contains(&ours), "{lines}");
    let (_server, port) = unbound(&program, folder.path(), &lines);
    assert_enforced(port, true);
}

#[test]
fn bind_blocks_exactly_the_listed_names_and_addresses() {
    let Some(program) = program("named") else { return };
    for (zone, is_full) in [(mixed_zone(), true), (zone(Kind::Domain, &[]), false)] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        fs::write(folder.path().join("block.rpz"), zone).unwrap();
        let (port, upstream) = (free_port(), upstream());
        let options = format!(
            "options {{ directory \"{here}\"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }}; \
             listen-on-v6 {{ none; }}; dnssec-validation no; forward only; forwarders {{ 127.0.0.1 port {upstream}; }}; "
        );
        let config = recipe("bind", folder.path()).replacen("options {", &options, 1) + "controls {};\n";
        fs::write(folder.path().join("conf"), config).unwrap();
        let mut command = Command::new(&program);
        command.args(["-g", "-n", "1", "-c"]).arg(folder.path().join("conf"));
        command.stderr(File::create(folder.path().join("log")).unwrap());
        let _server = Peer::listening(&mut command, port);
        assert_enforced(port, is_full);
        let said = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(!said.contains("invalid rpz") && !said.contains("out-of-zone"), "{said}");
    }
}

#[test]
fn powerdns_blocks_exactly_the_listed_names_and_addresses() {
    let Some(program) = program("pdns_recursor") else {
        return;
    };
    for (zone, is_full) in [(mixed_zone(), true), (zone(Kind::Domain, &[]), false)] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        fs::write(folder.path().join("block.rpz"), zone).unwrap();
        fs::write(folder.path().join("lua"), recipe("powerdns", folder.path())).unwrap();
        let (port, upstream) = (free_port(), upstream());
        let config = format!(
            "local-address=127.0.0.1\nlocal-port={port}\nforward-zones-recurse=.=127.0.0.1:{upstream}\n\
             lua-config-file={here}/lua\nsocket-dir={here}\ndnssec=off\nsecurity-poll-suffix=\ndaemon=no\nsetuid=\nsetgid=\n\
             threads=1\nloglevel=4\ndisable-syslog=yes\nwrite-pid=no\ndont-query=\n"
        );
        fs::write(folder.path().join("recursor.conf"), config).unwrap();
        let mut command = Command::new(&program);
        command.arg(format!("--config-dir={here}"));
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let _server = Peer::listening(&mut command, port);
        assert_enforced(port, is_full);
    }
}
