//! Sightings and a daemon that is killed, whose disk is full, or whose directory cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use misp_sim::{Attribute, Event, Fault, RunningSim, Sim, User};
use rustix::process::Signal;
use token_crypto::{Permission, Scope};

use crate::support::{Answer, Daemon, Installation, block_on, client};
use crate::tokens;

const REPORTER: &str = Sim::REPORTER_KEY;
const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmispTimeoutSeconds: 2\n";

fn sim() -> RunningSim {
    let values = (0..40).fold(Event::new("a campaign"), |event, number| {
        event.attribute(Attribute::new("domain", format!("{number}.evil.example")))
    });
    Sim::builder()
        .user(User::reporter("sensor@cert.example.org", 1, REPORTER))
        .event(values)
        .start_now()
        .unwrap()
}

fn installation() -> Installation {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let core = installation.read("config/config.yaml");
    let more = "accept_legacy_tokens: False\nsightings:\n  directory: ../kept\n";
    installation.write("config/config.yaml", &format!("{core}{more}"));
    installation
}

fn token(sim: &RunningSim) -> String {
    let scope = Scope::new().with_permissions([Permission::Sightings]);
    tokens::sealed_with(sim, REPORTER, scope, "fw1")
}

fn post(base: &str, token: &str, body: String) -> Answer {
    block_on(async {
        let request = client()
            .post(format!("{base}/v1/sightings"))
            .header("token", token)
            .body(body);
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    })
}

fn entries(numbers: std::ops::Range<u32>) -> String {
    let entries: Vec<String> = numbers
        .map(|number| format!(r#"{{"value":"{number}.evil.example"}}"#))
        .collect();
    format!(r#"{{"sightings":[{}]}}"#, entries.join(","))
}

fn serve(installation: &Installation) -> (Daemon, String) {
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    daemon.wait_for_log("sightings are taken");
    (daemon, base)
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn noted(sim: &RunningSim) -> usize {
    sim.with_store(|store| store.sightings().count())
}

#[test]
fn what_was_answered_202_arrives_after_kill_9_and_once() {
    let (installation, sim) = (installation(), sim());
    let token = token(&sim);
    sim.set_fault(Fault::Refuse);
    for round in 0..4_u32 {
        let (mut daemon, base) = serve(&installation);
        let answer = post(&base, &token, entries(round * 10..round * 10 + 10));
        assert_eq!(answer.status, 202, "{}", answer.body);
        // A reporter without an answer reports again.
        let again = post(&base, &token, entries(0..10));
        assert_eq!(again.body, r#"{"accepted":0,"duplicates":10,"errors":[]}"#);
        daemon.signal(Signal::KILL);
        daemon.wait();
    }
    sim.clear_fault();
    let (mut daemon, _) = serve(&installation);
    wait_for("all forty", || noted(&sim) >= 40);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
    assert_eq!(noted(&sim), 40);
    let left = fs::metadata(installation.path().join("kept/journal")).unwrap();
    assert_eq!((left.len(), left.permissions().mode() & 0o777), (8, 0o600));
}

#[test]
fn a_stop_sends_what_was_just_reported() {
    let (installation, sim) = (installation(), sim());
    let (mut daemon, base) = serve(&installation);
    assert_eq!(post(&base, &token(&sim), entries(0..5)).status, 202);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
    assert_eq!(noted(&sim), 5);
}

#[test]
fn neither_keys_nor_tokens_nor_values_stand_on_the_disk_or_in_the_log() {
    let (installation, sim) = (installation(), sim());
    sim.set_fault(Fault::Refuse);
    let token = token(&sim);
    let (mut daemon, base) = serve(&installation);
    assert_eq!(post(&base, &token, entries(0..5)).status, 202);
    daemon.wait_for_log("sightings wait");
    let mut told = daemon.stderr().into_bytes();
    for file in fs::read_dir(installation.path().join("kept")).unwrap() {
        told.extend(fs::read(file.unwrap().path()).unwrap());
    }
    for secret in [REPORTER, token.as_str(), "evil.example"] {
        let is_there = told.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!is_there, "{secret}");
    }
}

/// The file may not grow beyond a few blocks, as on a full disk: writes fail in the middle.
#[test]
fn a_full_disk_is_503_and_what_was_taken_before_is_not_lost() {
    let (installation, sim) = (installation(), sim());
    let token = token(&sim);
    sim.set_fault(Fault::Refuse);
    let serve = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$0\" serve --listen 127.0.0.1:0",
        ])
        .arg(serve.get_program())
        .current_dir(installation.path());
    let mut daemon = Daemon::start(limited);
    let base = format!("http://{}", daemon.address());
    daemon.wait_for_log("sightings are taken");
    assert_eq!(post(&base, &token, entries(0..10)).status, 202);
    let (mut taken, mut refused) = (0, None);
    for round in 0..200_u32 {
        let answer = post(&base, &token, entries(1_000 + round * 10..1_010 + round * 10));
        match answer.status {
            202 => taken += 1,
            _ => {
                refused = Some(answer);
                break;
            }
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(
        taken > 0 && refused.body.contains("cannot be written down"),
        "{taken} {}",
        refused.body
    );
    daemon.signal(Signal::KILL);
    daemon.wait();
    sim.clear_fault();
    let mut daemon = installation.serve();
    let line = daemon.wait_for_log("sightings are taken");
    assert!(line.contains(&format!("waiting={}", 10 + taken * 10)), "{line}");
    assert!(!daemon.stderr().contains("could be read"), "{}", daemon.stderr());
    wait_for("those that MISP knows", || noted(&sim) == 10);
}

#[test]
fn a_directory_that_cannot_be_used_is_told_by_check_and_the_daemon_serves_without_it() {
    let installation = installation();
    installation.write("kept", "a file");
    let ran = installation.run(&["check"]);
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr
            .starts_with("config/config.yaml:6:14: sightings.directory: cannot be used by this user: "),
        "{}",
        ran.stderr
    );
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    daemon.wait_for_log("no sightings are taken");
    let answer = crate::support::get(&format!("{base}/readyz"), None);
    assert!(
        answer.status == 200 && answer.body.contains("no sightings are taken"),
        "{}",
        answer.body
    );
}

#[test]
fn the_state_directory_of_systemd_will_do() {
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", SITE), sim());
    let state = installation.path().join("state");
    fs::create_dir(&state).unwrap();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("STATE_DIRECTORY", &state);
    let mut daemon = Daemon::start(command);
    let base = format!("http://{}", daemon.address());
    daemon.wait_for_log("sightings are taken");
    assert_eq!(post(&base, &token(&sim), entries(0..5)).status, 202);
    wait_for("they arrive", || noted(&sim) == 5);
    assert!(state.join("sightings/journal").is_file());
}
