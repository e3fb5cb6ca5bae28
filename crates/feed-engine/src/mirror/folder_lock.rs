//! A lock over the files of a folder, for threads and processes.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A change of a file takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

/// Keeps other threads and processes waiting while it lives.
#[derive(Debug)]
pub(super) struct FolderLock {
    _folder: File,
}

impl FolderLock {
    /// Waits until no other thread or process changes a file. Nothing where the folder does not exist, the file system
    /// has no locks, or the other one holds its lock for too long.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let folder = File::open(folder).ok()?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            match folder.try_lock() {
                Ok(()) => return Some(Self { _folder: folder }),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
    }
}
