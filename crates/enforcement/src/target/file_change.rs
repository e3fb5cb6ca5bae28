//! Files that change together or not at all.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use state_file::Staged;

use crate::command::CommandError;
use crate::error::TargetError;

/// New contents for some files.
#[derive(Debug)]
pub(super) struct FileChange<'a> {
    pub(super) files: Vec<(PathBuf, &'a [u8])>,
    pub(super) mode: Option<u32>,
}

impl FileChange<'_> {
    /// Returns whether the files have these contents already.
    pub(super) fn is_there(&self) -> Result<bool, TargetError> {
        for (path, bytes) in &self.files {
            if content(path)?.as_deref() != Some(*bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the files that differ, and reloads nothing.
    pub(super) fn write(&self) -> Result<(), TargetError> {
        for (path, bytes) in &self.files {
            if content(path)?.as_deref() != Some(*bytes) {
                state_file::replace(path, bytes, self.mode).map_err(|source| file(path, source))?;
            }
        }
        Ok(())
    }

    /// Calls `check` with the candidates. Each lies in the folder of its file.
    pub(super) fn check(&self, check: &mut dyn FnMut(&Path) -> Result<(), CommandError>) -> Result<(), TargetError> {
        for (path, bytes) in &self.files {
            let staged = Staged::write(path, bytes, self.mode).map_err(|source| file(path, source))?;
            check(staged.candidate()).map_err(TargetError::Check)?;
        }
        Ok(())
    }

    /// Puts all files into their places and calls `reload` once; if that fails, the files are as before and `reload` is
    /// called again.
    pub(super) fn apply(&self, reload: &mut dyn FnMut() -> Result<(), CommandError>) -> Result<(), TargetError> {
        let mut before = Vec::new();
        let mut staged = Vec::new();
        for (path, bytes) in &self.files {
            before.push((path.as_path(), content(path)?));
            staged.push(Staged::write(path, bytes, self.mode).map_err(|source| file(path, source))?);
        }
        // All writes are done; renames need no space on the disk.
        for (staged, (path, _)) in staged.into_iter().zip(&self.files) {
            if let Err(source) = staged.commit() {
                self.put_back(&before)?;
                return Err(file(path, source));
            }
        }
        let Err(refused) = reload() else { return Ok(()) };
        self.put_back(&before)?;
        match reload() {
            Ok(()) => Err(TargetError::Reload(refused)),
            Err(_) => Err(TargetError::RollBack(refused)),
        }
    }

    fn put_back(&self, before: &[(&Path, Option<Vec<u8>>)]) -> Result<(), TargetError> {
        for (path, content) in before {
            let outcome = match content {
                Some(bytes) => state_file::replace(path, bytes, self.mode),
                None => match state_file::remove(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    removed => removed.and_then(|()| state_file::sync_folder(path)),
                },
            };
            outcome.map_err(|source| file(path, source))?;
        }
        Ok(())
    }
}

/// Returns the content of a file; nothing if it does not exist.
///
/// A symbolic link is an error: the file behind it may be one that only root can read, and the agent would put its
/// content back, where others can read it, after a failed reload.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, TargetError> {
    let read = state_file::open(path).and_then(|mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    });
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file(path, source)),
    }
}

fn file(path: &Path, source: io::Error) -> TargetError {
    TargetError::File {
        path: path.to_owned(),
        source,
    }
}
