//! The owner of a file that root creates.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::folder::folder_of;

/// Gives a file or folder that root just created to the owner of the folder that contains `path`. For other users it
/// does nothing.
///
/// A root without the right to give files away, for example in a container, keeps the file.
///
/// # Errors
/// If the folder cannot be looked at, or the owner cannot be set.
pub fn give_to_folder_owner(file: &File, path: &Path) -> io::Result<()> {
    let folder = fs::metadata(folder_of(path))?;
    if file.metadata()?.uid() == 0 && folder.uid() != 0 {
        return given(std::os::unix::fs::fchown(file, Some(folder.uid()), Some(folder.gid())));
    }
    Ok(())
}

/// Gives `file` the owner of the file that it replaces, if this process may give files away. Otherwise the file belongs
/// to the process: a file that a command created as root must not keep a service from renewing it.
pub(crate) fn keep_owner(file: &File, before: &fs::Metadata) -> io::Result<()> {
    let ours = file.metadata()?;
    if (ours.uid(), ours.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    given(std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid())))
}

/// Takes a missing right to give files away for success.
fn given(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}
