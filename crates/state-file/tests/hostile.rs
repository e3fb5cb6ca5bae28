//! Attacks of a service user on root, who works in that user's folder: files of root stay as they are.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

use state_file::{LockFile, Staged, check_log, open_log};

const SERVICE: (u32, u32) = (12, 34);

/// A host with a folder of root's, and a folder of a service user beside it.
struct Host(tempfile::TempDir);

impl Host {
    /// Returns nothing without the right to give files away: then no attack is possible.
    fn new() -> Option<Self> {
        let host = Self(tempfile::tempdir().unwrap());
        for folder in ["etc", "state"] {
            fs::create_dir(host.path(folder)).unwrap();
        }
        fs::write(host.path("etc/shadow"), "root:secret").unwrap();
        fs::set_permissions(host.path("etc/shadow"), Permissions::from_mode(0o640)).unwrap();
        if chown(host.path("state"), Some(SERVICE.0), Some(SERVICE.1)).is_err() {
            eprintln!("skipped: only root can be attacked this way");
            return None;
        }
        Some(host)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn owner(&self, path: &str) -> (u32, u32) {
        let found = fs::symlink_metadata(self.path(path)).unwrap();
        (found.uid(), found.gid())
    }

    /// Makes a link as the service user does.
    fn link(&self, to: &str, from: &str) {
        symlink(self.path(to), self.path(from)).unwrap();
        std::os::unix::fs::lchown(self.path(from), Some(SERVICE.0), Some(SERVICE.1)).unwrap();
    }

    fn assert_unharmed(&self) {
        let shadow = fs::symlink_metadata(self.path("etc/shadow")).unwrap();
        assert_eq!((shadow.uid(), shadow.gid(), shadow.mode() & 0o7777), (0, 0, 0o640));
        assert_eq!(fs::read(self.path("etc/shadow")).unwrap(), b"root:secret");
        assert_eq!(self.owner("etc"), (0, 0));
        let names = fs::read_dir(self.path("etc")).unwrap().count();
        assert_eq!(names, 1, "nothing is created in root's folder");
    }
}

/// Returns an error and the errors below it as one text.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[test]
fn a_link_in_place_of_a_lock_gives_nothing_away() {
    let Some(host) = Host::new() else { return };
    for name in ["change.lock", "agent.lock"] {
        let path = host.path("state").join(name);
        for to in ["etc/shadow", "etc/new"] {
            host.link(to, &format!("state/{name}"));
            let refused = chain(&LockFile::try_take(&path).unwrap_err());
            assert!(refused.contains("symbolic link"), "{refused}");
            host.assert_unharmed();
            fs::remove_file(&path).unwrap();
        }
        LockFile::try_take(&path).unwrap();
        assert_eq!(host.owner(&format!("state/{name}")), SERVICE);
    }
}

#[test]
fn a_second_name_of_a_file_of_root_is_no_lock() {
    let Some(host) = Host::new() else { return };
    fs::hard_link(host.path("etc/shadow"), host.path("state/agent.lock")).unwrap();
    let refused = chain(&LockFile::try_take(&host.path("state/agent.lock")).unwrap_err());
    assert!(refused.contains("hard link"), "{refused}");
    host.assert_unharmed();
}

#[test]
fn a_file_that_was_there_before_keeps_its_owner() {
    let Some(host) = Host::new() else { return };
    fs::write(host.path("state/agent.lock"), "").unwrap();
    drop(LockFile::try_take(&host.path("state/agent.lock")).unwrap());
    assert_eq!(
        host.owner("state/agent.lock"),
        (0, 0),
        "only what root creates now is given away"
    );
    chown(host.path("state/agent.lock"), Some(56), Some(78)).unwrap();
    let refused = chain(&LockFile::try_take(&host.path("state/agent.lock")).unwrap_err());
    assert!(refused.contains("uid 56"), "{refused}");
}

#[test]
fn a_pipe_a_socket_a_device_or_a_folder_in_place_of_a_file_is_refused_at_once() {
    let Some(host) = Host::new() else { return };
    let pipe = host.path("state/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(host.path("state/socket")).unwrap();
    fs::create_dir(host.path("state/folder")).unwrap();
    let null = PathBuf::from("/dev/null");
    for path in [pipe, host.path("state/socket"), host.path("state/folder"), null] {
        let refused = chain(&LockFile::try_take(&path).unwrap_err());
        assert!(refused.contains("not a regular file"), "{}: {refused}", path.display());
    }
}

#[test]
fn a_link_in_place_of_a_replaced_file_goes_and_its_aim_stays() {
    let Some(host) = Host::new() else { return };
    host.link("etc/shadow", "state/progress");
    state_file::replace(&host.path("state/progress"), b"new", None).unwrap();
    host.assert_unharmed();
    let made = fs::symlink_metadata(host.path("state/progress")).unwrap();
    assert_eq!(
        (made.is_file(), made.mode() & 0o7777),
        (true, 0o644),
        "not the mode of the aim"
    );
    assert_eq!(host.owner("state/progress"), SERVICE, "not the owner of the aim");
}

#[test]
fn special_bits_of_a_file_are_never_copied() {
    let Some(host) = Host::new() else { return };
    let path = host.path("state/list");
    for (before, after) in [(0o4755, 0o755), (0o2755, 0o755), (0o1644, 0o644), (0o7777, 0o777)] {
        fs::write(&path, "#!/bin/sh").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        state_file::replace(&path, b"list", None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, after, "{before:o}");
        assert_eq!(host.owner("state/list"), (0, 0), "the owner stays");
    }
    state_file::replace(&path, b"list", Some(0o4755)).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().mode() & 0o7777,
        0o755,
        "not even when asked for"
    );
}

#[test]
fn a_folder_that_is_swapped_after_the_file_was_created_gets_nothing() {
    let Some(host) = Host::new() else { return };
    fs::create_dir(host.path("state/feeds")).unwrap();
    chown(host.path("state/feeds"), Some(SERVICE.0), Some(SERVICE.1)).unwrap();
    let staged = Staged::write(&host.path("state/feeds/shadow"), b"list", None).unwrap();
    let temporary = staged.candidate().file_name().unwrap().to_owned();
    fs::rename(host.path("state/feeds"), host.path("state/away")).unwrap();
    host.link("etc", "state/feeds");
    // The bait: a file of the temporary name where the link leads.
    fs::write(host.path("etc").join(&temporary), "bait").unwrap();
    staged.commit().unwrap();
    assert_eq!(fs::read(host.path("state/away/shadow")).unwrap(), b"list");
    assert_eq!(fs::read(host.path("etc").join(&temporary)).unwrap(), b"bait");
    fs::remove_file(host.path("etc").join(temporary)).unwrap();
    host.assert_unharmed();
}

#[test]
fn a_link_in_place_of_a_folder_is_not_followed() {
    let Some(host) = Host::new() else { return };
    host.link("etc", "state/feeds");
    let path = host.path("state/feeds/shadow");
    let refused = state_file::replace(&path, b"list", None).unwrap_err().to_string();
    assert!(refused.contains("symbolic link of another user (uid 12)"), "{refused}");
    assert!(Staged::create(&path, None).is_err());
    assert!(LockFile::try_take(&path).is_err());
    assert!(state_file::sync_folder(&path).is_err());
    assert!(state_file::remove_leftovers(&host.path("state/feeds")).is_err());
    host.assert_unharmed();
}

#[test]
fn files_that_are_opened_made_and_removed_are_never_behind_a_link() {
    let Some(host) = Host::new() else { return };
    host.link("etc/shadow", "state/journal");
    let path = host.path("state/journal");
    assert!(state_file::open(&path).is_err());
    assert!(state_file::open_or_create(&path).is_err());
    state_file::rename(&path, "journal.broken".as_ref()).unwrap();
    state_file::remove(&host.path("state/journal.broken")).unwrap();
    host.assert_unharmed();
    drop(state_file::open_or_create(&path).unwrap());
    assert_eq!(host.owner("state/journal"), SERVICE);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    host.link("etc", "state/linked");
    assert!(state_file::make_folder(&host.path("state/linked")).is_err());
    assert!(state_file::make_folder(&host.path("state/linked/new")).is_err());
    assert!(state_file::remove(&host.path("state/linked/shadow")).is_err());
    host.assert_unharmed();
}

#[test]
fn folders_that_root_makes_belong_to_the_owner_of_the_folder_around_them() {
    let Some(host) = Host::new() else { return };
    fs::create_dir(host.path("state/old")).unwrap();
    state_file::make_folder(&host.path("state/old/a")).unwrap();
    state_file::make_folder(&host.path("state/b/c")).unwrap();
    for (path, owner) in [
        ("state/old", (0, 0)),
        ("state/old/a", (0, 0)),
        ("state/b", SERVICE),
        ("state/b/c", SERVICE),
    ] {
        assert_eq!(host.owner(path), owner, "{path}");
    }
    assert_eq!(fs::metadata(host.path("state/b/c")).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn a_link_of_the_administrator_counts_outside_of_the_folders_of_others() {
    let Some(host) = Host::new() else { return };
    symlink("state", host.path("lib")).unwrap();
    state_file::replace(&host.path("lib/../lib/list"), b"x", None).unwrap();
    assert_eq!(host.owner("state/list"), SERVICE);
    // Another user may have moved a link of root there.
    symlink(host.path("etc"), host.path("state/moved")).unwrap();
    assert!(state_file::replace(&host.path("state/moved/list"), b"x", None).is_err());
    symlink("loop", host.path("loop")).unwrap();
    assert!(state_file::make_folder(&host.path("loop/x")).is_err(), "a loop ends");
    host.assert_unharmed();
}

#[test]
fn a_log_in_a_folder_of_the_service_leads_root_nowhere() {
    let Some(host) = Host::new() else { return };
    let log = host.path("state/access.log");
    for to in ["etc/shadow", "etc/new"] {
        host.link(to, "state/access.log");
        for refused in [open_log(&log).map(drop), check_log(&log)] {
            let refused = chain(&refused.unwrap_err());
            assert!(refused.contains("symbolic link of another user"), "{refused}");
        }
        host.assert_unharmed();
        fs::remove_file(&log).unwrap();
    }
    fs::hard_link(host.path("etc/shadow"), &log).unwrap();
    assert!(chain(&open_log(&log).unwrap_err()).contains("hard link"));
    assert!(check_log(&log).is_err());
    host.assert_unharmed();
    fs::remove_file(&log).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&log).status().unwrap();
    assert!(made.success());
    assert!(chain(&open_log(&log).unwrap_err()).contains("not a regular file"));
    fs::remove_file(&log).unwrap();
    // A link of root's may lead into the folder, and what root creates there belongs to the service.
    symlink(&log, host.path("etc/log")).unwrap();
    open_log(&host.path("etc/log")).unwrap();
    open_log(&host.path("state/more/access.log")).unwrap();
    for made in ["state/access.log", "state/more", "state/more/access.log"] {
        assert_eq!(host.owner(made), SERVICE, "{made}");
    }
}
