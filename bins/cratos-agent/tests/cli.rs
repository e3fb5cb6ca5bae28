//! The command line: output, exit codes, and that two agents do not work with the same state.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use support::{Answer, Host, StandIn};
use test_peers::{Peer, until};

fn agent(host: &Host) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command.arg("--config").arg(host.config_file());
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn typed(host: &Host, words: &[&str]) -> (Option<i32>, String, String) {
    said(&agent(host).args(words).output().unwrap())
}

#[test]
fn a_dry_run_prints_the_difference_and_changes_nothing() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example", "b.example", "c.example"]));
    let (code, stdout, _) = typed(&host, &["apply", "--dry-run", "--diff-lines", "2"]);
    let expected =
        "names: would change, values added: 3, removed: 0\n+ domain a.example\n+ domain b.example\n+ and 1 more\n";
    assert_eq!((code, stdout.as_str()), (Some(0), expected));
    assert_eq!(typed(&host, &["status"]).0, Some(1), "nothing is enforced yet");
    let mut left: Vec<_> = fs::read_dir(host.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["agent.yaml", "token"], "neither a list nor a state nor metrics");
}

#[test]
fn exit_codes_tell_whose_fault_it_is() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    assert_eq!(typed(&host, &["apply"]).0, Some(0));
    assert_eq!(typed(&host, &["status"]).0, Some(0));
    assert_eq!(
        typed(&host, &["check"]),
        (Some(0), "no problem; feeds: 1, targets: 1\n".to_owned(), String::new())
    );
    server.answer("domain", Answer::status("503 Service Unavailable"));
    let (code, _, stderr) = typed(&host, &["apply"]);
    assert_eq!(
        (code, stderr.as_str()),
        (Some(69), "error: feed names: cratosd has no answer now (503)\n")
    );
    server.answer("domain", Answer::feed(&[]));
    let (code, stdout, _) = typed(&host, &["apply"]);
    assert_eq!(code, Some(1), "{stdout}");
    let (code, status, _) = typed(&host, &["status"]);
    assert_eq!(code, Some(1), "a change is held back: {status}");
    assert!(
        stdout.starts_with("names: held back: the list is empty while 1 value would go out of force"),
        "{stdout}"
    );
    assert_eq!(typed(&host, &["apply", "--accept-change"]).0, Some(0));
    let host = Host {
        more: "nonsense: 1\n".to_owned(),
        ..host
    };
    let (code, _, stderr) = typed(&host, &["apply"]);
    assert_eq!(code, Some(64));
    assert!(stderr.contains("agent.yaml:5:1: nonsense: unknown key: "), "{stderr}");
    assert_eq!(typed(&host, &["nonsense"]).0, Some(64));
    fs::remove_file(host.path("token")).unwrap();
}

#[test]
fn check_names_a_secret_that_all_can_read_and_a_configuration_that_others_can_change() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let config = host.config_file();
    let chmod = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    chmod(&config, 0o666);
    chmod(&host.path("token"), 0o644);
    let check = || said(&check_of(&config).output().unwrap());
    let (code, stdout, stderr) = check();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let folder = host.dir.path().display();
    let secret = format!("token_file: {folder}/token: every user of this machine may read this secret; chmod 600\n");
    assert!(stdout.contains(&secret), "{stdout}");
    let changed = format!("{folder}/agent.yaml: every user of this machine may change it; chmod o-w\n");
    assert!(stdout.contains(&changed), "{stdout}");
    assert!(
        stdout.ends_with("no problem; feeds: 1, targets: 1, notes: 2\n"),
        "{stdout}"
    );
    chmod(&config, 0o600);
    chmod(&host.path("token"), 0o600);
    chmod(host.dir.path(), 0o777);
    let (_, stdout, _) = check();
    let changed = format!("{folder}: every user of this machine may change it; chmod o-w\n");
    assert!(stdout.contains(&changed), "{stdout}");
}

fn check_of(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command.args(["check", "--config"]).arg(config);
    command
}

