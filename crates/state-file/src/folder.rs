//! A folder by its handle: it stays the same folder, also if its name leads elsewhere meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, PROC_SUPER_MAGIC, fstatfs, openat, readlinkat, renameat, unlinkat};

use crate::owner::{give_to_owner_of, is_ours_or_root};
use crate::walk::{Missing, judge_link, walk};

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
        Self::of_or_made(path, Missing::Fail)
    }

    /// As [`of`](Self::of), and makes the folder if that is asked for and it is missing.
    pub(crate) fn of_or_made(path: &Path, missing: Missing) -> io::Result<(Self, OsString)> {
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        };
        let above = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok((Self::at(above.unwrap_or(Path::new(".")), missing)?, name.to_owned()))
    }

    /// Opens the folder at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::at(path, Missing::Fail)
    }

    fn at(path: &Path, missing: Missing) -> io::Result<Self> {
        let handle = walk(path, missing)?;
        let (found, path) = (handle.metadata()?, path.to_owned());
        Ok(Self { handle, found, path })
    }

    /// Returns the path of a file in this folder, for messages and other programs.
    pub(crate) fn shown(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file that did not exist, with the mode 0600, for reading and writing.
    pub(crate) fn create(&self, name: &OsStr) -> io::Result<File> {
        self.created(name, OFlags::RDWR, Mode::RUSR | Mode::WUSR)
    }

    fn created(&self, name: &OsStr, access: OFlags, mode: Mode) -> io::Result<File> {
        let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.handle, name, flags, mode)?.into())
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

    /// Returns where a symbolic link of this name leads, if it is one. Links of `/proc` lead to open files, not to
    /// names, so they count as what they lead to.
    pub(crate) fn link(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
        let found = match self.look(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if !found.is_symlink() {
            return Ok(None);
        }
        judge_link(&self.found, &found, &self.shown(name))?;
        if self.is_of_proc()? {
            return Ok(None);
        }
        let aim = readlinkat(&self.handle, name, Vec::new())?;
        Ok(Some(PathBuf::from(OsString::from_vec(aim.into_bytes()))))
    }

    /// Opens a log for appending, and creates it (mode 0640) if it is missing.
    pub(crate) fn append(&self, name: &OsStr) -> io::Result<File> {
        let access = OFlags::WRONLY | OFlags::APPEND;
        loop {
            let found = match self.look(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match self.created(name, access, Mode::RUSR | Mode::WUSR | Mode::RGRP) {
                        // Another process was faster.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                        created => {
                            let created = created?;
                            self.give(&created)?;
                            return Ok(created);
                        }
                    }
                }
                found => found?,
            };
            self.judge_log(&found)?;
            if found.is_file() {
                return self.existing(name, access);
            }
            let follow = if found.is_symlink() {
                OFlags::empty()
            } else {
                OFlags::NOFOLLOW
            };
            let flags = access | follow | OFlags::NOCTTY | OFlags::CLOEXEC;
            return Ok(openat(&self.handle, name, flags, Mode::empty())?.into());
        }
    }

    /// Checks what [`append`](Self::append) would open; a missing file is an error here.
    pub(crate) fn check_log(&self, name: &OsStr) -> io::Result<()> {
        self.judge_log(&self.look(name)?)
    }

    /// Judges a log. A pipe or a device is one too, if nobody else can have put it there.
    fn judge_log(&self, found: &Metadata) -> io::Result<()> {
        let is_open_file = found.is_symlink() && self.is_of_proc()?;
        let is_plain = found.is_file() || (found.is_symlink() && !is_open_file);
        if is_plain || !is_ours_or_root(self.found.uid()) {
            return self.judge(found);
        }
        Ok(())
    }

    fn is_of_proc(&self) -> io::Result<bool> {
        Ok(fstatfs(&self.handle)?.f_type == PROC_SUPER_MAGIC)
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
