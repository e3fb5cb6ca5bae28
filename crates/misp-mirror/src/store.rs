//! The events on disk, or in memory: sealed, in transactions, and noticed where they are damaged.

mod compression;
mod copying;
mod database;
#[cfg(test)]
mod disk_full;
mod encoding;
mod error;
mod event_state;
mod loading;
mod manifest;
mod reading;
mod summary;
#[cfg(feature = "testkit")]
pub(crate) mod testkit;
mod update;
mod withdrawal;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::ReadableDatabase as _;
use tracing::warn;

pub use self::encoding::RecordError;
pub use self::error::StoreError;
pub use self::event_state::EventState;
pub use self::summary::EventSummary;
pub use self::update::Update;
pub(crate) use self::withdrawal::Withdrawal;

use self::compression::Compression;
use self::database::{Database, META, RECORDS};
use self::loading::Loaded;
use self::manifest::Manifest;
use self::reading::RecordReader;
use self::writing::Transaction;
use crate::EventRecord;
use crate::seal::{Place, Seal, Stamp, StoreKey};

/// The events of one MISP as one key sees them, in one file or in memory.
///
/// Each event is one record: compressed, then sealed with XChaCha20-Poly1305 for this key, this binding and this event.
/// A sealed list names the latest record of each event. So the store notices a record that is damaged, missing, moved
/// to another event, or copied from an older file, and [`Store::damaged`] lists it. It does not notice when the whole
/// file is replaced by an older copy. Numbers of events and sizes of records are readable without the key.
///
/// All calls but [`Store::state`], [`Store::states`] and the counts read or write the disk: call them where blocking is
/// allowed. Clones share one store. Readers wait for a writer only while it commits.
///
/// ```
/// use misp_mirror::{Block, EventFacts, EventRecord, LastPublished, Store, StoreKey};
///
/// # fn main() -> Result<(), misp_mirror::StoreError> {
/// let store = Store::in_memory(&StoreKey::new([7; 32]), b"misp.example.net", 1 << 20)?;
/// let record = EventRecord {
///     current: Block { event: EventFacts { id: 4711, ..EventFacts::default() }, rows: Vec::new() },
///     last_published: LastPublished::Nothing,
///     withdrawn_at: None,
/// };
/// store.put(&[record.clone()])?;
/// assert_eq!(store.get(4711)?, Some(record));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    seal: Seal,
    max_bytes: u64,
    manifest: RwLock<Manifest>,
    /// Held by the one writer.
    writer: Mutex<()>,
    /// Held from before a commit until the list in memory is the committed one, and by readers that need both.
    commit: Mutex<()>,
}

/// The damage that opening a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// See [`Store::damaged`]. Records themselves are not read yet: see [`Store::read_all`].
    pub damaged: Vec<u64>,
    /// See [`Store::is_whole`].
    pub is_whole: bool,
}

impl Store {
    /// Opens the file, or creates it (mode 0600). The folder must exist.
    ///
    /// `binding` names the MISP and the MISP key: nothing opens under another one. `max_bytes` limits the sum of all
    /// records; the file is somewhat larger.
    ///
    /// # Errors
    /// If the file is in use, damaged, of another key, or cannot be read or written. It is left as it is then.
    pub fn open(path: &Path, key: &StoreKey, binding: &[u8], max_bytes: u64) -> Result<(Self, Opened), StoreError> {
        let store = Self::over(Database::at(path)?, key, binding, max_bytes)?;
        let opened = Opened {
            damaged: store.damaged(),
            is_whole: store.is_whole(),
        };
        Ok((store, opened))
    }

    /// Moves the file aside, to the same name with `.broken` behind it, and creates an empty one. An older file of that
    /// name is replaced.
    ///
    /// # Errors
    /// If the file is in use, or cannot be moved or created.
    pub fn recreate(path: &Path, key: &StoreKey, binding: &[u8], max_bytes: u64) -> Result<Self, StoreError> {
        move_aside(path)?;
        Self::over(Database::at(path)?, key, binding, max_bytes)
    }

