//! The state of an event, which the store knows without reading its record.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::encoding::{self, RecordError};
use crate::EventRecord;

/// The state of an event, which the store knows without reading its record. Equal states belong to equal
/// current blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventState {
    /// MISP's number of the event.
    pub id: u64,
    /// The UUID.
    pub uuid: Option<Uuid>,
    /// The last change, in unix seconds.
    pub timestamp: i64,
    /// Whether it is published.
    pub published: bool,
    /// The last publication, in unix seconds; 0 for never.
    pub publish_timestamp: i64,
    /// MISP's own count of its attributes, which may be wrong.
    pub attribute_count: Option<u64>,
    /// Whether it is a protected event.
    pub protected: bool,
    /// The `publish_timestamp` with which it was seen withdrawn.
    pub withdrawn_at: Option<i64>,
    /// Number of rows of the current block.
    pub rows: u32,
    /// The first half of the SHA-256 of the current block: facts, tags and rows with their warninglists.
    pub digest: [u8; 16],
}

impl EventState {
    /// Returns the state of a record.
    ///
    /// # Errors
    /// If the record is too large for a store.
    pub fn of(record: &EventRecord) -> Result<Self, RecordError> {
        let (text, current) = encoding::text_of(record)?;
        Self::with_text(record, text.get(..current).unwrap_or_default())
    }

    /// Returns the state of a record whose current block has this text.
    pub(crate) fn with_text(record: &EventRecord, current: &[u8]) -> Result<Self, RecordError> {
        let event = &record.current.event;
        let mut hash = Sha256::new_with_prefix(current);
        for row in record.current.rows.iter().filter(|row| !row.warninglists.is_empty()) {
            hash.update(row.id.to_be_bytes());
            hash.update((row.warninglists.len() as u64).to_be_bytes());
            row.warninglists.iter().for_each(|list| hash.update(list.to_be_bytes()));
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Ok(Self {
            id: event.id,
            uuid: event.uuid,
            timestamp: event.timestamp,
            published: event.published,
            publish_timestamp: event.publish_timestamp,
            attribute_count: event.attribute_count,
            protected: event.protected,
            withdrawn_at: record.withdrawn_at,
            rows: u32::try_from(record.current.rows.len()).map_err(|_| RecordError::TooLarge)?,
            digest: half,
        })
    }

    /// Returns whether MISP's minimal index counts the event in its total; see
    /// [`EventFacts::is_counted`](crate::EventFacts::is_counted).
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.attribute_count != Some(0)
    }

    /// Returns whether MISP's minimal index lists the event; see
    /// [`EventFacts::is_listed`](crate::EventFacts::is_listed).
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.is_counted() && !self.protected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{record, row};
    use crate::{EventFacts, MirrorRow};

    #[test]
    fn an_index_lists_events_with_attributes_that_are_not_protected() {
        for (attribute_count, protected, counts, lists) in [
            (None, false, true, true),
            (Some(3), false, true, true),
            (Some(3), true, true, false),
            (Some(0), false, false, false),
        ] {
            let event = EventFacts {
                attribute_count,
                protected,
                ..EventFacts::default()
            };
            assert_eq!((event.is_counted(), event.is_listed()), (counts, lists), "{event:?}");
            let state = EventState::of(&record(event, Vec::new())).unwrap();
            assert_eq!((state.is_counted(), state.is_listed()), (counts, lists), "{state:?}");
        }
    }

    /// They are not in the text of a record.
    #[test]
    fn events_differ_whose_rows_are_on_other_warninglists() {
        let state = |lists: [&[u64]; 2]| {
            let rows = lists.into_iter().zip(1..).map(|(lists, id)| MirrorRow {
                warninglists: lists.to_vec(),
                ..row(id)
            });
            let rows = rows.collect();
            EventState::of(&record(EventFacts::default(), rows)).unwrap()
        };
        let states = [
            state([&[], &[]]),
            state([&[3], &[]]),
            state([&[4], &[]]),
            state([&[], &[3]]),
            state([&[3, 4], &[]]),
            state([&[3], &[4]]),
        ];
        for (place, one) in states.iter().enumerate() {
            let same = states.iter().filter(|other| *other == one);
            assert_eq!(same.count(), 1, "state {place}");
        }
    }
}
