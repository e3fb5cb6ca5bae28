//! Tables of `postfix`, asked with `postmap` and in a running server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::{body, chosen, writable};
use test_peers::{program, until};

use crate::smtpd::Smtpd;
use crate::{NAMES, NETWORKS, NONE, SENDERS};

fn postmap(program: &Path, folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.arg("-c").arg(folder).args(words);
    command.output().unwrap()
}

/// Returns the action for a key in a table.
fn action(program: &Path, folder: &Path, key: &str, table: &str) -> String {
    let output = postmap(program, folder, &["-q", key, table]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{key}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn listed_keys_are_rejected_and_no_others() {
    let Some(program) = program("postmap") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("main.cf"), "").unwrap();
    let cases = [
        (
            Kind::Domain,
            writable("postfix", Kind::Domain, &NAMES[..2]),
            ["b.example", "notevil.example", "test"],
        ),
        (
            Kind::EmailAddress,
            writable("postfix", Kind::EmailAddress, &SENDERS),
            ["x@b.example", "x@a.example", "#x@a.example"],
        ),
    ];
    for (kind, values, others) in cases {
        let file = folder.join(kind.as_str());
        fs::write(&file, body("postfix", kind, &values)).unwrap();
        let table = format!("hash:{}", file.display());
        let made = postmap(&program, folder, &[&table]);
        assert_eq!(String::from_utf8_lossy(&made.stderr), "", "{kind}");
        for value in values.iter().filter(|value| *value != "www.evil.example") {
            assert_eq!(action(&program, folder, value, &table), "REJECT", "{value}");
            if kind == Kind::Domain {
                assert_eq!(
                    action(&program, folder, &format!(".{value}"), &table),
                    "REJECT",
                    "{value}"
                );
            }
        }
        for other in others {
            assert_eq!(action(&program, folder, other, &table), "", "{other}");
        }
    }
}

#[test]
fn networks_are_a_table_for_addresses() {
    let Some(program) = program("postmap") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("main.cf"), "").unwrap();
    let file = folder.join("ip");
    let table = format!("cidr:{}", file.display());
    let values = NETWORKS.map(str::to_owned);
    fs::write(&file, body("postfix", Kind::Ip, &values)).unwrap();
    for (address, expected) in [
        ("10.200.0.1", "REJECT"),
        ("203.0.113.1", "REJECT"),
        ("2001:db8:ffff::1", "REJECT"),
        ("11.0.0.1", ""),
        ("2001:db9::1", ""),
    ] {
        assert_eq!(action(&program, folder, address, &table), expected, "{address}");
    }
    fs::write(&file, body("postfix", Kind::Ip, &writable("postfix", Kind::Ip, &[]))).unwrap();
    assert_eq!(
        action(&program, folder, "8.8.8.8", &table),
        "REJECT",
        "the battery has 0.0.0.0/0"
    );
    fs::write(&file, body("postfix", Kind::Ip, &NONE)).unwrap();
    assert_eq!(action(&program, folder, "10.200.0.1", &table), "");
}

#[test]
fn an_empty_table_rejects_nothing() {
    let Some(program) = program("postmap") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("main.cf"), "").unwrap();
    let file = folder.join("domain");
    fs::write(&file, body("postfix", Kind::Domain, &NONE)).unwrap();
    let table = format!("hash:{}", file.display());
    assert!(postmap(&program, folder, &[&table]).status.success());
    assert_eq!(action(&program, folder, "evil.example", &table), "");
}

/// Writes the tables that the page for operators names, with these actions, and indexes two of them.
fn write_tables(program: &Path, folder: &Path, options: &[(&str, &str)]) {
    fs::write(folder.join("main.cf"), "").unwrap();
    for (kind, values) in [
        (Kind::Ip, &NETWORKS[..]),
        (Kind::Domain, &["evil.example"]),
        (Kind::EmailAddress, &SENDERS),
    ] {
        let file = folder.join(format!("cratos-{kind}"));
        fs::write(&file, chosen("postfix", options, kind, values).0).unwrap();
        if kind != Kind::Ip {
            let made = postmap(program, folder, &[&format!("hash:{}", file.display())]);
            assert_eq!(String::from_utf8_lossy(&made.stderr), "", "{kind}");
        }
    }
}

#[test]
fn a_running_server_rejects_listed_clients_and_senders_and_no_others() {
    let Some(program) = program("postmap") else { return };
    let folder = tempfile::tempdir().unwrap();
    write_tables(&program, folder.path(), &[]);
    let Some(server) = Smtpd::start(&program, folder.path()) else {
        return;
    };
    for (client, sender, code) in [
        ("198.51.100.9", "a@good.test", 250),
        ("203.0.113.1", "a@good.test", 554),
        ("10.200.0.1", "a@good.test", 554),
        ("203.0.114.1", "a@good.test", 250),
        ("198.51.100.9", "x@evil.example", 554),
        ("198.51.100.9", "x@WWW.Evil.example", 554),
        ("198.51.100.9", "x@notevil.example", 250),
        ("198.51.100.9", "a@b.example", 554),
        ("198.51.100.9", "b@b.example", 250),
    ] {
        assert_eq!(server.answer(client, sender), code, "{client} {sender}");
    }
    let log = server.log();
    assert!(!log.contains("error") && !log.contains("fatal"), "{log}");
}

#[test]
fn a_running_server_does_with_a_match_what_the_action_says() {
    let Some(program) = program("postmap") else { return };
    for (action, code, word) in [
        ("defer", 450, "reject: MAIL"),
        ("discard", 250, "discard: MAIL"),
        ("hold", 250, "hold: MAIL"),
        ("warn", 250, "warn: MAIL"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_tables(&program, folder.path(), &[("action", action)]);
        let Some(server) = Smtpd::start(&program, folder.path()) else {
            return;
        };
        assert_eq!(server.answer("198.51.100.9", "x@evil.example"), code, "{action}");
        until("the match is logged", || server.log().contains(word));
        assert_eq!(server.answer("198.51.100.9", "x@good.test"), 250, "{action}");
    }
}