#[test]
fn commands_that_only_read_write_nothing() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let commands = [
        &["status"][..],
        &["check"],
        &["apply", "--dry-run"],
        &["apply", "--dry-run", "--accept-change"],
    ];
    for command in commands {
        typed(&host, command);
        let left = fs::read_dir(host.dir.path()).unwrap().count();
        assert_eq!(
            left, 2,
            "{command:?} leaves the configuration and the token, and nothing else"
        );
    }
    assert_eq!(typed(&host, &["apply"]).0, Some(0));
    // Also where there is something: neither a value, nor progress, nor a lock, nor a time of change.
    let before = tree(host.dir.path());
    server.answer("domain", Answer::feed(&["b.example", "com", "c.example"]));
    for command in commands {
        typed(&host, command);
        assert_eq!(tree(host.dir.path()), before, "{command:?}");
    }
}

/// What lies below a folder, with its bytes and the time of its last change; the configuration is left out.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>, SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else if path.file_name() != Some("agent.yaml".as_ref()) {
            let changed = fs::metadata(&path).unwrap().modified().unwrap();
            found.push((path.clone(), fs::read(&path).unwrap(), changed));
        }
    }
    found.sort();
    found
}

#[test]
fn a_value_that_reaches_too_far_is_named_wherever_an_operator_looks() {
    let server = StandIn::start();
    let host = Host::new(&server);
    let feeds = host.feeds.replace("type: domain", "type: ip");
    let host = Host { feeds, ..host };
    server.answer("type/ip/", Answer::feed(&["0.0.0.0/0", "203.0.113.1"]));
    let refused = "refused `0.0.0.0/0`: wider than /8\n";
    for words in [&["apply", "--dry-run"][..], &["apply"]] {
        let (code, stdout, _) = typed(&host, words);
        assert_eq!(code, Some(0));
        assert!(stdout.contains(&format!("names: {refused}")), "{stdout}");
    }
    let (code, stdout, _) = typed(&host, &["status"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains(&format!("\n  {refused}")), "{stdout}");
    let log = fs::File::create(host.path("log")).unwrap();
    let _agent = Peer::start(agent(&host).arg("run").stdout(Stdio::null()).stderr(log));
    server.answer("type/ip/", Answer::feed(&["203.0.113.2", "128.0.0.0/1"]));
    until("the agent logs the value and the reason", || {
        let log = fs::read_to_string(host.path("log")).unwrap();
        log.lines()
            .any(|line| line.contains("WARN") && line.contains("128.0.0.0/1") && line.contains("wider than /8"))
    });
    let metrics = fs::read_to_string(host.path("agent.prom")).unwrap();
    assert!(
        metrics.contains("cratos_agent_refused{target=\"names\"} 1\n"),
        "{metrics}"
    );
}

#[test]
fn two_agents_do_not_work_with_the_same_state() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let mut first = Peer::start(agent(&host).arg("run").stdout(Stdio::null()).stderr(Stdio::null()));
    until("the first agent enforces", || host.list() == ["a.example"]);
    let (code, _, stderr) = typed(&host, &["run"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("another cratos-agent works with the state in"),
        "{stderr}"
    );
    // A killed agent leaves no lock behind.
    first.kill();
    let _second = Peer::start(agent(&host).arg("run").stdout(Stdio::null()).stderr(Stdio::null()));
    server.answer("domain", Answer::feed(&["b.example"]));
    until("the second agent enforces", || host.list() == ["b.example"]);
}

#[test]
fn an_operator_lets_a_change_pass_while_the_agent_runs() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let _running = Peer::start(agent(&host).arg("run").stdout(Stdio::null()).stderr(Stdio::null()));
    until("the agent enforces", || host.list() == ["a.example"]);
    server.answer("domain", Answer::feed(&[]));
    until("the empty list is held back", || {
        typed(&host, &["status"]).1.contains("held back")
    });
    assert_eq!(host.list(), ["a.example"]);
    assert_eq!(typed(&host, &["apply", "--accept-change"]).0, Some(0));
    until("the agent goes on with it", || {
        !typed(&host, &["status"]).1.contains("held back")
    });
    assert!(host.list().is_empty());
}

#[test]
fn an_agent_stops_when_it_is_told_to_and_leaves_in_force_what_is() {
    let server = StandIn::start();
    let host = Host::new(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let mut child = agent(&host).arg("run").stderr(Stdio::null()).spawn().unwrap();
    until("the agent enforces", || host.list() == ["a.example"]);
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(host.list(), ["a.example"]);
}
