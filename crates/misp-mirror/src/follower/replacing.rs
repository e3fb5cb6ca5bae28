//! Replaces events by what MISP shows now, and notes the changes.

use std::collections::BTreeMap;

use super::Follower;
use super::event_reading::{Shown, is_fresh};
use crate::error::FollowError;
use crate::store::Withdrawal;
use crate::{Block, EventRecord, EventState, MirrorRow, Store, StoreError, Update, publication};

/// The record of an event that was read, and whether it differs from the one before.
struct Read {
    record: EventRecord,
    is_new: bool,
    /// The one before, where it was looked at.
    earlier: Option<EventRecord>,
}

impl Follower {
    /// Replaces these events in one step.
    pub(super) async fn replace(&mut self, settled: Vec<(Shown, Vec<MirrorRow>)>) -> Result<(), FollowError> {
        let fresh = settled.iter().filter(|(shown, _)| is_fresh(shown));
        let fresh: Vec<u64> = fresh.map(|(shown, _)| shown.facts.id).collect();
        let ids: Vec<u64> = settled.iter().map(|(shown, _)| shown.facts.id).collect();
        let blocks = settled.into_iter().map(|(shown, rows)| Block {
            event: shown.facts,
            rows,
        });
        let blocks: Vec<Block> = blocks.collect();
        let known = &self.memory.withdrawn;
        let withdrawn = ids.iter().filter_map(|id| Some((*id, *known.get(id)?)));
        let withdrawn: BTreeMap<u64, Withdrawal> = withdrawn.collect();
        let comparing = self.comparing;
        let writing = self.with_store(move |store| write(store, blocks, comparing, &withdrawn));
        let outcome = writing.await;
        if outcome.is_err() {
            self.backlog.extend(&ids);
            self.unsure.extend(&ids);
        }
        let (written, too_large) = outcome?;
        for id in too_large {
            self.note_trouble(id, &StoreError::TooLarge { id }.into());
        }
        for read in written {
            self.hold(read);
        }
        self.again.extend(fresh);
        if self.held.rows() > self.options.max_attributes {
            let limit = self.options.max_attributes;
            return Err(FollowError::TooLarge { limit });
        }
        Ok(())
    }

    /// Takes over an event that is stored now.
    fn hold(&mut self, read: Read) {
        let id = read.record.current.event.id;
        // Another mirror on the same store, which has just ended, may have stored it and reported it to no one.
        let is_unknown = self.held.get(id).is_none();
        let lost_without_edit = self.held.insert(&read.record);
        self.memory.vanished.remove(&id);
        self.memory.withdrawn.remove(&id);
        self.backlog.remove(&id);
        self.again.remove(&id);
        self.troubles.forget(id);
        if self.unsure.remove(&id) || is_unknown || read.is_new {
            if self.comparing {
                self.compared(read.earlier.as_ref(), &read.record);
            }
            if lost_without_edit || self.has_other_rights() {
                self.note_unexplained();
            }
            self.index.is_stale = true;
            self.note(read.record);
        }
    }
}

/// Writes the records of these blocks in one transaction, those that differ. A comparison opens the record before, also
/// where its digest would do. Events that are too large for a record come back by number.
fn write(
    store: &Store,
    blocks: Vec<Block>,
    comparing: bool,
    withdrawn: &BTreeMap<u64, Withdrawal>,
) -> Result<(Vec<Read>, Vec<u64>), FollowError> {
    let mut read = Vec::with_capacity(blocks.len());
    for block in blocks {
        let id = block.event.id;
        // While it is published, an event counts as it is, whatever it was before.
        let needs_earlier = comparing || !block.event.published;
        let earlier = if needs_earlier { stored(store, id)? } else { None };
        let lost = match earlier {
            None if needs_earlier => store.withdrawal(id).or_else(|| withdrawn.get(&id).copied()),
            _ => None,
        };
        let lost = lost.map(|lost| lost.record(id));
        let record = publication::record(earlier.as_ref().or(lost.as_ref()), block);
        let is_new = if needs_earlier {
            earlier.as_ref() != Some(&record)
        } else {
            let known = store.state(id);
            known.is_none_or(|known| EventState::of(&record).map_or(true, |state| state != known))
        };
        read.push(Read {
            record,
            is_new,
            earlier,
        });
    }
    let mut too_large = Vec::new();
    loop {
        let new = read.iter().filter(|read| read.is_new).map(|read| &read.record);
        match store.write(Update::new().put(new)) {
            Err(StoreError::TooLarge { id }) if !too_large.contains(&id) => {
                read.retain(|read| read.record.current.event.id != id);
                too_large.push(id);
            }
            outcome => {
                outcome?;
                return Ok((read, too_large));
            }
        }
    }
}

/// Returns the record that is held, or none when it does not open.
pub(super) fn stored(store: &Store, id: u64) -> Result<Option<EventRecord>, FollowError> {
    match store.get(id) {
        Err(StoreError::Damaged { .. }) => Ok(None),
        outcome => Ok(outcome?),
    }
}
