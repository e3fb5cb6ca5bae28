//! A service user who wants root's files: root runs the agent in folders of that user and gives nothing away.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use enforcement::TargetError;
use enforcement::state::{Progress, StateDir};
use enforcement::target::{FileTarget, Rendered, Target as _};
use feed_classification::{IndicatorSet, IndicatorType, Registry};

const SERVICE: (u32, u32) = (12, 34);

/// A folder of root's with a secret, and the folder of a service user beside it.
struct Host(tempfile::TempDir);

impl Host {
    /// Returns nothing without the right to give files away: then no attack is possible.
    fn new() -> Option<Self> {
        let host = Self(tempfile::tempdir().unwrap());
        fs::create_dir(host.path("etc")).unwrap();
        fs::create_dir(host.path("state")).unwrap();
        fs::write(host.path("etc/shadow"), "root:secret").unwrap();
        fs::set_permissions(host.path("etc/shadow"), Permissions::from_mode(0o600)).unwrap();
        if chown(host.path("state"), Some(SERVICE.0), Some(SERVICE.1)).is_err() {
            eprintln!("skipped: only root can be attacked this way");
            return None;
        }
        Some(host)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Makes a link as the service user does.
    fn link(&self, to: &str, from: &str) {
        symlink(self.path(to), self.path(from)).unwrap();
        lchown(self.path(from), Some(SERVICE.0), Some(SERVICE.1)).unwrap();
    }

    fn assert_unharmed(&self) {
        assert_eq!(owner(&self.path("etc")), (0, 0));
        assert_eq!(owner(&self.path("etc/shadow")), (0, 0));
        let mode = fs::metadata(self.path("etc/shadow")).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(fs::read(self.path("etc/shadow")).unwrap(), b"root:secret");
        assert_eq!(
            fs::read_dir(self.path("etc")).unwrap().count(),
            1,
            "nothing new in root's folder"
        );
    }
}

fn owner(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

fn target(path: &Path) -> (FileTarget, Rendered) {
    let exporter = Registry::builtin().by_name("txt").cloned().unwrap();
    let target = FileTarget::new("names", path, IndicatorType::Domain, exporter);
    let set = IndicatorSet::of(IndicatorType::Domain, ["a.example"]);
    let rendered = target.render(&[set].into_iter().collect()).unwrap();
    (target, rendered)
}

#[test]
fn links_in_the_state_give_no_file_of_root_away() {
    let Some(host) = Host::new() else { return };
    let state = StateDir::at(&host.path("state"));
    for folder in ["feeds", "targets"] {
        host.link("etc", &format!("state/{folder}"));
        assert!(state.make().is_err(), "{folder}");
        host.assert_unharmed();
        fs::remove_file(host.path("state").join(folder)).unwrap();
    }
    state.make().unwrap();
    for lock in ["agent.lock", "change.lock"] {
        host.link("etc/shadow", &format!("state/{lock}"));
    }
    assert!(state.lock_agent().is_err());
    assert!(state.lock_change().is_err());
    host.link("etc/shadow", "state/targets/names.progress");
    assert!(state.progress("names").is_none());
    state.keep_progress("names", &Progress::default()).unwrap();
    assert!(state.progress("names").is_some(), "the link is replaced by a file");
    host.assert_unharmed();
}

#[test]
fn what_root_makes_in_the_state_belongs_to_the_service_and_what_was_there_stays() {
    let Some(host) = Host::new() else { return };
    fs::create_dir(host.path("state/targets")).unwrap();
    let state = StateDir::open(&host.path("state")).unwrap();
    drop(state.lock_agent().unwrap());
    state.keep_progress("names", &Progress::default()).unwrap();
    assert_eq!(owner(&host.path("state/feeds")), SERVICE);
    assert_eq!(owner(&host.path("state/agent.lock")), SERVICE);
    assert_eq!(owner(&host.path("state/targets")), (0, 0), "root made it before");
    let mode = fs::metadata(host.path("state/feeds")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn a_setuid_file_becomes_a_plain_list() {
    let Some(host) = Host::new() else { return };
    for (before, after) in [(0o4755, 0o755), (0o2755, 0o755), (0o1644, 0o644)] {
        let path = host.path("state/list");
        fs::write(&path, "#!/bin/sh").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        let (target, rendered) = target(&path);
        target.apply(&rendered).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, after, "{before:o}");
        assert!(fs::read_to_string(&path).unwrap().lines().eq(["a.example"]));
    }
}

#[test]
fn a_failed_reload_puts_no_content_of_another_file_back() {
    let Some(host) = Host::new() else { return };
    let path = host.path("state/list");
    let fails = ["false".to_owned()].to_vec();
    host.link("etc/shadow", "state/list");
    let (linked, rendered) = target(&path);
    let refused = linked.reload_with(fails.clone()).apply(&rendered).unwrap_err();
    assert!(matches!(refused, TargetError::File { .. }), "{refused:?}");
    assert!(
        fs::symlink_metadata(&path).unwrap().is_symlink(),
        "nothing was put there"
    );
    fs::remove_file(&path).unwrap();
    fs::hard_link(host.path("etc/shadow"), &path).unwrap();
    let (linked, rendered) = target(&path);
    let refused = linked.reload_with(fails).apply(&rendered).unwrap_err();
    assert!(matches!(refused, TargetError::File { .. }), "{refused:?}");
    host.assert_unharmed();
}

#[test]
fn a_pipe_in_place_of_a_list_is_an_error_and_no_wait() {
    let Some(host) = Host::new() else { return };
    let path = host.path("state/list");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let (target, rendered) = target(&path);
    // Without a reader a pipe that is opened for writing waits, so a wrong way shows as a test that never ends.
    let began = Instant::now();
    assert!(matches!(target.apply(&rendered), Err(TargetError::File { .. })));
    assert!(began.elapsed() < Duration::from_secs(60));
}
