//! Whether files have changed since an earlier look.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::files::TlsFiles;

/// The files, and the state of each at one moment. Reading a file does not change its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileStates {
    files: TlsFiles,
    states: Vec<Option<FileState>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: Option<SystemTime>,
    identity: (u64, i64, i64),
}

impl FileStates {
    /// Returns the states now. To be called before the files are read, so that a change during the reading counts as a
    /// later change. Blocks.
    pub(super) fn of(files: &TlsFiles) -> Self {
        Self {
            files: files.clone(),
            states: files.paths().map(state).collect(),
        }
    }
}

fn state(path: &Path) -> Option<FileState> {
    let metadata = fs::metadata(path).ok()?;
    Some(FileState {
        length: metadata.len(),
        modified: metadata.modified().ok(),
        identity: identity(&metadata),
    })
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}
