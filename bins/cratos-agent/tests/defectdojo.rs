//! `cratos-agent defectdojo`: output and exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../crates/defectdojo/tests/support/mod.rs"]
mod support;

use std::process::{Command, Stdio};

use support::{Cratos, Dojo, Fault, Host, Row, dojo};
use test_peers::{Peer, until};

const CVE: &str = "CVE-2026-0001";

fn typed(host: &Host, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command
        .arg("defectdojo")
        .arg("--config")
        .arg(host.config_file())
        .args(words);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn runs_say_what_they_do_and_do_it_once() {
    let rows = vec![Row::new(1, &[CVE]), Row::new(2, &["CVE-2026-0002"])];
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    let (code, stdout, stderr) = typed(&host, &["--dry-run"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!("dry_run", stdout);
    assert!(dojo.row(1).notes.is_empty());
    assert!(
        !host.path("dojo.prom").exists() && !host.path("state").exists(),
        "a dry run writes nothing on this host either"
    );
    insta::assert_snapshot!("run", typed(&host, &[]).1);
    for _ in 0..2 {
        let (code, stdout, _) = typed(&host, &[]);
        assert_eq!(code, Some(0));
        assert!(
            stdout.starts_with("findings read: 2, CVEs: 2, findings matched: 1\nnotes added: 0,"),
            "{stdout}"
        );
    }
    assert_eq!(
        (dojo.row(1).about(77), dojo.row(1).tags.len(), dojo.row(2).notes.len()),
        (1, 1, 0)
    );
    let metrics = std::fs::read_to_string(host.path("dojo.prom")).unwrap();
    assert!(metrics.contains("\ncratos_agent_defectdojo_matched 1\n"), "{metrics}");
}

#[test]
fn exit_codes_tell_whose_fault_it_is() {
    let (dojo, cratos) = (
        Dojo::start(vec![Row::new(1, &[CVE]), Row::new(2, &[CVE])]),
        Cratos::start(),
    );
    cratos.list(CVE, 77);
    let mut host = Host::new(&dojo, &cratos);
    dojo.log.fail("POST", "/1/notes/", 1, Fault::Status(500, ""));
    let (code, stdout, stderr) = typed(&host, &[]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            Some(1),
            "error: finding 1: failed: the server answers with the status 500\n"
        )
    );
    assert!(
        stdout.ends_with("failures: 1\n  finding 1: the server answers with the status 500\n"),
        "{stdout}"
    );
    assert_eq!(dojo.row(2).about(77), 1);
    cratos.log.fail("POST", "/v1/lookup", 1, Fault::Status(503, ""));
    let (code, _, stderr) = typed(&host, &[]);
    let said = "error: cratosd does not answer the look-up: cratosd has no answer now (503)\n";
    assert_eq!((code, stderr.as_str()), (Some(69), said));
    let up = std::mem::replace(&mut host.dojo, format!("http://127.0.0.1:{}", test_peers::free_port()));
    let (code, _, stderr) = typed(&host, &[]);
    assert_eq!(code, Some(69));
    assert!(
        stderr.starts_with("error: DefectDojo does not give its findings: the connection failed"),
        "{stderr}"
    );
    host.dojo = up;
    std::fs::remove_file(host.path("key")).unwrap();
    let (code, _, stderr) = typed(&host, &[]);
    assert_eq!(code, Some(64));
    assert!(
        stderr.contains("the secret in ") && stderr.contains("No such file"),
        "{stderr}"
    );
    host.more = "nonsense: 1\n".to_owned();
    let (code, _, stderr) = typed(&host, &[]);
    assert_eq!(code, Some(64));
    assert!(
        stderr.contains("defectdojo.yaml:7:1: nonsense: unknown key: "),
        "{stderr}"
    );
}

#[test]
fn a_killed_run_is_finished_by_the_next() {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    cratos.list(CVE, 77);
    let mut host = Host::new(&dojo, &cratos);
    host.more = "timeout: 10m\n".to_owned();
    dojo.log.fail("POST", "/tags/", 1, Fault::Silence);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command.arg("defectdojo").arg("--config").arg(host.config_file());
    let mut killed = Peer::start(command.stdout(Stdio::null()));
    until("the run waits for the tag", || dojo.log.count("POST", "/tags/") == 1);
    killed.kill();
    assert_eq!((dojo.row(1).about(77), dojo.row(1).tags.len()), (1, 0));
    // It left no lock behind.
    let (code, stdout, _) = typed(&host, &[]);
    assert_eq!(code, Some(0));
    assert!(
        stdout.starts_with("finding 1: added the tag cratos:exploited\n"),
        "{stdout}"
    );
    assert_eq!((dojo.row(1).about(77), dojo.row(1).tags.len()), (1, 1));
}

#[test]
fn no_log_level_shows_a_secret() {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratos-agent"));
    command
        .env("RUST_LOG", "trace")
        .arg("defectdojo")
        .arg("--config")
        .arg(host.config_file());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    assert!(
        !all.contains(dojo::KEY) && !all.contains(support::cratos::TOKEN),
        "{all}"
    );
}
