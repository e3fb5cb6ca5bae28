//! The list of everything in the store: a root names the pages, a page names the events.
//!
//! Each names the stamps of its entries. So the record of an event is the one that was written last together with the
//! rest: a record that was removed, or put back from an older copy of the file, is noticed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EventState, EventSummary};
use crate::seal::Stamp;

/// The events of this many numbers in a row share a page. A page of 32 takes less than 4 KiB, the unit in which the
/// file is written.
const PAGE_BITS: u32 = 5;

/// An event in the list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) state: EventState,
    /// For the time when the record does not open.
    pub(crate) summary: EventSummary,
    pub(crate) stamp: Stamp,
    /// Length of the sealed record, in bytes.
    pub(crate) length: u64,
}

/// The list, as it is kept in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) events: BTreeMap<u64, Entry>,
    pub(crate) root: Root,
    /// Events whose record does not open. Kept in memory only: reading them finds out again.
    pub(crate) damaged: BTreeSet<u64>,
}

/// The sealed root.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Root {
    /// False after a part of the list was lost.
    pub(crate) is_whole: bool,
    pub(crate) pages: BTreeMap<u64, Stamp>,
    pub(crate) meta: BTreeMap<String, Stamp>,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            is_whole: true,
            pages: BTreeMap::new(),
            meta: BTreeMap::new(),
        }
    }
}

impl Root {
    pub(crate) fn to_text(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    pub(crate) fn of_text(text: &[u8]) -> Option<Self> {
        postcard::from_bytes(text).ok()
    }
}

/// Returns the number of the page that lists this event.
pub(crate) fn page_of(id: u64) -> u64 {
    id >> PAGE_BITS
}

/// Returns the numbers of the events that a page can list.
pub(crate) fn ids_of(page: u64) -> std::ops::RangeInclusive<u64> {
    let first = page << PAGE_BITS;
    first..=first | ((1 << PAGE_BITS) - 1)
}

/// Returns the text of a page.
pub(crate) fn page_text<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Vec<u8> {
    let entries: Vec<EntryText> = entries.into_iter().map(EntryText::of).collect();
    postcard::to_allocvec(&entries).unwrap_or_default()
}

/// Returns the events of a page; nothing if the text belongs to another page.
pub(crate) fn page_entries(page: u64, text: &[u8]) -> Option<Vec<Entry>> {
    let entries: Vec<EntryText> = postcard::from_bytes(text).ok()?;
    let entries: Vec<Entry> = entries.into_iter().map(EntryText::into_entry).collect();
    let is_ours = entries.iter().all(|entry| page_of(entry.state.id) == page);
    is_ours.then_some(entries)
}

#[derive(Serialize, Deserialize)]
struct EntryText {
    id: u64,
    uuid: Option<[u8; 16]>,
    timestamp: i64,
    published: bool,
    publish_timestamp: i64,
    attribute_count: Option<u64>,
    protected: bool,
    withdrawn_at: Option<i64>,
    rows: u32,
    digest: [u8; 16],
    summary: EventSummary,
    stamp: Stamp,
    length: u64,
}

impl EntryText {
    fn of(entry: &Entry) -> Self {
        let state = &entry.state;
        Self {
            id: state.id,
            uuid: state.uuid.map(Uuid::into_bytes),
            timestamp: state.timestamp,
            published: state.published,
            publish_timestamp: state.publish_timestamp,
            attribute_count: state.attribute_count,
            protected: state.protected,
            withdrawn_at: state.withdrawn_at,
            rows: state.rows,
            digest: state.digest,
            summary: entry.summary,
            stamp: entry.stamp,
            length: entry.length,
        }
    }

    fn into_entry(self) -> Entry {
        Entry {
            state: EventState {
                id: self.id,
                uuid: self.uuid.map(Uuid::from_bytes),
                timestamp: self.timestamp,
                published: self.published,
                publish_timestamp: self.publish_timestamp,
                attribute_count: self.attribute_count,
                protected: self.protected,
                withdrawn_at: self.withdrawn_at,
                rows: self.rows,
                digest: self.digest,
            },
            summary: self.summary,
            stamp: self.stamp,
            length: self.length,
        }
    }
}
