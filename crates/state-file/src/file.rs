//! Files and folders that are opened, made and removed where another user may have write permission.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::folder::Folder;
use crate::walk::{Missing, walk};

/// Returns the file at `path`, open for reading.
///
/// # Errors
/// If it cannot be opened, or is not a regular file, or another user may have put it there to have another one read:
/// a symbolic link, a hard link in a folder of another user.
pub fn open(path: &Path) -> io::Result<File> {
    let (folder, name) = Folder::of(path)?;
    folder.existing(&name, OFlags::RDONLY)
}

/// Returns the file at `path`, open for reading and writing at its beginning. If it is missing it is created (mode
/// 0600); a file that root creates belongs to the owner of the folder.
///
/// # Errors
/// As [`open`], and if it cannot be created.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let (folder, name) = Folder::of(path)?;
    folder.existing_or_new(&name)
}

/// Makes the folder `path`, and the folders above it, where they are missing (mode 0700). A folder that root makes
/// belongs to the owner of the folder around it; one that exists stays as it is.
///
/// # Errors
/// If a folder cannot be made, or the way leads over a symbolic link of another user.
pub fn make_folder(path: &Path) -> io::Result<()> {
    walk(path, Missing::Make(Mode::RWXU)).map(drop)
}

/// Removes the file at `path`. A symbolic link goes itself.
///
/// # Errors
/// If there is none, or it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    let (folder, name) = Folder::of(path)?;
    folder.remove(&name)
}

/// Gives the file at `path` another name in the same folder, and replaces the file of that name.
///
/// # Errors
/// If that cannot be done.
pub fn rename(path: &Path, new: &OsStr) -> io::Result<()> {
    let (folder, name) = Folder::of(path)?;
    folder.rename(&name, new)
}

/// Makes a rename or a removal in the folder of `path` outlive a power cut.
///
/// # Errors
/// If the folder cannot be opened or written.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    Folder::of(path)?.0.readable()?.sync_all()
}
