//! The store of a copy: on disk, or in memory while the disk cannot be used.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use misp_mirror::{Store, StoreError, StoreKey};

use crate::mirror::folder::{Folder, Name};
use crate::mirror::registration::Registration;
use crate::{FeedError, Upstream};

/// How long a file may still be in use at a start: by the copy before this one, or by a daemon that ends.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(5);
const FILE_PAUSE: Duration = Duration::from_millis(50);

/// A store in memory.
#[derive(Clone, Debug)]
pub(super) struct MemoryStore {
    pub(super) store: Store,
    /// Why it is not on disk.
    pub(super) why: String,
    max_bytes: u64,
}

/// Everything that opening the store of a copy needs.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) folder: Option<Folder>,
    pub(super) upstream: Upstream,
    /// The last use for a new registration, in unix seconds.
    pub(super) used_at: i64,
    pub(super) max_bytes: u64,
}

impl Opening {
    /// Opens the store on disk. It blocks.
    ///
    /// # Errors
    /// Why it cannot be on disk.
    pub(super) fn on_disk(&self, patience: Duration) -> Result<Store, String> {
        let upstream = &self.upstream;
        let folder = self.folder.as_ref().ok_or("no state directory is set")?;
        let name = Name::of(&upstream.id()).ok_or("the upstream has no MISP")?;
        let entry = self.registration(folder, &name)?;
        let (path, key) = (folder.copy(&name), StoreKey::new(*entry.store_key));
        let binding = upstream.id().fingerprint().unwrap_or_default();
        match open_when_free(&path, &key, &binding, self.max_bytes, patience) {
            // Only the registration has the key, and the file does not open with it: its content is lost.
            Err(error @ (StoreError::Broken { .. } | StoreError::OtherKey { .. })) => {
                tracing::error!(
                    site = upstream.name(),
                    error = service_kit::chain(&error),
                    "a mirror on disk is moved aside, and MISP is read again"
                );
                Store::recreate(&path, &key, &binding, self.max_bytes).map_err(|error| service_kit::chain(&error))
            }
            outcome => outcome.map_err(|error| service_kit::chain(&error)),
        }
    }

    fn registration(&self, folder: &Folder, name: &Name) -> Result<Registration, String> {
        if let Some(entry) = folder.read(name).map_err(|error| service_kit::chain(&error))? {
            return Ok(entry);
        }
        let drawn = Registration::drawn(&self.upstream, self.used_at).ok_or("the system gives no random bytes")?;
        folder
            .write(name, &drawn)
            .map_err(|error| format!("the state directory cannot be written: {error}"))?;
        Ok(drawn)
    }

    /// Returns a store in memory: the one that is left of the copy before, or an empty one. It blocks.
    pub(super) fn in_memory(&self, why: String, left: Option<MemoryStore>) -> Result<MemoryStore, FeedError> {
        let max_bytes = self.max_bytes;
        if let Some(left) = left.filter(|left| left.max_bytes == max_bytes) {
            return Ok(MemoryStore { why, ..left });
        }
        let drawn = Registration::drawn(&self.upstream, self.used_at).ok_or(FeedError::Internal {
            step: "drawing the key of a mirror",
            source: None,
        })?;
        let binding = self.upstream.id().fingerprint().unwrap_or_default();
        let store = Store::in_memory(&StoreKey::new(*drawn.store_key), &binding, max_bytes)
            .map_err(|error| FeedError::internal("opening a mirror", error))?;
        Ok(MemoryStore { store, why, max_bytes })
    }
}

fn open_when_free(
    path: &Path,
    key: &StoreKey,
    binding: &[u8],
    max_bytes: u64,
    patience: Duration,
) -> Result<Store, StoreError> {
    let give_up = Instant::now() + patience;
    loop {
        match Store::open(path, key, binding, max_bytes) {
            Err(StoreError::InUse { .. }) if Instant::now() < give_up => thread::sleep(FILE_PAUSE),
            outcome => return outcome.map(|(store, _)| store),
        }
    }
}
