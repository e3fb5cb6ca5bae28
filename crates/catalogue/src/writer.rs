//! The next snapshot out of the present one and the changes since.

use std::collections::HashMap;
use std::sync::Arc;

use feed_classification::{IndicatorType, TypeSet};
use misp_mirror::{Batch, Change, EventRecord, LastPublished};

use crate::attribute_types::AttributeTypeNumbers;
use crate::error::number;
use crate::families;
use crate::merges::{self, Work};
use crate::row::Marks;
use crate::snapshot::Events;
use crate::snapshot::MissingEvents;
use crate::staging::{BlockContext, Staging};
use crate::tag_sets::TagSetNumbers;
use crate::{CatalogueError, Classes, Event, Snapshot};

/// Everything that changes a snapshot. What readers see is shared with it and copied before it changes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The places of the events, by MISP's number.
    slots: HashMap<u64, u32>,
    missing: MissingEvents,
    events: Arc<Events>,
    /// Places that no row of the snapshot has.
    free: Vec<u32>,
    attribute_types: AttributeTypeNumbers,
    tag_sets: TagSetNumbers,
    staging: Staging,
    refused: Option<CatalogueError>,
}

impl Writer {
    pub(crate) fn new(mappings: Classes) -> Self {
        Self {
            slots: HashMap::new(),
            missing: MissingEvents::default(),
            events: Arc::default(),
            free: Vec::new(),
            attribute_types: AttributeTypeNumbers::new(mappings),
            tag_sets: TagSetNumbers::default(),
            staging: Staging::new(),
            refused: None,
        }
    }

