//! For fuzzers: the readers of bytes that a store or a shared place kept.
//!
//! Both seal their bytes, so only a holder of the encryption key, or a mirror of another version, can write others.

use crate::log_position::{Epoch, Position};
use crate::memory::Memory;
use crate::shared_log::{Entry, EntryChange, Head, ReadChange};
use crate::store::testkit as store;
use crate::stored_lists;

/// Reads these bytes as each of the texts in a store: the root and this page of the manifest, the memory of the
/// follower, and warninglists. It writes a text that it could read, and reads it again.
///
/// # Panics
/// If that gives something else.
pub fn read_stored(page: u64, bytes: &[u8]) {
    store::read_manifest(page, bytes);
    let memory = Memory::read(Some(bytes));
    assert_eq!(Memory::read(Some(&memory.bytes())), memory);
    if let Some(lists) = stored_lists::matcher(bytes) {
        let _ = lists.matches("domain", "www.example.org");
    }
}

/// Reads these bytes as the head and as an entry of the shared log, and asks the head for the entries that a mirror at
/// this position lacks. It writes a text that it could read, and reads it again.
///
/// # Panics
/// If that gives something else.
pub fn read_shared(epoch: u64, sequence: u64, bytes: &[u8]) {
    if let Some(head) = Head::read(bytes) {
        assert_eq!(Head::read(&head.bytes()).as_ref(), Some(&head));
        let _ = head.as_of();
        let epoch = Epoch::numbered(epoch);
        let elsewhere = Position { epoch, sequence };
        for from in [Some(elsewhere), Some(head.position.at(sequence)), head.base] {
            let _ = from.and_then(|from| head.since(from));
        }
    }
    if let Some((entry, changes)) = Entry::read(bytes) {
        let written = entry_of(&entry, &changes).and_then(|entry| entry.bytes());
        assert_eq!(
            written.and_then(|bytes| Entry::read(&bytes)),
            Some((entry, changes)),
            "an entry is another one after it was written"
        );
    }
}

/// Returns the entry with these changes; none when a record cannot be written.
fn entry_of(entry: &Entry, changes: &[ReadChange]) -> Option<Entry> {
    let changes = changes.iter().map(|change| match change {
        ReadChange::Replaced(record) => record.to_bytes().ok().map(EntryChange::Replaced),
        ReadChange::Removed(id) => Some(EntryChange::Removed(*id)),
    });
    Some(Entry {
        changes: changes.collect::<Option<_>>()?,
        ..entry.clone()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Block, EventFacts, EventRecord, LastPublished};

    proptest! {
        #[test]
        fn no_stored_or_shared_bytes_panic(
            page in 0..4_u64,
            numbers in any::<(u64, u64)>(),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            read_stored(page, &bytes);
            read_shared(numbers.0, numbers.1, &bytes);
        }
    }

    #[test]
    fn an_entry_with_a_record_is_the_same_after_it_was_written() {
        let event = EventFacts {
            id: 7,
            ..EventFacts::default()
        };
        let rows = Vec::new();
        let record = EventRecord {
            current: Block { event, rows },
            last_published: LastPublished::Nothing,
            withdrawn_at: None,
        };
        let entry = Entry {
            position: Position::default(),
            changes: vec![
                EntryChange::Replaced(record.to_bytes().unwrap()),
                EntryChange::Removed(8),
            ],
            warninglists: Some(b"[]".to_vec()),
        };
        read_shared(0, 0, &entry.bytes().unwrap());
        let head = br#"{"position":{"epoch":{"number":7,"lot":0},"sequence":5},"first":3,"base":null,"as_of_ms":0,"memory":{}}"#;
        assert!(Head::read(head).is_some());
        read_shared(7, 4, head);
        read_shared(u64::MAX, u64::MAX, head);
    }
}
