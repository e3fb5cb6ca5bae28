//! The mirror of a running daemon, from the command line.

use std::net::TcpListener;
use std::process::Command;

use misp_sim::Sim;

use crate::support::{Installation, Ran, key_file, run_with};

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmirror: False\n";

fn token(installation: &Installation, port: u16, more: &[&str]) -> String {
    let port = port.to_string();
    let key = key_file(installation.path(), Sim::READER_KEY);
    let mint = [
        "token",
        "mint",
        "--site",
        "127.0.0.1",
        "--proto",
        "http",
        "--port",
        &port,
        "--expires",
        "1y",
    ];
    let key = ["--auth-key-file", key.to_str().unwrap()];
    let minted = installation.run(&[&mint[..], &key, more].concat());
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    minted.stdout.trim().to_owned()
}

fn mirror(installation: &Installation, what: &str, url: &str, token: &str) -> Ran {
    let mut command: Command = installation.command(&["mirror", what, "--url", url]);
    command.env("CRATOS_TOKEN", token);
    run_with(command, "")
}

#[test]
fn the_state_of_a_site_without_a_mirror_says_why_and_nothing_is_read_again() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let token = token(&installation, sim.addr().port(), &["--only", "operate"]);
    let mut daemon = installation.serve();
    let url = format!("http://{}", daemon.address());
    let status = mirror(&installation, "status", &url, &token);
    assert_eq!((status.code, status.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = status.stdout.lines().collect();
    assert_eq!(lines[0], "site         127.0.0.1");
    assert!(lines[1].starts_with("way          direct: "), "{}", status.stdout);
    let resync = mirror(&installation, "resync", &url, &token);
    assert_eq!((resync.code, resync.stdout.as_str()), (Some(69), ""));
    assert!(
        resync.stderr.starts_with("error: nothing is read again: "),
        "{}",
        resync.stderr
    );
    let forget = mirror(&installation, "forget", &url, &token);
    assert_eq!((forget.code, forget.stdout.as_str()), (Some(69), ""));
    assert_eq!(forget.stderr, "error: there is no mirror of this site and MISP key\n");
}

#[test]
fn a_token_without_the_permission_and_a_daemon_that_is_away_are_exit_69_without_the_token() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let token = token(&installation, sim.addr().port(), &[]);
    let mut daemon = installation.serve();
    let url = format!("http://{}", daemon.address());
    let refused = mirror(&installation, "status", &url, &token);
    assert_eq!(refused.code, Some(69));
    assert!(
        refused.stderr.contains("does not have the permission `operate`"),
        "{}",
        refused.stderr
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = mirror(&installation, "status", &format!("http://{closed}"), &token);
    assert_eq!((away.code, away.stdout.as_str()), (Some(69), ""));
    assert!(!refused.stderr.contains(&token) && !away.stderr.contains(&token));
}

#[test]
fn without_a_token_it_is_a_usage_error() {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let ran = installation.run(&["mirror", "status"]);
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr.contains("--token-file") && ran.stderr.contains("CRATOS_TOKEN"),
        "{}",
        ran.stderr
    );
}
