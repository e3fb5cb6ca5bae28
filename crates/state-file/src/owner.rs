//! The owner of a file that root creates.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};

/// Returns the number of the user in whose name this process works.
pub(crate) fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns whether a file of this owner can be trusted: root's can, and this user's own.
pub(crate) fn is_ours_or_root(owner: u32) -> bool {
    owner == 0 || owner == this_user()
}

/// Gives a file or folder that this process has just created to the owner of its folder, if this process is root's: a
/// command typed by root must leave nothing behind that the service cannot use. For other users it does nothing.
///
/// A root without the right to give files away, for example in a container, keeps the file.
pub(crate) fn give_to_owner_of(made: &File, folder: &Metadata) -> io::Result<()> {
    if made.metadata()?.uid() == 0 && folder.uid() != 0 {
        return given(fchown(made, Some(folder.uid()), Some(folder.gid())));
    }
    Ok(())
}

/// Gives a file that this process has just created the owner of the file that it replaces, if this process may give
/// files away. Otherwise the file belongs to the process.
pub(crate) fn keep_owner(made: &File, before: &Metadata) -> io::Result<()> {
    let ours = made.metadata()?;
    if (ours.uid(), ours.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    given(fchown(made, Some(before.uid()), Some(before.gid())))
}

/// Takes a missing right to give files away for success.
fn given(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}
