//! The file that reports wait in: appended to, cut off where a write did not come to its end, and rewritten when most
//! of it is settled.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use state_file::{LockError, LockFile, Staged};

use crate::disk::Disk;
use crate::error::OpenError;
use crate::record::{self, Accepted, Record};
use crate::report::Reporter;
use crate::seal::{Frame, JournalKeys};

const MAGIC: &[u8; 8] = b"cratosS1";
const NAME: &str = "journal";
const LOCK_NAME: &str = "lock";
const HEAD: u64 = MAGIC.len() as u64;
/// Below this size the file is not worth rewriting.
const WORTH_REWRITING: u64 = 256 << 10;
/// What marks may take beyond the bound, so that a full journal can be emptied.
const ROOM_FOR_MARKS: u64 = 1 << 20;

/// The journal in a directory of its own. A lock keeps other processes away from it.
pub(crate) struct Journal<D = File> {
    directory: PathBuf,
    disk: D,
    /// The number of good bytes. Bytes behind them belong to a write that failed.
    length: u64,
    max_bytes: u64,
    /// Its size right after it was rewritten, when it held no settled report; none before the first rewrite.
    fresh: Option<Fresh>,
    keys: JournalKeys,
    _lock: Option<LockFile>,
}

/// A journal in which all waits.
#[derive(Clone, Copy)]
struct Fresh {
    length: u64,
    /// What waits, as it is reckoned elsewhere.
    waiting_bytes: u64,
}

/// The content of a journal when it was opened.
#[derive(Default)]
pub(crate) struct Replay {
    /// Reports that are not settled, by number, in one piece for each record.
    pub(crate) accepted: Vec<Accepted>,
    /// The number that the next report gets.
    pub(crate) next_number: u64,
    /// Bytes at the end that belong to no whole record, and were cut off.
    pub(crate) torn_bytes: u64,
    /// Records that are whole and that no key opens any more, and places that were spoilt between whole ones.
    pub(crate) unreadable: u64,
}

/// Why something is not written.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The bound of the journal.
    Full,
    Disk(io::Error),
}

impl Journal {
    /// Opens the journal of this directory, which is made if it is not there, and reads what waits in it.
    pub(crate) fn open(directory: &Path, max_bytes: u64, keys: JournalKeys) -> Result<(Self, Replay), OpenError> {
        let file_error = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::File { path, source }
        };
        state_file::make_folder(directory).map_err(file_error(directory))?;
        let lock = lock(directory)?;
        let path = directory.join(NAME);
        // A process that was killed while it rewrote the journal left a temporary file.
        state_file::remove_leftovers(directory).map_err(file_error(directory))?;
        remove_old_leftover(directory).map_err(file_error(directory))?;
        let mut file = state_file::open_or_create(&path).map_err(file_error(&path))?;
        let (replay, length) = read(&mut file, &keys)
            .map_err(file_error(&path))?
            .ok_or_else(|| OpenError::Foreign { path: path.clone() })?;
        let whole = file
            .set_len(length)
            .and_then(|()| file.write_at(0, MAGIC))
            .and_then(|()| file.sync_all())
            .and_then(|()| state_file::sync_folder(&path));
        whole.map_err(file_error(&path))?;
        let journal = Self {
            directory: directory.to_owned(),
            disk: file,
            length: length.max(HEAD),
            max_bytes,
            fresh: None,
            keys,
            _lock: Some(lock),
        };
        Ok((journal, replay))
    }

    /// Writes a new file with these reports only, and puts it in place of the old one.
    pub(crate) fn rewrite<'r>(
        &mut self,
        waiting: impl Iterator<Item = &'r Accepted>,
        waiting_bytes: u64,
    ) -> io::Result<()> {
        let (staged, length) = self.write_fresh(waiting)?;
        let placed = staged.place()?;
        let synced = placed.sync();
        // Even if the folder cannot be synced: bytes that go to the old file would be in no folder.
        self.disk = placed.into_file();
        self.length = length;
        self.fresh = Some(Fresh { length, waiting_bytes });
        synced
    }

    fn write_fresh<'r>(&self, waiting: impl Iterator<Item = &'r Accepted>) -> io::Result<(Staged, u64)> {
        let mut staged = Staged::create(&self.directory.join(NAME), Some(0o600))?;
        let mut length = HEAD;
        let mut frames = MAGIC.to_vec();
        for accepted in waiting {
            self.frame(&accepted.written(), &mut frames)?;
            if frames.len() > 1 << 20 {
                staged.write_all(&frames)?;
                length += frames.len() as u64;
                frames.clear();
            }
        }
        staged.write_all(&frames)?;
        length += frames.len() as u64;
        // The head was among the frames.
        Ok((staged, length - HEAD))
    }
}

impl<D: Disk> Journal<D> {
    #[cfg(test)]
    pub(crate) fn on(disk: D, max_bytes: u64, keys: JournalKeys) -> Self {
        Self {
            directory: PathBuf::new(),
            disk,
            length: HEAD,
            max_bytes,
            fresh: None,
            keys,
            _lock: None,
        }
    }

    /// Appends the frame of a record to `frames`, for [`append`](Self::append).
    pub(crate) fn frame(&self, record: &[u8], frames: &mut Vec<u8>) -> io::Result<()> {
        let sealed = self.keys.seal(record, frames);
        sealed.ok_or_else(|| io::Error::other("the system gives no random bytes"))
    }

