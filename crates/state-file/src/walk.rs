//! The way to a folder, one name at a time, on which another user cannot lead this process astray.
//!
//! A symbolic link counts only if root or this user made it, in a folder of root or of this user: `/var/lib/x` may be a
//! link that the administrator made. A link that a service made in its own folder does not count for root. `openat2`
//! knows no such rule: it refuses all links, or none.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, mkdirat, openat, readlinkat};
use rustix::io::Errno;

use crate::owner::{give_to_owner_of, is_ours_or_root, this_user};

/// The most links on one way, as in the kernel.
pub(crate) const MAX_LINKS: u32 = 40;

/// A handle that stands for a place and neither reads nor writes it.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What happens to folders that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// They are an error.
    Fail,
    /// They are made, with this mode.
    Make(Mode),
}

/// Returns a handle of the folder at `path`.
pub(crate) fn walk(path: &Path, missing: Missing) -> io::Result<File> {
    let start = if path.is_absolute() { "/" } else { "." };
    let mut at = File::from(openat(CWD, start, PLACE | OFlags::DIRECTORY, Mode::empty())?);
    let mut ahead = steps(path);
    let mut shown = PathBuf::new();
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        let here = shown.join(&step);
        let next = match place(&at, &step) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match missing {
                Missing::Make(mode) => make(&at, &step, mode)?,
                Missing::Fail => return Err(error),
            },
            next => next?,
        };
        let found = next.metadata()?;
        if found.is_dir() {
            (at, shown) = (next, here);
        } else if found.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            judge_link(&at.metadata()?, &found, &here)?;
            let aim = PathBuf::from(OsString::from_vec(readlinkat(&next, c"", Vec::new())?.into_bytes()));
            ahead.extend(steps(&aim));
        } else {
            return Err(Errno::NOTDIR.into());
        }
    }
    Ok(at)
}

/// Returns the names of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let names = path.components().rev();
    names.map(|name| name.as_os_str().to_owned()).collect()
}

/// Returns a handle of a folder, or of whatever else has this name.
fn place(at: &File, name: &OsStr) -> io::Result<File> {
    // First as a folder, which mounts a file system that is mounted on demand.
    let opened = match openat(at, name, PLACE | OFlags::DIRECTORY, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => openat(at, name, PLACE, Mode::empty()),
        opened => opened,
    };
    Ok(opened?.into())
}

/// Refuses a link that another user made, or could have put there.
pub(crate) fn judge_link(folder: &Metadata, link: &Metadata, shown: &Path) -> io::Result<()> {
    for found in [link, folder] {
        if !is_ours_or_root(found.uid()) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{} is a symbolic link of another user (uid {}): name the folder itself, or remove the link",
                    shown.display(),
                    found.uid()
                ),
            ));
        }
    }
    Ok(())
}

/// Makes a folder. If root makes it, it belongs to the owner of the folder around it.
fn make(at: &File, name: &OsStr, mode: Mode) -> io::Result<File> {
    let is_made = match mkdirat(at, name, mode) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let made = place(at, name)?;
    if is_made && made.metadata()?.is_dir() {
        let readable = openat(
            &made,
            ".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let readable = File::from(readable?);
        // The owner of `at` may have put another folder there meanwhile.
        if is_new(&readable)? {
            give_to_owner_of(&readable, &at.metadata()?)?;
        }
    }
    Ok(made)
}

/// Returns whether a folder is as `make` makes it: empty, and nobody but this user can put something into it.
fn is_new(folder: &File) -> io::Result<bool> {
    let found = folder.metadata()?;
    if found.uid() != this_user() || found.mode() & 0o022 != 0 {
        return Ok(false);
    }
    for entry in Dir::read_from(folder)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}
