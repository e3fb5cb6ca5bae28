//! A log that is appended to, also in a folder where another user may write.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::Mode;
use rustix::io::Errno;

use crate::folder::Folder;
use crate::walk::{MAX_LINKS, Missing};

/// The mode of new folders: the group, for example that of an operator's log reader, may look into them.
const FOLDER_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);

/// Returns the log at `path`, open for appending. If it is missing it is created (mode 0640), and so are the folders
/// above it (mode 0750); what root creates belongs to the owner of the folder around it.
///
/// Links are followed if root or this user made them, in a folder of root or of this user, and there pipes and
/// terminals are logs too: `/dev/stdout` is such a link.
///
/// # Errors
/// If it cannot be opened or created, or another user may have put it there to have another file written: a symbolic
/// link, a hard link or a pipe in a folder of another user.
pub fn open_log(path: &Path) -> io::Result<File> {
    let (folder, name) = settled(path, Missing::Make(FOLDER_MODE))?;
    folder.append(&name)
}

/// Checks that [`open_log`] would not refuse what is at `path` now. It opens and creates nothing. A missing file is
/// fine.
///
/// # Errors
/// The reason why `open_log` would refuse it.
pub fn check_log(path: &Path) -> io::Result<()> {
    match settled(path, Missing::Fail).and_then(|(folder, name)| folder.check_log(&name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Returns the folder and the name of a log behind all links.
fn settled(path: &Path, missing: Missing) -> io::Result<(Folder, OsString)> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let (folder, name) = Folder::of_or_made(&path, missing)?;
        let Some(aim) = folder.link(&name)? else {
            return Ok((folder, name));
        };
        path = folder.shown(aim.as_os_str());
    }
    Err(Errno::LOOP.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_log_is_created_with_its_folders_and_continued() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/access.log");
        for line in ["one\n", "two\n"] {
            open_log(&path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path) & !0o640, 0);
        assert_eq!(mode(&dir.path().join("a")) & !0o750, 0);
    }

    #[test]
    fn own_links_lead_to_logs_pipes_and_devices() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        symlink("second", path("first")).unwrap();
        symlink(path("access.log"), path("second")).unwrap();
        open_log(&path("first")).unwrap().write_all(b"line\n").unwrap();
        assert_eq!(fs::read_to_string(path("access.log")).unwrap(), "line\n");
        symlink("/proc/self/fd/2", path("stderr")).unwrap();
        symlink("/dev/null", path("null")).unwrap();
        for name in ["stderr", "null", "first", "missing/access.log"] {
            check_log(&path(name)).unwrap();
        }
        open_log(&path("null")).unwrap().write_all(b"line\n").unwrap();
        open_log(&path("stderr")).unwrap();
        symlink("round", path("round")).unwrap();
        assert!(open_log(&path("round")).is_err());
    }
}