    /// Takes over a batch. Returns the next snapshot with the types that it concerns; nothing while the copy is not
    /// complete.
    pub(crate) fn apply(
        &mut self,
        before: &Snapshot,
        batch: &Batch,
    ) -> Result<Option<(Snapshot, TypeSet)>, CatalogueError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.refused = Some(CatalogueError::Interrupted);
        let next = self.take_over(before, batch);
        self.refused = next.as_ref().err().copied();
        next
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        // A hash table keeps a byte beside each entry.
        let slots = self.slots.capacity() * (size_of::<(u64, u32)>() + 1);
        slots + self.free.capacity() * size_of::<u32>() + self.tag_sets.weight_bytes() + self.staging.weight_bytes()
    }

    fn take_over(&mut self, before: &Snapshot, batch: &Batch) -> Result<Option<(Snapshot, TypeSet)>, CatalogueError> {
        for change in &batch.changes {
            self.note_missing(change);
            match change {
                Change::Missing { .. } => {}
                Change::Removed { id } => self.remove(*id),
                Change::Replaced {
                    record,
                    warned,
                    warned_published,
                } => self.replace(record, warned, warned_published)?,
            }
        }
        if !batch.is_complete {
            return Ok(None);
        }
        self.commit(before, batch).map(Some)
    }

    /// Notes an event that is missing, or is not any more.
    fn note_missing(&mut self, change: &Change) {
        match change {
            Change::Missing { id, summary } if !self.slots.contains_key(id) => {
                Arc::make_mut(&mut self.missing).insert(*id, *summary);
            }
            Change::Missing { .. } => {}
            _ if self.missing.is_empty() => {}
            Change::Removed { id } => drop(Arc::make_mut(&mut self.missing).remove(id)),
            Change::Replaced { record, .. } => {
                Arc::make_mut(&mut self.missing).remove(&record.current.event.id);
            }
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(slot) = self.slots.remove(&id) {
            self.release(slot);
        }
    }

    /// Takes the event out of its place, which others may have after the next snapshot.
    fn release(&mut self, slot: u32) {
        let event = Arc::make_mut(&mut self.events)
            .get_mut(slot as usize)
            .and_then(Option::take);
        self.staging.release(slot, event.map_or(0, |event| event.families));
    }

    fn replace(
        &mut self,
        record: &EventRecord,
        warned: &[bool],
        warned_published: &[bool],
    ) -> Result<(), CatalogueError> {
        let facts = &record.current.event;
        let known = self.slots.get(&facts.id).copied();
        let old = known.and_then(|slot| self.events.get(slot as usize)?.clone());
        let slot = match known {
            Some(slot) if !self.staging.has(slot) => slot,
            Some(slot) => {
                self.release(slot);
                self.place()?
            }
            None => self.place()?,
        };
        self.slots.insert(facts.id, slot);
        self.staging
            .replace(slot, old.as_ref().map_or(0, |event| event.families));
        let (is_current, block) = match &record.last_published {
            LastPublished::Current => (Marks::CURRENT.with(Marks::PUBLISHED), None),
            LastPublished::Block(block) => (Marks::CURRENT, Some(block)),
            LastPublished::Nothing => (Marks::CURRENT, None),
        };
        let mut event = Event::of(facts, block.map(|block| &block.event));
        let mut context = BlockContext {
            attribute_types: &mut self.attribute_types,
            tag_sets: &mut self.tag_sets,
            slot,
        };
        event.families |= self.staging.stage(&mut context, &record.current, warned, is_current)?;
        if let Some(block) = block {
            event.families |= self
                .staging
                .stage_published(&mut context, block, &record.current, warned_published)?;
        }
        if let Some(old) = old.filter(|old| !old.counts_as(&event)) {
            self.staging.differ(old.families | event.families);
        }
        if let Some(place) = Arc::make_mut(&mut self.events).get_mut(slot as usize) {
            *place = Some(Arc::new(event));
        }
        Ok(())
    }

    /// Returns a free place for an event.
    fn place(&mut self) -> Result<u32, CatalogueError> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slot = number(self.events.len(), "events")?;
        Arc::make_mut(&mut self.events).push(None);
        Ok(slot)
    }

    fn commit(&mut self, before: &Snapshot, batch: &Batch) -> Result<(Snapshot, TypeSet), CatalogueError> {
        let mut staging = std::mem::replace(&mut self.staging, Staging::new());
        let mut work = Vec::new();
        for (number, class) in before.classes.iter().enumerate() {
            if staging.touches(number) {
                work.push(Work {
                    number,
                    class: Arc::clone(class),
                    staged: staging.take(number),
                });
            }
        }
        let mut snapshot = before.clone();
        let mut changed = staging.differing();
        for (number, class) in merges::all(work, staging.leaving(), staging.void())? {
            changed |= 1 << number;
            if let Some(place) = snapshot.classes.get_mut(number) {
                *place = Arc::new(class);
            }
        }
        self.free.extend(staging.released());
        self.sweep_tag_sets(&mut snapshot)?;
        let is_same = changed == 0 && staging.is_empty() && before.is_complete;
        snapshot.revision = before.revision + u64::from(!is_same);
        snapshot.events = Arc::clone(&self.events);
        snapshot.event_count = self.slots.len();
        snapshot.missing = Arc::clone(&self.missing);
        snapshot.tag_sets = Arc::clone(self.tag_sets.sets());
        snapshot.attribute_types = Arc::clone(self.attribute_types.types());
        snapshot.as_of = batch.as_of.or(before.as_of);
        snapshot.is_complete = true;
        let kinds = IndicatorType::ALL.iter().copied();
        let types = kinds
            .filter(|kind| changed & 1 << families::number_of(*kind) != 0)
            .collect();
        Ok((snapshot, types))
    }

    /// Forgets tag sets that no row has any more, once there may be many.
    fn sweep_tag_sets(&mut self, snapshot: &mut Snapshot) -> Result<(), CatalogueError> {
        if !self.tag_sets.needs_sweep() {
            return Ok(());
        }
        let mut is_used = vec![false; self.tag_sets.sets().len()];
        for row in snapshot.classes.iter().flat_map(|class| class.all_rows()) {
            if let Some(is_used) = is_used.get_mut(row.tag_set() as usize) {
                *is_used = true;
            }
        }
        if let Some(moved) = self.tag_sets.sweep(&is_used)? {
            for class in snapshot.classes.iter_mut().filter(|class| class.rows() > 0) {
                *class = Arc::new(class.with_tag_sets(&moved));
            }
        }
        Ok(())
    }
}
