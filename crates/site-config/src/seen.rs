//! The state of all files on disk, to notice that one has changed since it was read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::load::Paths;

/// The state of all files at one moment. Reading a file does not change it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen(Vec<File>);

impl Seen {
    /// Looks at all files. To be called before they are read: what changes meanwhile is then seen as a change later.
    pub(crate) fn now(paths: &Paths) -> Self {
        let mut files = vec![paths.config.clone(), paths.mappings.clone()];
        files.extend(yaml_files(&paths.sites));
        files.sort();
        Self(files.into_iter().map(File::now).collect())
    }
}

/// Returns the files of a directory whose names end as those of sites do, or nearly so.
pub(crate) fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| is_yaml(path)).collect()
}

/// Returns whether a name ends in `.yaml` or `.yml`.
pub(crate) fn is_yaml(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ending == "yaml" || ending == "yml"
}

/// The facts that differ between two states of a file.
#[derive(Debug, PartialEq, Eq)]
struct File {
    path: PathBuf,
    /// Nothing for a file that cannot be looked at.
    state: Option<State>,
}

#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    identity: (u64, i64, i64),
}

impl File {
    fn now(path: PathBuf) -> Self {
        let state = fs::metadata(&path).ok().map(|metadata| State {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(&metadata),
        });
        Self { path, state }
    }
}

/// Inode and time of the last change to it: a file that was replaced by one of the same size and time is another file.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}
