//! A certificate of our own: what `check` says about its files, and what `serve` does with them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use crate::support::{Daemon, Installation, Ran};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

/// Years between which a certificate counts, and the key that it is for.
fn certificate(years: (i32, i32), key: &KeyPair) -> String {
    let mut params = CertificateParams::new(["cratos.example.net".to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(key).unwrap().pem()
}

const GOOD: (i32, i32) = (2020, 2090);

/// An installation with a good certificate and key, to which `lines` are added.
pub(crate) fn secured(lines: &str) -> Installation {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let core = installation.read("config/config.yaml");
    let tls = "tls:\n  certificate: own.pem\n  key: own.key\n";
    installation.write(
        "config/config.yaml",
        &format!("{core}accept_legacy_tokens: False\n{tls}{lines}"),
    );
    let key = KeyPair::generate().unwrap();
    installation.write("config/own.pem", &certificate(GOOD, &key));
    installation.write("config/own.key", &key.serialize_pem());
    installation
}

/// Returns the output of `check`. `serve` must start or fail as the caller says.
fn checked(installation: &Installation, starts: bool) -> Ran {
    let ran = installation.run(&["check"]);
    if starts {
        installation.serve().address();
    } else {
        let served = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!((served.code, served.stderr.trim()), (Some(64), first_lines(&ran)));
    }
    ran
}

fn first_lines(ran: &Ran) -> &str {
    ran.stderr.trim()
}

#[test]
fn good_files_are_nothing_to_speak_of_and_the_log_says_https() {
    let installation = secured("");
    let ran = installation.run(&["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, "1 site, 0 problems, 0 notes\n");
    let mut daemon = installation.serve();
    daemon.wait_for_log("listening on https://127.0.0.1:");
    assert!(!daemon.stderr().contains("PRIVATE"), "{}", daemon.stderr());
}

#[test]
fn files_that_cannot_be_used_have_a_line_each_and_nothing_is_started() {
    let mut said = Vec::new();
    let mut broken = |change: &dyn Fn(&Installation)| {
        let installation = secured("  client_ca: devices.pem\n");
        installation.write("config/devices.pem", &installation.read("config/own.pem"));
        change(&installation);
        let ran = checked(&installation, false);
        assert_eq!(ran.code, Some(64));
        said.push(ran.stderr);
    };
    let path = |installation: &Installation, name: &str| installation.path().join("config").join(name);
    broken(&|at| fs::remove_file(path(at, "own.pem")).unwrap());
    broken(&|at| at.write("config/own.pem", "nonsense\n"));
    broken(&|at| {
        at.write(
            "config/own.pem",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        )
    });
    broken(&|at| at.write("config/own.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"));
    broken(&|at| at.write("config/own.key", &at.read("config/own.pem")));
    broken(&|at| at.write("config/own.key", &KeyPair::generate().unwrap().serialize_pem()));
    broken(&|at| {
        at.write(
            "config/own.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )
    });
    broken(&|at| {
        at.write(
            "config/own.key",
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
        )
    });
    broken(&|at| {
        fs::remove_file(path(at, "own.key")).unwrap();
        fs::create_dir(path(at, "own.key")).unwrap();
    });
    broken(&|at| at.write("config/devices.pem", &"x".repeat((1 << 20) + 1)));
    insta::assert_snapshot!(said.concat());
}

#[test]
fn certificates_out_of_date_are_problems_and_still_served_with() {
    let installation = secured("  client_ca: devices.pem\n");
    let key = KeyPair::generate().unwrap();
    let chain = certificate(GOOD, &key) + &certificate((2090, 2095), &key);
    installation.write("config/own.pem", &chain);
    installation.write("config/own.key", &key.serialize_pem());
    installation.write("config/devices.pem", &certificate((2019, 2020), &key));
    let ran = checked(&installation, true);
    assert_eq!(ran.code, Some(64));
    insta::assert_snapshot!(ran.stderr, @r"
    config/config.yaml:6:16: tls.certificate: config/own.pem: its certificate 2 does not count before 2090-01-01T00:00:00Z: look at the clock of this machine, or take one that counts today
    config/config.yaml:8:14: tls.client_ca: config/devices.pem: its certificate 1 has ended at 2020-01-01T00:00:00Z: renew it
    ");
}

#[test]
fn few_days_left_and_a_key_that_everybody_may_read_are_notes() {
    let installation = secured("");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["cratos.example.net".to_owned()]).unwrap();
    params.not_after = (std::time::SystemTime::now() + std::time::Duration::from_secs(13 * 86_400 + 3600)).into();
    installation.write("config/own.pem", &params.self_signed(&key).unwrap().pem());
    installation.write("config/own.key", &key.serialize_pem());
    fs::set_permissions(
        installation.path().join("config/own.key"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let ran = checked(&installation, true);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for note in [
        "config/config.yaml:6:16: tls.certificate: config/own.pem: its certificate 1 ends in 13 days, at ",
        "config/config.yaml:7:8: tls.key: config/own.key: every user of this machine may read this key; chmod 600",
    ] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with(note)),
            "{note}\n{}",
            ran.stdout
        );
    }
}

#[test]
fn commands_that_serve_nobody_need_no_certificate() {
    let installation = secured("");
    fs::remove_file(installation.path().join("config/own.key")).unwrap();
    let mut command = installation.command(&[
        "token",
        "mint",
        "--site",
        "misp.example.net",
        "--expires",
        "2099-12-31",
        "--label",
        "x",
    ]);
    command.env("CRATOS_AUTH_KEY", "0123456789012345678901234567890123456789");
    let ran = crate::support::run_with(command, "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn what_happens_to_the_files_is_logged() {
    let installation = secured("");
    let mut daemon: Daemon = installation.serve();
    daemon.address();
    installation.write("config/own.key", &KeyPair::generate().unwrap().serialize_pem());
    let line = daemon.wait_for_log("TLS files not taken over: the certificate before stays in force");
    assert!(
        line.contains("config/config.yaml:7:8: tls.key: config/own.key: is not the key of the certificate: "),
        "{line}"
    );
    let key = KeyPair::generate().unwrap();
    installation.write("config/own.key", &key.serialize_pem());
    installation.write("config/own.pem", &certificate(GOOD, &key));
    daemon.wait_for_log("TLS files read again and in force");
}
