//! 0 fine, 64 bad usage or configuration, 69 MISP unavailable (in `feed` and `check`), 1 otherwise.

use std::net::TcpListener;

use crate::support::{ENCRYPTION_KEY, Installation, SALT, run};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

#[test]
fn without_a_command_the_help_is_shown_and_it_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(directory.path(), &[]);
    assert_eq!(ran.code, Some(64));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("Usage: cratosd"), "{}", ran.stderr);
}

#[test]
fn what_clap_refuses_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    for args in [
        &["serv"][..],
        &["serve", "--nonsense"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--log-format", "xml"],
        &["token", "mint"],
        &["token", "mint", "--site", "a/b", "--expires", "2099-01-01"],
        &["feed", "--site", "misp.example.net", "block", "ipv4", "1w"],
        &["init"],
        &["keygen", "extra"],
    ] {
        let ran = run(directory.path(), args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let directory = tempfile::tempdir().unwrap();
    for args in [
        &["--help"][..],
        &["--version"],
        &["help", "serve"],
        &["token", "mint", "--help"],
    ] {
        let ran = run(directory.path(), args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!ran.stdout.is_empty());
    }
    let version = run(directory.path(), &["--version"]).stdout;
    assert_eq!(version, format!("cratosd {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_option_can_come_from_the_environment() {
    let installation = Installation::new();
    let mut command = installation.command(&["serve"]);
    command.env("CRATOS_LISTEN", "nowhere");
    let ran = crate::support::run_with(command, "");
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr.contains("invalid value 'nowhere' for '--listen"),
        "{}",
        ran.stderr
    );
    let mut command = installation.command(&["check"]);
    command.env("CRATOS_CONFIG", "elsewhere.yaml");
    let ran = crate::support::run_with(command, "");
    assert!(ran.stderr.starts_with("elsewhere.yaml:1:1: "), "{}", ran.stderr);
}

#[test]
fn a_log_level_that_does_not_exist_is_a_usage_error() {
    let installation = Installation::new();
    let mut command = installation.command(&["check"]);
    command.env("RUST_LOG", "cratosd=loud");
    let ran = crate::support::run_with(command, "");
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr.starts_with("error: RUST_LOG: ") && ran.stderr.lines().count() == 1,
        "{}",
        ran.stderr
    );
}

/// Serves with a port that is taken: a daemon that binds before it has checked the configuration ends with 1, not with
/// 64.
fn refused(installation: &Installation) -> String {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let ran = installation.run(&["serve", "--listen", &listen]);
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains(ENCRYPTION_KEY) && !ran.stderr.contains(SALT));
    ran.outcome()
}

#[test]
fn wrong_core_files_are_refused_with_a_line_per_problem_before_anything_is_started() {
    let secrets = format!("encryption_key: \"{ENCRYPTION_KEY}\"\nsalt: \"{SALT}\"\n");
    for (text, expected) in [
        ("", "exit 64\nconfig/config.yaml:1:1: the file is empty"),
        ("- a\n", "exit 64\nconfig/config.yaml:1:1: "),
        ("debug: \"no end\n", "exit 64\nconfig/config.yaml:"),
        (
            &format!("{secrets}allways_allowed_ip: []\n"),
            "exit 64\nconfig/config.yaml:3:1: allways_allowed_ip: ",
        ),
        (
            &format!("{secrets}allways_allowed_ips: [10.0.0.0/99]\n"),
            "exit 64\nconfig/config.yaml:3:",
        ),
        (
            &format!("{secrets}listen: nowhere\n"),
            "exit 64\nconfig/config.yaml:3:9: listen: ",
        ),
        (
            &format!("{secrets}debug: perhaps\n"),
            "exit 64\nconfig/config.yaml:3:8: debug: ",
        ),
        (
            "salt: \"short\"\nencryption_key: \"short\"\n",
            "exit 64\nconfig/config.yaml:",
        ),
    ] {
        let installation = Installation::new().with_site("misp.example.net", SITE);
        installation.write("config/config.yaml", text);
        let outcome = refused(&installation);
        assert!(outcome.starts_with(expected), "{text:?}: {outcome}");
        assert!(
            outcome
                .lines()
                .skip(1)
                .all(|line| line.starts_with("config/config.yaml:")),
            "{outcome}"
        );
    }
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let installation = Installation::new().with_site("misp.example.net", "tag: example\nmispVerifyCerts: True\n");
    installation.write("config/config.yaml", "encryption_keys: 1\nsallt: x\n");
    installation.write("config/mappings.yaml", "types: 3\n");
    let outcome = refused(&installation);
    assert!(outcome.starts_with("exit 64\n"));
    for part in [
        "config/config.yaml:1:18: encryption_keys: ",
        "config/config.yaml:2:1: sallt: ",
        "config/mappings.yaml:1:",
        "sites/misp.example.net.yaml:2:1: mispVerifyCerts: ",
    ] {
        assert_eq!(
            outcome.lines().filter(|line| line.starts_with(part)).count(),
            1,
            "{part}: {outcome}"
        );
    }
}

#[test]
fn missing_files_are_refused() {
    for missing in ["config/config.yaml", "config/mappings.yaml", "sites"] {
        let installation = Installation::new();
        let path = installation.path().join(missing);
        if path.is_dir() {
            std::fs::remove_dir(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        let outcome = refused(&installation);
        assert!(outcome.starts_with(&format!("exit 64\n{missing}:1:1: ")), "{outcome}");
        assert_eq!(outcome.lines().count(), 2, "{outcome}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_else() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    for args in [&["serve", "--listen", &listen][..], &["demo", "--listen", &listen]] {
        let ran = installation.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{args:?}");
        let last = ran.stderr.lines().last().unwrap();
        assert!(
            last.starts_with(&format!("error: cannot listen on {listen}: ")),
            "{last}"
        );
        assert!(
            last.ends_with("another process listens there; choose another port with --listen, or 0 for any free one"),
            "{last}"
        );
    }
}

#[test]
fn keys_are_ready_to_paste_and_fresh_each_time() {
    let installation = Installation::new();
    let first = installation.run(&["keygen"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_eq!(first.stdout.lines().count(), 2);
    assert_ne!(first.stdout, installation.run(&["keygen"]).stdout);
    installation.write("config/config.yaml", &first.stdout);
    let checked = installation.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
