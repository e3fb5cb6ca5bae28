//! A program with a target of its own does everything that `cratos-agent` does. The program is the example
//! `own-target`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

#[path = "../examples/own-target.rs"]
mod own_target;

use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use libtest_mimic::{Arguments, Trial};
use rustix::process::{Pid, Signal, kill_process};
use support::{Answer, Host, StandIn};
use test_peers::until;

/// With this variable the process is the program, without it the tests.
const IS_PROGRAM: &str = "CRATOS_TEST_PROGRAM";

fn main() -> ExitCode {
    if env::var_os(IS_PROGRAM).is_some() {
        return own_target::main();
    }
    let trials: [(&str, fn()); 4] = [
        (
            "apply_enforces_with_the_own_target_and_status_shows_it",
            apply_and_status,
        ),
        ("run_follows_the_feeds_until_sigterm", run),
        ("check_reports_feeds_that_the_configuration_lacks", check),
        ("limits_hold_for_the_own_target", limits),
    ];
    let trials = trials.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// A host whose configuration has the feed `names` and no target.
fn host(server: &StandIn) -> Host {
    Host {
        targets: "  []\n".to_owned(),
        ..Host::new(server)
    }
}

fn program(host: &Host, words: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .env(IS_PROGRAM, "1")
        .env("DENY_LIST", host.path("deny.list"))
        .arg("--config")
        .arg(host.config_file())
        .args(words);
    command
}

/// Runs a command to its end; returns the exit code, standard output and standard error.
fn outcome(host: &Host, words: &[&str]) -> (Option<i32>, String, String) {
    let output = program(host, words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn list(host: &Host) -> String {
    fs::read_to_string(host.path("deny.list")).unwrap_or_default()
}

fn apply_and_status() {
    let server = StandIn::start();
    let host = host(&server);
    server.answer("domain", Answer::feed(&["a.example", "b.example"]));
    let (code, stdout, _) = outcome(&host, &["apply"]);
    assert_eq!(code, Some(0), "{stdout}");
    assert!(
        stdout.starts_with("proxy: changed, values added: 2, removed: 0\n"),
        "{stdout}"
    );
    assert_eq!(list(&host), "deny a.example\ndeny b.example\n");
    assert_eq!(outcome(&host, &["apply"]).1, "proxy: unchanged\n");
    let (code, stdout, _) = outcome(&host, &["status"]);
    assert_eq!(code, Some(0), "{stdout}");
    assert!(
        stdout.starts_with("proxy: ok, ") && stdout.contains("2 entries"),
        "{stdout}"
    );
    fs::remove_file(host.path("deny.list")).unwrap();
    assert_eq!(outcome(&host, &["restore"]).0, Some(0));
    assert_eq!(list(&host), "deny a.example\ndeny b.example\n");
}

fn run() {
    let server = StandIn::start();
    let host = host(&server);
    server.answer("domain", Answer::feed(&["a.example"]));
    let mut agent = program(&host, &["run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the list is written", || list(&host) == "deny a.example\n");
    server.answer("domain", Answer::feed(&["a.example", "b.example"]));
    until("the change is enforced", || {
        list(&host) == "deny a.example\ndeny b.example\n"
    });
    kill_process(Pid::from_child(&agent), Signal::TERM).unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

fn check() {
    let server = StandIn::start();
    let mut host = host(&server);
    assert_eq!(outcome(&host, &["check"]).1, "no problem; feeds: 1, targets: 1\n");
    host.feeds = host.feeds.replace("name: names", "name: domains");
    let (code, _, stderr) = outcome(&host, &["check"]);
    assert_eq!(code, Some(64));
    assert_eq!(
        stderr,
        "the target `proxy` of this program: the configuration has no feed `names`: add it, or name one of domains\n"
    );
    let mut taken = self::host(&server);
    let path = taken.path("list").display().to_string();
    taken.targets = format!("  - {{name: proxy, feeds: [names], file: {{path: {path}, format: txt}}}}\n");
    let (code, _, stderr) = outcome(&taken, &["check"]);
    assert!(code == Some(64) && stderr.contains("the name is taken"), "{stderr}");
}

fn limits() {
    let server = StandIn::start();
    let host = host(&server);
    let many: Vec<String> = (0..100).map(|number| format!("n{number}.example")).collect();
    server.answer("domain", Answer::Feed(many));
    assert_eq!(outcome(&host, &["apply"]).0, Some(0));
    server.answer("domain", Answer::feed(&[]));
    let (code, stdout, _) = outcome(&host, &["apply"]);
    assert!(code == Some(1) && stdout.starts_with("proxy: held back: "), "{stdout}");
    assert_eq!(list(&host).lines().count(), 100);
}
