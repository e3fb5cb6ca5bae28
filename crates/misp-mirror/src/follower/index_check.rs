//! What the two lists of changes cannot show: events that are gone or withdrawn.
//!
//! MISP's minimal index shows both, in 240 bytes an event. While nothing changes, its ETag saves the bytes. After a
//! change the ETag is of no use, so MISP is asked for two numbers instead: how many events the index has, and how many
//! of them are published. Only when they are not what they should be, or after a while, the index is read.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use misp_client::{EventEntry, EventIndexAnswer, EventList};

use super::Follower;
use super::event_reading::Shown;
use crate::distrust::Plausibility;
use crate::error::FollowError;

/// The most events of one index that are asked for although nothing is held of them; those that MISP made last.
const MAX_NEW: usize = 3_000;

/// The minimal index as it was last read.
#[derive(Debug, Default)]
pub(super) struct KnownIndex {
    etag: Option<String>,
    /// Something changed since the index with this ETag was read.
    pub(super) is_stale: bool,
    /// When the look began that read it.
    read_at: Option<Timestamp>,
    /// MISP's numbers of all and of published events, less ours; not 0 where MISP counts otherwise than we do.
    surplus: (i64, i64),
}

impl Follower {
    /// Finds events that are gone, withdrawn, or differ in another way from the index. `in_one_question` leaves room
    /// for another question in a quiet look: then the index is read, which is one question for the two numbers.
    pub(super) async fn check_index(&mut self, in_one_question: bool) -> Result<(), FollowError> {
        let is_due = |at: Timestamp| self.began.duration_since(at).unsigned_abs() >= self.options.trace_interval;
        if in_one_question || !self.index.is_stale || self.index.read_at.is_none_or(is_due) {
            self.read_index().await?;
            return Ok(());
        }
        let (all, published) = self.held.counted();
        let there = (self.questions.count(false).await?, self.questions.count(true).await?);
        let (Some(all_there), Some(published_there)) = there else {
            // A proxy removes the counts.
            self.read_index().await?;
            return Ok(());
        };
        let surplus = (difference(all_there, all), difference(published_there, published));
        // If every event is as the index says all the same, MISP counts otherwise than we do.
        if surplus != self.index.surplus && self.read_index().await? {
            self.index.surplus = surplus;
        }
        Ok(())
    }

    /// Reads the index unless its ETag is the known one; returns whether nothing had to be changed.
    async fn read_index(&mut self) -> Result<bool, FollowError> {
        // With the ETag of an index from before the last change, MISP may confirm events that are not held any more.
        let etag = self.index.etag.as_deref().filter(|_| !self.index.is_stale);
        let list = match self.questions.index(etag).await? {
            EventIndexAnswer::NotModified => {
                self.index.is_stale = false;
                self.index.read_at = Some(self.began);
                return Ok(true);
            }
            EventIndexAnswer::Events(list) => list,
        };
        let held = self.held.iter().filter(|(_, event)| event.is_listed()).count();
        if self.distrust.judge(self.began, list.entries.len(), held)? == Plausibility::Doubted {
            self.note_unexplained();
        }
        let is_same = self.compare_index(&list).await?;
        self.index.etag = list.etag;
        self.index.is_stale = false;
        self.index.read_at = Some(self.began);
        Ok(is_same)
    }

    async fn compare_index(&mut self, list: &EventList) -> Result<bool, FollowError> {
        let listed: HashSet<u64> = list.entries.iter().map(|entry| entry.id).collect();
        let missing = self
            .held
            .iter()
            .filter(|(id, event)| event.is_listed() && !listed.contains(id));
        let mut ids: Vec<u64> = missing.map(|(id, _)| id).collect();
        let differing = list.entries.iter().filter(|entry| self.differs_from_index(entry));
        let differing = differing.map(|entry| entry.id);
        let (known, mut new): (Vec<u64>, Vec<u64>) = differing.partition(|id| self.held.get(*id).is_some());
        ids.extend(known);
        // New events show in the lists of changes too, and the slow round finds what those leave out. So an index full
        // of events that MISP does not show costs little.
        new.sort_unstable_by_key(|id| Reverse(*id));
        new.truncate(MAX_NEW);
        ids.extend(new);
        if ids.is_empty() {
            return Ok(true);
        }
        let mut shown: BTreeMap<u64, Shown> = BTreeMap::new();
        let listing = self.questions.events(ids.iter().copied()).await?;
        self.show(&mut shown, listing);
        let is_gone = |id: &u64| !shown.contains_key(id) && self.held.get(*id).is_some();
        let gone = ids.into_iter().filter(is_gone).collect();
        let before = self.changes.len();
        self.vanish(gone).await?;
        self.read_events(shown.into_values()).await?;
        Ok(self.changes.len() == before)
    }

    fn differs_from_index(&self, entry: &EventEntry) -> bool {
        self.held.get(entry.id).is_none_or(|event| {
            !event.is_listed()
                || event.timestamp != entry.timestamp
                || event.published != entry.published
                || (entry.uuid.is_some() && event.uuid != entry.uuid)
        })
    }
}

fn difference(there: u64, here: u64) -> i64 {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    number(there).saturating_sub(number(here))
}
