//! A disk, a directory or a MISP that is not as it should be: the daemon logs a clear line and serves the last good
//! state.

use std::fs;
use std::process::Command;

use misp_sim::Fault;

use super::analyst::{ALERT, Analyst, BLOCK};
use super::stage::{Served, Stage};
use crate::support::ENCRYPTION_KEY;

/// Returns a stage with a daemon whose mirror answers.
fn mirrored() -> (Stage, Analyst, Served) {
    let stage = Stage::new();
    let analyst = Analyst::begin(61, &stage.sim, 10);
    let served = stage.serve();
    served.wait_until_mirrored(&analyst);
    served.wait_until_current(&analyst);
    (stage, analyst, served)
}

#[test]
fn a_store_that_another_daemon_has_open_is_told_and_feeds_are_served() {
    let (stage, mut analyst, first) = mirrored();
    let second = stage.serve();
    second.wait_until_current(&analyst);
    second.wait_for("the second daemon tells of it", || {
        second
            .daemon
            .stderr()
            .lines()
            .any(|line| line.contains("WARN") && line.contains("in use"))
    });
    analyst.edit(&stage.sim);
    first.wait_until_current(&analyst);
    second.wait_until_current(&analyst);
    second.kill();
    first.kill();
    stage.sim.set_fault(Fault::Refuse);
    stage.serve().wait_until_current(&analyst);
}

#[test]
fn a_state_directory_of_another_encryption_key_is_told_and_feeds_are_served() {
    let (stage, analyst, served) = mirrored();
    served.kill();
    let core = stage.installation.read("config/config.yaml");
    let other: String = ENCRYPTION_KEY.chars().rev().collect();
    // Tokens of the old key stay good; only the mirror's files open with none.
    stage
        .installation
        .write("config/config.yaml", &core.replace(ENCRYPTION_KEY, &other));
    let mut served = stage.serve();
    let line = served.daemon.wait_for_log("opens with no encryption key");
    assert!(line.contains("encryption_keys") && !line.contains(&other), "{line}");
    served.kill();
    stage.installation.write("config/config.yaml", &core);
    stage.sim.set_fault(Fault::Refuse);
    stage.serve().wait_until_current(&analyst);
}

/// The files may not grow, as on a disk that has become full: a write fails in the middle.
#[test]
fn a_full_disk_is_told_and_the_feeds_follow_from_memory() {
    let (stage, mut analyst, served) = mirrored();
    served.kill();
    let size = fs::metadata(stage.store()).unwrap().len();
    let serve = stage.installation.command(&[]);
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            &format!(
                "trap '' XFSZ; ulimit -f {}; exec \"$0\" serve --listen 127.0.0.1:0",
                size / 512
            ),
        ])
        .arg(serve.get_program())
        .current_dir(stage.installation.path())
        .env("STATE_DIRECTORY", stage.state());
    let served = stage.serve_by(limited);
    served.wait_until_current(&analyst);
    for _ in 0..30 {
        analyst.edit(&stage.sim);
    }
    served.wait_until_current(&analyst);
    served.kill();
    served_again(&stage, &analyst);
}

fn served_again(stage: &Stage, analyst: &Analyst) {
    let served = stage.serve();
    served.wait_until_mirrored(analyst);
    served.wait_until_current(analyst);
}

#[test]
fn a_misp_that_suddenly_lists_nothing_is_not_believed_at_once() {
    let (stage, mut analyst, served) = mirrored();
    let before = analyst.body(BLOCK);
    analyst.delete_all(&stage.sim);
    let mut looks_with_values = 0;
    served.wait_for(
        "the mirror believes MISP in the end, and the feeds are held back",
        || {
            let answer = served.get(BLOCK).unwrap();
            assert!(answer.status == 200 && answer.body == before, "{answer:?}");
            looks_with_values += 1;
            let held = served.get("/v1/site/held").unwrap().body;
            held.contains("block/domain/1w") && held.contains("alert/domain/1w")
        },
    );
    assert!(looks_with_values > 20, "it took several looks: {looks_with_values}");
    for feed in [BLOCK, ALERT] {
        let ran = stage.accept(&served, feed);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        assert_eq!(served.get(feed).unwrap().body, "");
    }
    assert!(
        served
            .daemon
            .stderr()
            .lines()
            .any(|line| line.contains("WARN") && line.contains("lists")),
        "{}",
        served.log()
    );
}

#[test]
fn times_that_lie_another_uuid_and_a_false_count_leave_the_feeds_right() {
    let (stage, mut analyst, served) = mirrored();
    let events: Vec<u64> = stage
        .sim
        .with_store(|store| store.events().map(|event| event.id()).collect());
    let now = stage.sim.with_store(misp_sim::Store::now);
    stage.sim.edit(|store| {
        // In the future, going back, before the epoch.
        store.set_event_times(events[0], now + 400 * 86_400, now).unwrap();
        store.set_event_times(events[1], 1_000, 2_000).unwrap();
        store.set_event_times(events[2], -5, 1).unwrap();
        store
            .set_event_uuid(events[3], "5c0ba7a0-0009-4000-8000-000000000009".parse().unwrap())
            .unwrap();
        store.set_attribute_count(events[4], 0).unwrap();
        store.set_attribute_count(events[5], 1 << 40).unwrap();
    });
    for _ in 0..5 {
        analyst.edit(&stage.sim);
    }
    served.wait_until_current(&analyst);
    assert_eq!(served.site()["way"], "mirror");
}

#[test]
fn a_key_that_is_refused_changes_nothing_in_what_is_held_and_says_since_when() {
    let (stage, analyst, served) = mirrored();
    stage.sim.set_fault(Fault::Status(403));
    served.wait_for("the state says so", || served.site()["failing_since"].is_string());
    assert_eq!(served.assert_right(&analyst), 2);
    served.wait_until_current(&analyst);
    assert!(served.get("/readyz").is_some());
    stage.sim.clear_fault();
    served.wait_for("the state is good again", || served.site()["failing_since"].is_null());
}
