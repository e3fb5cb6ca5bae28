//! One run at a time on this host.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

const PAUSE: Duration = Duration::from_millis(100);

/// A lock that is held as long as this lives, and not longer than the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another run has it.
    #[error("another run holds {}", path.display())]
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
    /// Takes the lock, and waits for whoever has it, at most for `patience`.
    pub(crate) async fn take(folder: &Path, patience: Duration) -> Result<Self, LockError> {
        let path = folder.join("defectdojo.lock");
        let began = Instant::now();
        loop {
            match Self::attempt(&path) {
                Err(LockError::Taken { .. }) if began.elapsed() < patience => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }

    fn attempt(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // The file stays when the lock goes: removing it would let two runs lock two files of one name.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Taken { path: path.to_owned() }),
            Err(error) => Err(failed(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_waits_and_then_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), Duration::ZERO).await.unwrap();
        let refused = Lock::take(dir.path(), Duration::from_millis(1)).await.unwrap_err();
        assert!(refused.to_string().starts_with("another run holds "), "{refused}");
        let (second, ()) = tokio::join!(Lock::take(dir.path(), Duration::from_secs(60)), async { drop(first) });
        second.unwrap();
    }
}
