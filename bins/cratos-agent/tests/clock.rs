//! A wall clock that is set, far back and far ahead, while the agent runs.

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::{Answer, Host, StandIn};
use test_peers::{Peer, program, until};

/// Where Debian has the library with which `faketime` works.
fn library() -> Option<PathBuf> {
    program("faketime")?;
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders
        .map(|folder| folder.join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
}

/// An agent whose wall clock is off by the number in the file `clock`; other clocks are right.
fn agent(host: &Host, library: &PathBuf, word: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command.arg("--config").arg(host.config_file()).arg(word);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", host.path("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .stderr(Stdio::null());
    command
}

/// Seconds since 1970 at the last success, as the file for Prometheus has them.
fn last_success(host: &Host) -> f64 {
    let text = fs::read_to_string(host.path("agent.prom")).unwrap_or_default();
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with("cratos_agent_last_success_timestamp_seconds"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0.0)
}

#[test]
fn a_clock_that_is_set_stops_nothing_and_makes_nothing_old() {
    let Some(library) = library() else { return };
    let server = StandIn::start();
    let host = Host::new(&server);
    fs::write(host.path("clock"), "+0").unwrap();
    server.answer("domain", Answer::feed(&["first.example"]));
    let _agent = Peer::start(agent(&host, &library, "run").stdout(Stdio::null()));
    until("the first list is in force", || host.list() == ["first.example"]);
    until("it is told", || last_success(&host) > 0.0);
    let before = last_success(&host);
    // Twenty years, in days and in seconds.
    for (offset, value, seconds) in [("-7300d", "back.example", -6e8), ("+7300d", "ahead.example", 6e8)] {
        fs::write(host.path("clock"), offset).unwrap();
        server.answer("domain", Answer::feed(&[value]));
        until("the list after the jump is in force", || host.list() == [value]);
        until("the agent has seen the jump", || {
            (last_success(&host) - before) / seconds > 1.0
        });
        // It sees the same clock.
        let status = agent(&host, &library, "status").output().unwrap();
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        assert_eq!(status.status.code(), Some(0), "{offset}: {said}");
    }
    // A clock that is right sees the last success in the future.
    let status = Command::new(env!("CARGO_BIN_EXE_cratos-agent"))
        .arg("--config")
        .arg(host.config_file())
        .arg("status")
        .output()
        .unwrap();
    assert_eq!(
        status.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&status.stdout)
    );
}
