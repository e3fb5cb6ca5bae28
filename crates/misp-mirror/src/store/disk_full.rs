//! Tests with a disk that is full after so many blocks.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::database::Database;
use super::{Store, StoreError, Update};
use crate::samples;
use crate::{EventFacts, EventRecord, MirrorRow, StoreKey};

/// What a disk writes at once, in bytes.
const BLOCK: u64 = 4096;

/// A disk with room for so many more blocks. A block that was written once can be written again.
#[derive(Debug)]
struct Disk {
    memory: InMemoryBackend,
    room: AtomicUsize,
    written: Mutex<BTreeSet<u64>>,
}

impl Disk {
    fn with_room() -> Arc<Self> {
        Arc::new(Self {
            memory: InMemoryBackend::new(),
            room: AtomicUsize::new(usize::MAX),
            written: Mutex::default(),
        })
    }

    fn leave(&self, blocks: usize) {
        self.room.store(blocks, Ordering::Relaxed);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + u64::try_from(data.len()).unwrap();
        let mut written = self.written.lock().unwrap();
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            if written.contains(&block) {
                continue;
            }
            let taken = self
                .room
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1));
            if taken.is_err() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.insert(block);
        }
        self.memory.write(offset, data)
    }
}

fn store_on(disk: &Arc<Disk>) -> Store {
    let database = Database::within(Arc::<Disk>::clone(disk)).unwrap();
    Store::over(database, &StoreKey::new([7; 32]), b"site", u64::MAX).unwrap()
}

fn record(id: u64, version: i64) -> EventRecord {
    let row = |at: u64| MirrorRow {
        value: format!("v{version}-{at}.event{id}.example.com"),
        timestamp: version,
        ..samples::row(at)
    };
    let event = EventFacts {
        id,
        timestamp: version,
        ..EventFacts::default()
    };
    samples::record(event, (0..30).map(row).collect())
}

fn all_of(version: i64) -> Vec<EventRecord> {
    (0..40).map(|id| record(id, version)).collect()
}

fn held(store: &Store) -> Vec<EventRecord> {
    let mut records = Vec::new();
    store.read_all(2, |record| records.push(record)).unwrap();
    records.sort_by_key(|record| record.current.event.id);
    records
}

#[test]
fn a_disk_that_fills_up_anywhere_in_a_transaction_leaves_the_old_records_readable() {
    let mut failures = 0;
    for room in 0..200 {
        let disk = Disk::with_room();
        let store = store_on(&disk);
        store.put(&all_of(1)).unwrap();

        disk.leave(room);
        let second = all_of(2);
        let Err(error) = store.write(Update::new().put(&second).meta("version", b"2")) else {
            assert_eq!(held(&store), second);
            break;
        };
        failures += 1;
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        assert_eq!(held(&store), all_of(1), "room for {room} blocks");
        assert_eq!((store.states().len(), store.meta("version").unwrap()), (40, None));
        assert!(store.put(&all_of(2)).is_err(), "the disk is still full");
        assert_eq!(store.get(3).unwrap().as_ref(), all_of(1).get(3));

        disk.leave(usize::MAX);
        store.put(&all_of(3)).unwrap();
        assert_eq!(held(&store), all_of(3));
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn a_store_opens_on_a_full_disk() {
    let disk = Disk::with_room();
    store_on(&disk).put(&all_of(1)).unwrap();
    disk.leave(0);
    assert_eq!(held(&store_on(&disk)), all_of(1));
}