    /// Creates an empty store in memory.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn in_memory(key: &StoreKey, binding: &[u8], max_bytes: u64) -> Result<Self, StoreError> {
        Self::over(Database::in_memory()?, key, binding, max_bytes)
    }

    /// Creates an empty store in a backend that can fail.
    #[cfg(test)]
    pub(crate) fn within(backend: Arc<dyn redb::StorageBackend>, key: &StoreKey) -> Self {
        let database = Database::within(backend).unwrap();
        Self::over(database, key, b"a site and a key", 1 << 30).unwrap()
    }

    fn over(database: Database, key: &StoreKey, binding: &[u8], max_bytes: u64) -> Result<Self, StoreError> {
        let seal = Seal::new(key, binding);
        let loaded = loading::load(&database, &seal)?;
        let is_new = matches!(loaded, Loaded::New);
        let manifest = manifest_of(loaded, &database)?;
        let store = Self {
            inner: Arc::new(Inner {
                database,
                seal,
                max_bytes,
                manifest: RwLock::new(manifest),
                writer: Mutex::new(()),
                commit: Mutex::new(()),
            }),
        };
        if is_new {
            // So that another key is noticed even before the first record.
            store.write(Update::new())?;
        }
        Ok(store)
    }

    /// Makes all changes of the update, or none. When this returns they are on the disk.
    ///
    /// # Errors
    /// If a record is too large, the store would exceed its limit, or the disk is full or fails.
    pub fn write(&self, update: Update<'_>) -> Result<(), StoreError> {
        self.be_open()?;
        let _writer = lock(&self.inner.writer);
        let transaction = {
            let manifest = self.manifest();
            Transaction::prepare(&update, &manifest, &self.inner.seal, self.inner.max_bytes)?
        };
        let _commit = lock(&self.inner.commit);
        self.inner.database.with(|database| transaction.write(database))?;
        transaction.install(&mut self.manifest_mut());
        Ok(())
    }

    /// Puts records, each in place of the one of its event.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn put(&self, records: &[EventRecord]) -> Result<(), StoreError> {
        self.write(Update::new().put(records))
    }

    /// Removes the records of these events.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn remove(&self, ids: &[u64]) -> Result<(), StoreError> {
        self.write(Update::new().remove(ids.iter().copied()))
    }

    /// Puts a further value.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn put_meta(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(Update::new().meta(name, bytes))
    }

    /// Removes all events and further values.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn clear(&self) -> Result<(), StoreError> {
        self.write(Update::new().clear())
    }

    /// Returns a further value.
    ///
    /// # Errors
    /// If the value is damaged, or the disk fails.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.be_open()?;
        let (stamp, item) = {
            let _commit = lock(&self.inner.commit);
            let Some(stamp) = self.manifest().root.meta.get(name).copied() else {
                return Ok(None);
            };
            let item = self.inner.database.with(|database| {
                let item = database.begin_read()?.open_table(META)?.get(name)?;
                Ok(item.map(|item| item.value().to_vec()))
            })?;
            (stamp, item)
        };
        let mut text = Vec::new();
        let found = item.and_then(|item| self.inner.seal.open(Place::Meta(name), &item, &mut text));
        let value = found.filter(|found| *found == stamp).and_then(|_| {
            let mut compression = Compression::default();
            compression.decompress(&text).map(<[u8]>::to_vec)
        });
        let damaged = || StoreError::DamagedMeta { name: name.to_owned() };
        value.map(Some).ok_or_else(damaged)
    }

    /// Returns the record of an event.
    ///
    /// # Errors
    /// If the record is damaged, or the disk fails.
    pub fn get(&self, id: u64) -> Result<Option<EventRecord>, StoreError> {
        self.be_open()?;
        let (stamp, item) = {
            let _commit = lock(&self.inner.commit);
            let manifest = self.manifest();
            if manifest.damaged.contains(&id) {
                return Err(StoreError::Damaged { id });
            }
            let Some(stamp) = manifest.events.get(&id).map(|entry| entry.stamp) else {
                return Ok(None);
            };
            drop(manifest);
            let item = self.inner.database.with(|database| {
                let item = database.begin_read()?.open_table(RECORDS)?.get(id)?;
                Ok(item.map(|item| item.value().to_vec()))
            })?;
            (stamp, item)
        };
        let record = item.and_then(|item| RecordReader::new(&self.inner.seal).record(id, &stamp, &item));
        if record.is_none() {
            self.note_damaged(&[(id, stamp)]);
            return Err(StoreError::Damaged { id });
        }
        Ok(record)
    }

    /// Reads all records, decodes them on `threads` threads, and delivers them on the calling one, in no particular
    /// order. It does not deliver records that are written meanwhile, nor those that turn out to be damaged:
    /// [`Store::damaged`] lists them afterwards.
    ///
    /// # Errors
    /// If the disk fails, or the file is damaged so that records cannot be found. Some records are delivered then.
    pub fn read_all(&self, threads: usize, deliver: impl FnMut(EventRecord)) -> Result<(), StoreError> {
        self.be_open()?;
        let commit = lock(&self.inner.commit);
        let events: Vec<(u64, Stamp)> = {
            let manifest = self.manifest();
            let sound = manifest.events.iter().filter(|(id, _)| !manifest.damaged.contains(id));
            sound.map(|(id, entry)| (*id, entry.stamp)).collect()
        };
        let database = &self.inner.database;
        let records = database.with(|database| Ok(database.begin_read()?.open_table(RECORDS)?))?;
        drop(commit);
        let damaged = reading::read_all(&records, &self.inner.seal, &events, threads, deliver)
            .map_err(|error| database.fail(error))?;
        let damaged: Vec<(u64, Stamp)> = events.into_iter().filter(|(id, _)| damaged.contains(id)).collect();
        self.note_damaged(&damaged);
        Ok(())
    }

    /// Returns the state of an event without reading its record; nothing for damaged ones.
    #[must_use]
    pub fn state(&self, id: u64) -> Option<EventState> {
        let manifest = self.manifest();
        let entry = manifest.events.get(&id).filter(|_| !manifest.damaged.contains(&id));
        entry.map(|entry| entry.state.clone())
    }

    /// Returns the states of all events, by ascending numbers, without damaged ones.
    #[must_use]
    pub fn states(&self) -> Vec<EventState> {
        let manifest = self.manifest();
        let sound = manifest.events.iter().filter(|(id, _)| !manifest.damaged.contains(id));
        sound.map(|(_, entry)| entry.state.clone()).collect()
    }

    /// Returns the numbers of the events that changed or were published at this second or later.
    pub(crate) fn changed_since(&self, second: i64) -> Vec<u64> {
        let manifest = self.manifest();
        let states = manifest.events.values().map(|entry| &entry.state);
        let is_late = |state: &&EventState| state.timestamp.max(state.publish_timestamp) >= second;
        states.filter(is_late).map(|state| state.id).collect()
    }

    /// Returns that an event was withdrawn, also if its record is damaged.
    pub(crate) fn withdrawal(&self, id: u64) -> Option<Withdrawal> {
        let manifest = self.manifest();
        manifest.events.get(&id).and_then(|entry| Withdrawal::of(&entry.state))
    }

    /// Returns the events that were withdrawn, also those whose record is damaged.
    pub(crate) fn withdrawals(&self) -> BTreeMap<u64, Withdrawal> {
        let manifest = self.manifest();
        let withdrawn = manifest.events.iter();
        withdrawn
            .filter_map(|(id, entry)| Some((*id, Withdrawal::of(&entry.state)?)))
            .collect()
    }

    /// Returns the numbers of the events whose record is known to exist and does not open, as far as records were read.
    /// They stay here until they are put or removed; after a restart, reading finds out again.
    #[must_use]
    pub fn damaged(&self) -> Vec<u64> {
        self.manifest().damaged.iter().copied().collect()
    }

    /// Returns the summary of each of the [`damaged`](Self::damaged) events; nothing where the list of events is
    /// damaged too.
    #[must_use]
    pub fn damaged_summaries(&self) -> Vec<(u64, Option<EventSummary>)> {
        let manifest = self.manifest();
        let summary = |id: &u64| manifest.events.get(id).map(|entry| entry.summary);
        manifest.damaged.iter().map(|id| (*id, summary(id))).collect()
    }

    /// Returns whether the store knows all its events. After damage to the list of events itself some may be missing
    /// that it cannot name, until [`Update::whole`] is written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.manifest().root.is_whole
    }

    /// Returns the number of events, without damaged ones.
    #[must_use]
    pub fn len(&self) -> usize {
        let manifest = self.manifest();
        manifest
            .events
            .keys()
            .filter(|id| !manifest.damaged.contains(id))
            .count()
    }

    /// Returns whether the store is empty, apart from damaged events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of rows of all current blocks, without those of damaged records.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let manifest = self.manifest();
        let sound = manifest.events.iter().filter(|(id, _)| !manifest.damaged.contains(id));
        sound.map(|(_, entry)| u64::from(entry.state.rows)).sum()
    }

    /// Returns the size of the file, or of the memory that stands for it.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.inner.database.bytes()
    }

    /// Returns whether the events lie in a file.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.inner.database.path().is_some()
    }

    /// Gives free space of the file back to the file system. Does nothing while another thread reads.
    ///
    /// # Errors
    /// If the disk is full or fails.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.be_open()?;
        let _writer = lock(&self.inner.writer);
        self.inner.database.compact()
    }

    /// Opens the file again after a failure. The list is read again too: the failed commit may have reached the disk.
    fn be_open(&self) -> Result<(), StoreError> {
        if self.inner.database.is_open() {
            return Ok(());
        }
        let _writer = lock(&self.inner.writer);
        let _commit = lock(&self.inner.commit);
        if self.inner.database.is_open() {
            return Ok(());
        }
        self.inner.database.reopen()?;
        let loaded = loading::load(&self.inner.database, &self.inner.seal)?;
        let mut manifest = manifest_of(loaded, &self.inner.database)?;
        let mut held = self.manifest_mut();
        let still_damaged = held.damaged.iter().filter(|id| {
            let stamp = |manifest: &Manifest| manifest.events.get(id).map(|entry| entry.stamp);
            stamp(&held) == stamp(&manifest)
        });
        let still_damaged: Vec<u64> = still_damaged.copied().collect();
        manifest.damaged.extend(still_damaged);
        *held = manifest;
        Ok(())
    }

    /// Remembers damaged records, except those that were written again meanwhile.
    fn note_damaged(&self, records: &[(u64, Stamp)]) {
        let mut manifest = self.manifest_mut();
        for (id, stamp) in records {
            if manifest.events.get(id).is_some_and(|entry| entry.stamp == *stamp) {
                warn!(event = id, "the record of an event in the mirror is damaged");
                manifest.damaged.insert(*id);
            }
        }
    }

    /// Takes the record of an event for damaged.
    #[cfg(test)]
    pub(crate) fn damage(&self, id: u64) {
        let stamp = self.manifest().events.get(&id).map(|entry| entry.stamp);
        self.note_damaged(&[(id, stamp.unwrap())]);
    }

    fn manifest(&self) -> RwLockReadGuard<'_, Manifest> {
        self.inner.manifest.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn manifest_mut(&self) -> RwLockWriteGuard<'_, Manifest> {
        self.inner.manifest.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.database.path())
            .field("events", &self.len())
            .finish_non_exhaustive()
    }
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn manifest_of(loaded: Loaded, database: &Database) -> Result<Manifest, StoreError> {
    match loaded {
        Loaded::New => Ok(Manifest::default()),
        Loaded::Manifest(manifest) => Ok(manifest),
        Loaded::Foreign => Err(StoreError::OtherKey {
            path: database.path().map(Path::to_owned).unwrap_or_default(),
        }),
    }
}

/// Renames the file, unless another process has it open.
fn move_aside(path: &Path) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match state_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let mut aside = path.file_name().unwrap_or_default().to_owned();
    aside.push(".broken");
    state_file::rename(path, &aside).map_err(failed)
}
