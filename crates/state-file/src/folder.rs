//! The folder that contains a file.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a rename or a removal in the folder of `path` outlive a power cut.
///
/// # Errors
/// If the folder cannot be opened or written.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Returns the folder that contains `path`; `.` for a bare file name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
