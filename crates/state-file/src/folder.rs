//! A folder by its handle: it stays the same folder, also if its name leads elsewhere meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};

use crate::owner::{give_to_owner_of, is_ours_or_root};
use crate::walk::{Missing, walk};

/// Write permission of the group or of all others.
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[derive(Debug)]
pub(crate) struct Folder {
    handle: File,
    found: Metadata,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder that contains `path`, and returns it with the name of the file in it.
    pub(crate) fn of(path: &Path) -> io::Result<(Self, OsString)> {
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        };
        let above = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok((Self::open(above.unwrap_or(Path::new(".")))?, name.to_owned()))
    }

    /// Opens the folder at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let handle = walk(path, Missing::Fail)?;
        let (found, path) = (handle.metadata()?, path.to_owned());
        Ok(Self { handle, found, path })
    }

    /// Returns the path of a file in this folder, for messages and other programs.
    pub(crate) fn shown(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file that did not exist, with the mode 0600, for reading and writing.
    pub(crate) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Returns what the system knows about a regular file of this name; nothing about anything else.
    pub(crate) fn regular(&self, name: &OsStr) -> io::Result<Option<Metadata>> {
        match self.look(name) {
            Ok(found) => Ok(Some(found).filter(Metadata::is_file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file that exists, if another user cannot have put a file of a third user there under this name.
    pub(crate) fn existing(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
        // Before it is opened: opening a device may do something, for example start a watchdog.
        self.judge(&self.look(name)?)?;
        // If it was replaced by a pipe since then, the open must not wait for the other end.
        let safely = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat(&self.handle, name, access | safely, Mode::empty())?);
        self.judge(&file.metadata()?)?;
        Ok(file)
    }

    /// Opens a file for reading and writing, and creates it if it is missing.
    pub(crate) fn existing_or_new(&self, name: &OsStr) -> io::Result<File> {
        loop {
            match self.existing(name, OFlags::RDWR) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
            match self.create(name) {
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => {
                    let created = created?;
                    self.give(&created)?;
                    return Ok(created);
                }
            }
        }
    }

    /// Gives a file that was just created here to the owner of this folder, if root created it.
    pub(crate) fn give(&self, created: &File) -> io::Result<()> {
        give_to_owner_of(created, &self.found)
    }

    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Returns the names of all files in this folder that begin with `prefix`.
    pub(crate) fn names(&self, prefix: &[u8]) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut names = Vec::new();
        for entry in Dir::read_from(self.readable()?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name.starts_with(prefix) {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Returns a handle that can be read and synced.
    pub(crate) fn readable(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(openat(&self.handle, ".", flags, Mode::empty())?.into())
    }

    fn look(&self, name: &OsStr) -> io::Result<Metadata> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        File::from(openat(&self.handle, name, flags, Mode::empty())?).metadata()
    }

    fn judge(&self, found: &Metadata) -> io::Result<()> {
        if found.is_symlink() {
            return Err(refused("it is a symbolic link: remove it, or name the file itself"));
        }
        if !found.is_file() {
            return Err(refused("it is not a regular file: remove it, or name another file"));
        }
        let is_foreign = !is_ours_or_root(self.found.uid());
        if found.nlink() > 1 && (is_foreign || self.found.mode() & WRITABLE_BY_OTHERS != 0) {
            return Err(refused(
                "it has a second name (a hard link), and another user can write its folder: remove it",
            ));
        }
        if is_foreign && found.uid() != self.found.uid() && !is_ours_or_root(found.uid()) {
            let (file, folder) = (found.uid(), self.found.uid());
            return Err(refused(format!(
                "it belongs to another user (uid {file}) than its folder (uid {folder}): remove it, or give it to that user"
            )));
        }
        Ok(())
    }
}

fn refused(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, what.into())
}