    /// Writes frames, and returns when they are on the disk. After an error the file is as before.
    pub(crate) fn append(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        self.append_within(frames, self.max_bytes)
    }

    /// Writes marks, for which there is room beyond the bound.
    pub(crate) fn append_marks(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        self.append_within(frames, self.max_bytes.saturating_add(ROOM_FOR_MARKS))
    }

    fn append_within(&mut self, frames: &[u8], bound: u64) -> Result<(), AppendError> {
        let after = self.length.saturating_add(frames.len() as u64);
        if after > bound {
            return Err(AppendError::Full);
        }
        let written = self.disk.write_at(self.length, frames).and_then(|()| self.disk.sync());
        if let Err(error) = written {
            // Should this fail too: the next write begins at the same place, and reading stops there.
            let _ = self.disk.cut(self.length);
            return Err(AppendError::Disk(error));
        }
        self.length = after;
        Ok(())
    }

    /// Empties the file, and returns when that is on the disk; everything in it is settled, and may not be marked so.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if self.length > HEAD {
            self.disk.cut(HEAD)?;
            self.length = HEAD;
            self.fresh = Some(Fresh {
                length: HEAD,
                waiting_bytes: 0,
            });
        }
        self.disk.sync()
    }

    /// Returns how many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.length
    }

    /// Returns whether it is large, and `waiting_bytes` of it only are worth keeping.
    pub(crate) fn is_worth_rewriting(&self, waiting_bytes: u64) -> bool {
        let half = self.length / 2;
        self.length > WORTH_REWRITING && waiting_bytes < half && self.to_gain(waiting_bytes) >= half
    }

    /// Returns whether a full one would have room for more than the next report if it were written anew: while nothing
    /// is settled it would not, and a reporter that retries must not have the whole file written each time.
    pub(crate) fn has_room_to_gain(&self, waiting_bytes: u64) -> bool {
        self.to_gain(waiting_bytes) >= self.max_bytes / 8
    }

    /// Returns an upper bound of the bytes that a rewrite would free: all bytes since the last rewrite, and the settled
    /// part of those before.
    fn to_gain(&self, waiting_bytes: u64) -> u64 {
        let Some(fresh) = self.fresh else {
            return self.length;
        };
        let settled = fresh.waiting_bytes.saturating_sub(waiting_bytes);
        let of_fresh = fresh.length.saturating_mul(settled) / fresh.waiting_bytes.max(1);
        self.length.saturating_sub(fresh.length) + of_fresh
    }

    /// Seals with these keys from now on.
    pub(crate) fn use_keys(&mut self, keys: JournalKeys) {
        self.keys = keys;
    }
}

/// Removes the temporary file of versions before `state-file`, which a killed process left.
fn remove_old_leftover(directory: &Path) -> io::Result<()> {
    match state_file::remove(&directory.join("journal.new")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock(directory: &Path) -> Result<LockFile, OpenError> {
    LockFile::try_take(&directory.join(LOCK_NAME)).map_err(|error| match error {
        LockError::File { path, source } => OpenError::File { path, source },
        _ => OpenError::Taken {
            directory: directory.to_owned(),
        },
    })
}

/// Returns the reports that wait and the number of good bytes; nothing if the file is not a journal.
fn read(file: &mut File, keys: &JournalKeys) -> io::Result<Option<(Replay, u64)>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let Some(frames) = bytes.strip_prefix(MAGIC.as_slice()) else {
        // A power cut may come before the first eight bytes are there.
        let is_ours = MAGIC.starts_with(&bytes);
        return Ok(is_ours.then(|| (Replay::default(), 0)));
    };
    let mut waiting: BTreeMap<u64, (usize, crate::Report)> = BTreeMap::new();
    let mut whose: Vec<(Reporter, i64)> = Vec::new();
    let mut replay = Replay::default();
    let mut rest = frames;
    while !rest.is_empty() {
        let length = match keys.open(rest) {
            Frame::Torn => {
                let Some(spoilt) = keys.next_whole(rest) else { break };
                replay.unreadable += 1;
                spoilt
            }
            Frame::Foreign { length } => {
                replay.unreadable += 1;
                length
            }
            Frame::Record { record, length } => {
                match record::read(&record) {
                    Some(Record::Accepted(accepted)) => {
                        whose.push((accepted.reporter, accepted.accepted_at));
                        for (number, report) in accepted.reports {
                            replay.next_number = replay.next_number.max(number.saturating_add(1));
                            waiting.insert(number, (whose.len() - 1, report));
                        }
                    }
                    Some(Record::Settled(ranges)) => {
                        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
                            let numbers: Vec<u64> = waiting.range(range).map(|(number, _)| *number).collect();
                            numbers.iter().for_each(|number| drop(waiting.remove(number)));
                        }
                    }
                    None => replay.unreadable += 1,
                }
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    replay.torn_bytes = rest.len() as u64;
    let mut pieces: BTreeMap<usize, Vec<(u64, crate::Report)>> = BTreeMap::new();
    for (number, (owner, report)) in waiting {
        pieces.entry(owner).or_default().push((number, report));
    }
    for (owner, reports) in pieces {
        if let Some((reporter, accepted_at)) = whose.get(owner) {
            replay.accepted.push(Accepted {
                reporter: reporter.clone(),
                accepted_at: *accepted_at,
                reports,
            });
        }
    }
    let good = bytes.len() as u64 - replay.torn_bytes;
    Ok(Some((replay, good)))
}

#[cfg(test)]
mod tests;
