//! All records, decoded on several threads.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use redb::ReadOnlyTable;

use super::compression::Compression;
use super::encoding;
use crate::EventRecord;
use crate::seal::{Place, Seal, Stamp};

/// Records that a thread decodes before it hands them over.
const PIECE: usize = 64;
/// Pieces that wait to be taken over, for each thread.
const WAITING: usize = 2;

type Records = ReadOnlyTable<u64, &'static [u8]>;

/// Opens and decodes one record after the other, with the same buffers.
pub(super) struct RecordReader<'s> {
    seal: &'s Seal,
    text: Vec<u8>,
    compression: Compression,
}

impl<'s> RecordReader<'s> {
    pub(super) fn new(seal: &'s Seal) -> Self {
        Self {
            seal,
            text: Vec::new(),
            compression: Compression::default(),
        }
    }

    /// Returns the record of an event; nothing if the item is damaged, or is not the one with this stamp.
    pub(super) fn record(&mut self, id: u64, stamp: &Stamp, item: &[u8]) -> Option<EventRecord> {
        let found = self.seal.open(Place::Record(id), item, &mut self.text)?;
        if found != *stamp {
            return None;
        }
        encoding::record_of(self.compression.decompress(&self.text)?).ok()
    }
}

/// Delivers every record of `events`, which ascend, on the calling thread. Returns the numbers of those that are
/// damaged.
pub(super) fn read_all(
    records: &Records,
    seal: &Seal,
    events: &[(u64, Stamp)],
    threads: usize,
    mut deliver: impl FnMut(EventRecord),
) -> Result<BTreeSet<u64>, redb::Error> {
    let pieces: Vec<&[(u64, Stamp)]> = events.chunks(PIECE).collect();
    let threads = threads.clamp(1, 64);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(WAITING * threads);
    let mut damaged = BTreeSet::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, pieces, next) = (sender.clone(), &pieces, &next);
            scope.spawn(move || {
                let mut reader = RecordReader::new(seal);
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let read = read_piece(records, &mut reader, piece);
                    let has_failed = read.is_err();
                    if sender.send(read).is_err() || has_failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        // When this returns early the receiver is dropped, and the threads end with their piece.
        for read in receiver {
            let (read, not_read) = read?;
            read.into_iter().for_each(&mut deliver);
            damaged.extend(not_read);
        }
        Ok(damaged)
    })
}

/// Returns the records of a piece, and the numbers of those that are damaged.
fn read_piece(
    records: &Records,
    reader: &mut RecordReader<'_>,
    piece: &[(u64, Stamp)],
) -> Result<(Vec<EventRecord>, Vec<u64>), redb::Error> {
    let mut read = Vec::with_capacity(piece.len());
    let mut damaged = Vec::new();
    let in_a_row = catch_unwind(AssertUnwindSafe(|| {
        read_range(records, reader, piece, &mut read, &mut damaged)
    }));
    if let Ok(Ok(())) = in_a_row {
        return Ok((read, damaged));
    }
    // A page that makes no sense ends the range: what lies on other pages is read one by one.
    read.clear();
    damaged.clear();
    for (id, stamp) in piece {
        // A damaged page may show only with the bytes of the value.
        let reading = || {
            let item = records.get(id);
            item.map(|item| item.and_then(|item| reader.record(*id, stamp, item.value())))
        };
        let record = match catch_unwind(AssertUnwindSafe(reading)) {
            Ok(Ok(record)) => record,
            Ok(Err(redb::StorageError::Corrupted(_))) | Err(_) => None,
            Ok(Err(error)) => return Err(error.into()),
        };
        match record {
            Some(record) => read.push(record),
            None => damaged.push(*id),
        }
    }
    Ok((read, damaged))
}

fn read_range(
    records: &Records,
    reader: &mut RecordReader<'_>,
    piece: &[(u64, Stamp)],
    read: &mut Vec<EventRecord>,
    damaged: &mut Vec<u64>,
) -> Result<(), redb::Error> {
    let (Some((first, _)), Some((last, _))) = (piece.first(), piece.last()) else {
        return Ok(());
    };
    let mut wanted = piece.iter().peekable();
    for item in records.range(*first..=*last)? {
        let (id, item) = item?;
        let id = id.value();
        while let Some((missing, _)) = wanted.next_if(|(wanted, _)| *wanted < id) {
            damaged.push(*missing);
        }
        let Some((_, stamp)) = wanted.next_if(|(wanted, _)| *wanted == id) else {
            continue;
        };
        match reader.record(id, stamp, item.value()) {
            Some(record) => read.push(record),
            None => damaged.push(id),
        }
    }
    damaged.extend(wanted.map(|(missing, _)| *missing));
    Ok(())
}
