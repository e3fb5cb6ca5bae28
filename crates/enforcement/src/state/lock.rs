//! One agent at a time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::atomic_file;

/// How long a change may keep another one waiting.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(50);

/// A lock that is held as long as this lives, and not longer than the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else has it.
    #[error("another cratos-agent works with the state in {}; stop it, or give this one a `state_dir` of its own", path.parent().unwrap_or(path).display())]
    Taken {
        /// The lock file.
        path: PathBuf,
    },
    /// The file cannot be made or locked.
    #[error("{} cannot be locked", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File {
            path: path.to_owned(),
            source,
        };
        // The file stays when the lock goes: removing it would let two agents lock two files of one name.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        atomic_file::belong_to_folder(&file, path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Taken { path: path.to_owned() }),
            Err(error) => Err(failed(error.into())),
        }
    }

    pub(super) fn wait(path: &Path) -> Result<Self, LockError> {
        let began = Instant::now();
        loop {
            match Self::take(path) {
                Err(LockError::Taken { .. }) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.lock");
        let first = Lock::take(&path).unwrap();
        let refused = Lock::take(&path).unwrap_err().to_string();
        assert!(
            refused.starts_with("another cratos-agent works with the state in "),
            "{refused}"
        );
        drop(first);
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_change_waits_for_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("change.lock");
        let first = Lock::take(&path).unwrap();
        let second = std::thread::spawn({
            let path = path.clone();
            move || Lock::wait(&path).map(drop)
        });
        drop(first);
        second.join().unwrap().unwrap();
    }
}
