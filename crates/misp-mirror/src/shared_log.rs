//! What the leading mirror puts into the place that mirrors share: a log of changes, and a head that says where the log
//! ends and when MISP last confirmed it.
//!
//! The log is no copy of the mirror. It has the changes of about the last hour, for mirrors that held everything
//! before. Each entry has a [`Position`]: the epoch of the leader that wrote it, and a number that grows by one. The
//! position is in the text of each item too, so that an older item in place of a newer one is noticed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::log_position::{Epoch, Position};
use crate::memory::Memory;
use crate::{Change, EventRecord};

/// The name of the item with the [`Head`].
pub(crate) const HEAD: &str = "head";
/// The name of the item that asks the leader to look at MISP.
pub(crate) const HINT: &str = "hint";
/// How long entries and the head are kept.
pub(crate) const LIFE: Duration = Duration::from_secs(3_600);
/// The most bytes of entries that are kept, before the cache compresses them.
const LOG_BYTES: usize = 64 << 20;
/// The most entries that are kept.
const LOG_ENTRIES: usize = 4_096;
/// A larger entry is not put: the others ask MISP for these changes.
pub(crate) const MAX_ENTRY_BYTES: usize = 32 << 20;
/// Changes that are larger are split into several entries.
const ENTRY_BYTES: usize = 4 << 20;

/// Where the log ends, and what the leader knows of MISP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The last entry.
    pub(crate) position: Position,
    /// The first entry of this epoch that the log has; the one after the last one if it has none.
    pub(crate) first: u64,
    /// The last entry that the leader had taken when it began to lead.
    pub(crate) base: Option<Position>,
    /// When the look at MISP began that confirms everything up to the position, in unix milliseconds.
    pub(crate) as_of_ms: i64,
    pub(crate) memory: Memory,
}

impl Head {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Numbers and texts can always be written; nothing would be read as no head.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.as_of_ms).ok()
    }

    /// Returns the entries from this position to the head; none when the log does not have them all.
    pub(crate) fn since(&self, from: Position) -> Option<Vec<Position>> {
        const MOST: u64 = LOG_ENTRIES as u64;
        let own = |after: u64| {
            let last = self.position.sequence;
            let is_there = after.checked_add(1)? >= self.first && after <= last && last - after <= MOST;
            is_there.then(|| (after + 1..=self.position.sequence).map(|sequence| self.position.at(sequence)))
        };
        if from.epoch == self.position.epoch {
            return Some(own(from.sequence)?.collect());
        }
        let is_on_the_way = |base: &Position| {
            let between = base.sequence.checked_sub(from.sequence);
            base.epoch == from.epoch && between.is_some_and(|entries| entries <= MOST)
        };
        let base = self.base.filter(is_on_the_way)?;
        let before = (from.sequence.checked_add(1)?..=base.sequence).map(|sequence| base.at(sequence));
        Some(before.chain(own(base.sequence)?).collect())
    }
}

/// Some changes of one look, or lists that are others now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) changes: Vec<EntryChange>,
    /// The enabled warninglists, as they lie in the store.
    pub(crate) warninglists: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EntryChange {
    /// A record, by [`EventRecord::to_bytes`].
    Replaced(Vec<u8>),
    Removed(u64),
}

impl Entry {
    /// Reads the bytes of an entry, and its records.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, Vec<ReadChange>)> {
        let mut entry: Self = postcard::from_bytes(bytes).ok()?;
        let changes = std::mem::take(&mut entry.changes)
            .into_iter()
            .map(|change| match change {
                EntryChange::Replaced(bytes) => EventRecord::from_bytes(&bytes).ok().map(ReadChange::Replaced),
                EntryChange::Removed(id) => Some(ReadChange::Removed(id)),
            });
        let changes = changes.collect::<Option<Vec<_>>>()?;
        Some((entry, changes))
    }

    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, Vec::new()).ok()
    }
}

/// A change of an entry with its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadChange {
    Replaced(EventRecord),
    Removed(u64),
}

/// A change for the log.
#[derive(Clone, Debug)]
pub(crate) enum LogChange {
    Replaced(Arc<EventRecord>),
    Removed(u64),
}

impl LogChange {
    /// Returns the change as others see it; nothing for damage of the own store.
    pub(crate) fn of(change: &Change) -> Option<Self> {
        match change {
            Change::Replaced { record, .. } => Some(Self::Replaced(Arc::clone(record))),
            Change::Removed { id } => Some(Self::Removed(*id)),
            Change::Missing { .. } => None,
        }
    }
}

