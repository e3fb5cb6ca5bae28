//! The redb database below the store: opened, used, closed after a failure and opened again.
//!
//! redb refuses everything after an error of the disk until it is opened again, and panics over some damaged pages. So
//! every use goes through [`Database::with`], which turns a panic into an error and opens the database again.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Builder, CompactionError, DatabaseError, ReadableDatabase as _, StorageBackend, TableDefinition, TableError,
};

use super::StoreError;

/// The sealed records by the numbers of their events.
pub(super) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// The sealed pages of the list of events by their numbers.
pub(super) const PAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pages");
/// The sealed further values by their names.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// The sealed root of the list.
pub(super) const ROOT: TableDefinition<'_, (), &[u8]> = TableDefinition::new("root");

/// Each record is read once, at the start: a large cache would only take memory from others.
const CACHE_BYTES: usize = 8 << 20;

/// Opens the file or memory of the database, at the start and after each failure.
type Opening = Box<dyn Fn() -> Result<Backend, DatabaseError> + Send + Sync>;

pub(super) struct Database {
    opening: Opening,
    path: Option<PathBuf>,
    slot: Mutex<Slot>,
    length: Box<dyn Fn() -> io::Result<u64> + Send + Sync>,
}

/// The open database.
#[derive(Default)]
struct Slot {
    open: Option<Arc<redb::Database>>,
    /// The one before a failure; while it lives another thread still uses it.
    failed: Weak<redb::Database>,
}

impl Database {
    /// Opens or creates the file.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let (file, measured) = (path.to_owned(), path.to_owned());
        let opening = move || {
            let file = state_file::open_or_create(&file)?;
            Ok(Backend(Arc::new(FileBackend::new(file)?)))
        };
        Self::opened(Self {
            opening: Box::new(opening),
            path: Some(path.to_owned()),
            slot: Mutex::default(),
            length: Box::new(move || Ok(std::fs::metadata(&measured)?.len())),
        })
    }

    /// Creates a database in memory.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::within(Arc::new(InMemoryBackend::new()))
    }

    /// Opens a database in a backend that stays open.
    pub(super) fn within(backend: Arc<dyn StorageBackend>) -> Result<Self, StoreError> {
        let measured = Arc::clone(&backend);
        Self::opened(Self {
            opening: Box::new(move || Ok(Backend(Arc::clone(&backend)))),
            path: None,
            slot: Mutex::default(),
            length: Box::new(move || measured.len()),
        })
    }

    fn opened(self) -> Result<Self, StoreError> {
        self.reopen()?;
        Ok(self)
    }

    /// Returns whether the database is open. It is not after a failure, until [`Database::reopen`].
    pub(super) fn is_open(&self) -> bool {
        self.slot().open.is_some()
    }

    /// Opens the database, and creates its tables if it is new.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut slot = self.slot();
        if slot.open.is_some() {
            return Ok(());
        }
        if slot.failed.strong_count() > 0 {
            return Err(fault(redb::Error::PreviousIo, self.name()));
        }
        slot.open = Some(Arc::new(self.guarded(|| self.create())?));
        Ok(())
    }

    fn create(&self) -> Result<redb::Database, redb::Error> {
        let backend = (self.opening)()?;
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)?;
        let root = database.begin_read()?.open_table(ROOT);
        if matches!(root, Err(TableError::TableDoesNotExist(_))) {
            // Only then: an old file must open on a disk that is full.
            let writing = begin_write(&database)?;
            create_tables(&writing)?;
            writing.commit()?;
        }
        Ok(database)
    }

    /// Works with the open database. After a failure of the database it is closed.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&redb::Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let open = self.slot().open.clone();
        let result = self.guarded(move || {
            let open = open.ok_or(redb::Error::DatabaseClosed)?;
            work(&open)
        });
        if result.is_err() {
            self.close();
        }
        result
    }

    /// Closes the database after a failure outside of [`Database::with`].
    pub(super) fn fail(&self, error: redb::Error) -> StoreError {
        self.close();
        fault(error, self.name())
    }

    /// Gives free pages back to the file system. Does nothing while the database is in use elsewhere.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        let result = {
            let mut slot = self.slot();
            self.guarded(|| {
                if let Some(database) = slot.open.as_mut().and_then(Arc::get_mut) {
                    return match database.compact() {
                        Ok(_) | Err(CompactionError::TransactionInProgress) => Ok(()),
                        Err(error) => Err(error.into()),
                    };
                }
                Ok(())
            })
        };
        if result.is_err() {
            self.close();
        }
        result
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.length)().unwrap_or_default()
    }

    fn close(&self) {
        let mut slot = self.slot();
        if let Some(database) = slot.open.take() {
            slot.failed = Arc::downgrade(&database);
            // Closing writes; what fails once may fail or panic again.
            drop(catch_unwind(AssertUnwindSafe(|| drop(database))));
        }
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result.map_err(|error| fault(error, self.name())),
            Err(_) => Err(StoreError::Broken {
                path: self.name(),
                source: "redb cannot make sense of one of its pages".into(),
            }),
        }
    }

    fn name(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from("in memory"))
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}

/// Begins a transaction that is on the disk when it is committed.
///
/// With quick repair, redb writes its list of free pages with each transaction and syncs twice. A transaction each
/// few seconds affords that, and after a `kill -9` the file opens without reading it all: a bit that flipped in one
/// record costs that record, and not the whole file for the sum that it no longer has.
pub(super) fn begin_write(database: &redb::Database) -> Result<redb::WriteTransaction, redb::Error> {
    let mut writing = database.begin_write()?;
    writing.set_quick_repair(true);
    Ok(writing)
}

pub(super) fn create_tables(writing: &redb::WriteTransaction) -> Result<(), redb::Error> {
    writing.open_table(RECORDS)?;
    writing.open_table(PAGES)?;
    writing.open_table(META)?;
    writing.open_table(ROOT)?;
    Ok(())
}

fn fault(error: redb::Error, path: PathBuf) -> StoreError {
    let is_damage = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        )
    };
    match error {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { path },
        redb::Error::Io(source) if !is_damage(&source) => StoreError::Io { path, source },
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::Io {
            path,
            source: io::Error::other("closed after an earlier failure"),
        },
        error => StoreError::Broken {
            path,
            source: Box::new(error),
        },
    }
}

/// The file or memory of a database.
struct Backend(Arc<dyn StorageBackend>);

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
