//! A lock between processes.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::file::open_or_create;

const PAUSE: Duration = Duration::from_millis(50);

/// A lock that this process holds until the value is dropped. The system releases it when the process ends, for example
/// by `kill -9`.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another process holds the lock {}", path.display())]
    Taken {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be created or locked.
    #[error("{} cannot be locked", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LockFile {
    /// Takes the lock without waiting. The file is created if it is missing (mode 0600), and stays when the lock is
    /// released: removing it would let two processes lock two files of one name.
    ///
    /// # Errors
    /// If another process holds the lock, or the file cannot be opened, created or locked; see
    /// [`open_or_create`].
    pub fn try_take(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File {
            path: path.to_owned(),
            source,
        };
        let file = open_or_create(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Takes the lock, and waits for it at most for `patience`. The wait blocks the thread.
    ///
    /// # Errors
    /// If another process holds the lock for longer, or the file cannot be created or locked.
    pub fn wait(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let began = Instant::now();
        loop {
            match Self::try_take(path) {
                Err(LockError::Taken { .. }) if began.elapsed() < patience => std::thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.lock");
        let first = LockFile::try_take(&path).unwrap();
        let refused = LockFile::try_take(&path).unwrap_err().to_string();
        assert!(refused.starts_with("another process holds the lock "), "{refused}");
        drop(first);
        LockFile::try_take(&path).unwrap();
    }

    #[test]
    fn a_waiting_process_gets_the_lock_when_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("change.lock");
        let first = LockFile::try_take(&path).unwrap();
        let second = std::thread::spawn({
            let path = path.clone();
            move || LockFile::wait(&path, Duration::from_secs(60)).map(drop)
        });
        drop(first);
        second.join().unwrap().unwrap();
    }

    #[test]
    fn a_wait_ends_with_the_patience() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("change.lock");
        let _first = LockFile::try_take(&path).unwrap();
        let refused = LockFile::wait(&path, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(refused, LockError::Taken { .. }), "{refused}");
    }
}