/// Returns these changes in groups, each for one entry; none when a record cannot be written. It takes a while.
pub(crate) fn grouped(changes: &[LogChange]) -> Option<Vec<Vec<EntryChange>>> {
    let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
    for change in changes {
        let change = match change {
            LogChange::Replaced(record) => EntryChange::Replaced(record.to_bytes().ok()?),
            LogChange::Removed(id) => EntryChange::Removed(*id),
        };
        bytes += match &change {
            EntryChange::Replaced(record) => record.len(),
            EntryChange::Removed(_) => size_of::<u64>(),
        };
        group.push(change);
        if bytes >= ENTRY_BYTES {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    Some(groups)
}

/// What the leader knows of its own log.
#[derive(Debug)]
pub(crate) struct Log {
    /// The last entry.
    pub(crate) position: Position,
    pub(crate) base: Option<Position>,
    first: u64,
    /// The entries that are kept, with their bytes.
    kept: VecDeque<(u64, usize)>,
    kept_bytes: usize,
}

impl Log {
    /// Begins the log of an epoch, for a mirror that has taken everything up to `base`.
    pub(crate) fn begin(epoch: Epoch, base: Option<Position>) -> Self {
        let sequence = base.map_or(0, |base| base.sequence);
        Self {
            position: Position { epoch, sequence },
            base,
            first: sequence.saturating_add(1),
            kept: VecDeque::new(),
            kept_bytes: 0,
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Returns the position of the next entry.
    pub(crate) fn next(&mut self) -> Position {
        self.position.sequence += 1;
        self.position
    }

    /// Notes that the last entry was put, and returns the names of those that have to go for it.
    pub(crate) fn put(&mut self, bytes: usize) -> Vec<String> {
        self.kept.push_back((self.position.sequence, bytes));
        self.kept_bytes += bytes;
        let mut gone = Vec::new();
        while (self.kept_bytes > LOG_BYTES || self.kept.len() > LOG_ENTRIES)
            && let Some((sequence, bytes)) = self.kept.pop_front()
        {
            self.kept_bytes -= bytes;
            self.first = sequence + 1;
            gone.push(self.position.at(sequence).name());
        }
        gone
    }

    /// Notes that the last entry is not there: no mirror can go on from before it.
    pub(crate) fn gap(&mut self) {
        self.first = self.position.sequence + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(epoch: u64, sequence: u64) -> Position {
        let epoch = Epoch::numbered(epoch);
        Position { epoch, sequence }
    }

    fn head(position: Position, first: u64, base: Option<Position>) -> Head {
        Head {
            position,
            first,
            base,
            as_of_ms: 0,
            memory: Memory::default(),
        }
    }

    #[test]
    fn mirror_goes_on_where_the_log_has_every_entry() {
        let one = head(position(7, 5), 3, None);
        assert_eq!(one.since(position(7, 5)), Some(vec![]));
        assert_eq!(one.since(position(7, 3)), Some(vec![position(7, 4), position(7, 5)]));
        assert_eq!(one.since(position(7, 2)).unwrap().len(), 3);
        for elsewhere in [position(7, 1), position(7, 6), position(6, 5), position(8, 5)] {
            assert_eq!(one.since(elsewhere), None, "{elsewhere:?}");
        }
        assert_eq!(one.since(position(7, u64::MAX)), None);
    }

    #[test]
    fn no_entry_follows_the_greatest_number() {
        let end = position(7, u64::MAX);
        assert_eq!(head(position(8, u64::MAX), 1, Some(end)).since(end), None);
    }

    #[test]
    fn mirror_goes_on_over_a_change_of_leaders_from_what_the_new_one_had() {
        let new = head(position(8, 5), 4, Some(position(7, 3)));
        let all = [position(7, 3), position(8, 4), position(8, 5)];
        assert_eq!(new.since(position(7, 2)), Some(all.to_vec()));
        assert_eq!(new.since(position(7, 3)), Some(all[1..].to_vec()));
        // This one has taken an entry that the new leader did not have.
        assert_eq!(new.since(position(7, 4)), None);
        assert_eq!(new.since(position(6, 3)), None);
        let trimmed = head(position(8, 5), 5, Some(position(7, 3)));
        assert_eq!(trimmed.since(position(7, 3)), None);
    }

    #[test]
    fn log_keeps_a_bounded_number_of_bytes_and_names_what_has_to_go() {
        let mut log = Log::begin(Epoch::default(), Some(position(0, 9)));
        assert_eq!(log.first(), 10);
        assert_eq!(log.next().sequence, 10);
        assert!(log.put(LOG_BYTES / 2).is_empty());
        log.next();
        assert!(log.put(LOG_BYTES / 2).is_empty());
        log.next();
        assert_eq!(log.put(1), [position(0, 10).name()]);
        assert_eq!(log.first(), 11);
        log.next();
        log.gap();
        assert_eq!(log.first(), 14);
    }

    #[test]
    fn head_and_entry_come_back_and_other_bytes_are_refused() {
        let head = head(position(8, 5), 4, Some(position(7, 3)));
        assert_eq!(Head::read(&head.bytes()), Some(head));
        assert_eq!(Head::read(b"{}"), None);
        let entry = Entry {
            position: position(1, 2),
            changes: vec![EntryChange::Removed(7)],
            warninglists: None,
        };
        let (read, changes) = Entry::read(&entry.bytes().unwrap()).unwrap();
        assert_eq!((read.position, changes), (position(1, 2), vec![ReadChange::Removed(7)]));
        let foreign = Entry {
            changes: vec![EntryChange::Replaced(b"no record".to_vec())],
            ..entry
        };
        assert!(Entry::read(&foreign.bytes().unwrap()).is_none());
        assert!(Entry::read(b"").is_none());
    }

    #[test]
    fn changes_are_put_together_until_an_entry_is_full() {
        let fit = ENTRY_BYTES.div_ceil(size_of::<u64>());
        let groups = |changes: usize| {
            let changes: Vec<LogChange> = (0..changes as u64).map(LogChange::Removed).collect();
            grouped(&changes).unwrap().iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(groups(0), Vec::<usize>::new());
        assert_eq!(groups(fit), [fit]);
        assert_eq!(groups(2 * fit + 1), [fit, fit, 1]);
    }
}
