//! The changes since the present snapshot.

use std::sync::Arc;

use feed_classification::Extractor;
use misp_client::Tag;
use misp_mirror::{Block, MirrorRow};

use crate::attribute_types::AttributeTypeNumbers;
use crate::class::StagedClass;
use crate::families::{self, FAMILIES};
use crate::present_state::PresentState;
use crate::row::Marks;
use crate::slot_set::SlotSet;
use crate::tag_sets::TagSetNumbers;
use crate::times::{self, Times};
use crate::{CatalogueError, Row};

/// Characters of a value without a valid form that are kept.
const MOST_CHARACTERS: usize = 200;

/// Extracted rows by family, and the places of the events that change. The records themselves are not kept.
#[derive(Debug)]
pub(crate) struct Staging {
    classes: Vec<StagedClass>,
    extractors: Vec<Option<Extractor>>,
    /// Events whose rows in the snapshot go.
    leaving: SlotSet,
    /// Events with staged facts.
    staged: SlotSet,
    /// Events whose staged rows do not count: they changed again.
    void: SlotSet,
    /// Events whose places become free.
    released: Vec<u32>,
    /// Families that rows leave or come to, a bit for each.
    touched: u64,
    /// Families whose rows count differently because of their events.
    differing: u64,
}

/// What all rows of a block need.
pub(crate) struct BlockContext<'w> {
    pub(crate) attribute_types: &'w mut AttributeTypeNumbers,
    pub(crate) tag_sets: &'w mut TagSetNumbers,
    /// The place of the event.
    pub(crate) slot: u32,
}

impl Staging {
    pub(crate) fn new() -> Self {
        let mut classes = Vec::new();
        classes.resize_with(FAMILIES, StagedClass::default);
        Self {
            classes,
            extractors: (0..FAMILIES).map(families::extractor).collect(),
            leaving: SlotSet::default(),
            staged: SlotSet::default(),
            void: SlotSet::default(),
            released: Vec::new(),
            touched: 0,
            differing: 0,
        }
    }

    /// Returns whether the event at this place has staged facts.
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.staged.contains(slot)
    }

    /// Notes that the event at this place, with rows in these families, is gone.
    pub(crate) fn release(&mut self, slot: u32, families: u64) {
        self.leaving.insert(slot);
        self.touched |= families;
        if self.has(slot) {
            self.void.insert(slot);
        }
        self.released.push(slot);
    }

    /// Notes that the event at this place, with rows in these families until now, is staged next.
    pub(crate) fn replace(&mut self, slot: u32, families: u64) {
        self.leaving.insert(slot);
        self.staged.insert(slot);
        self.touched |= families;
    }

    /// Notes that the rows of these families may count differently.
    pub(crate) fn differ(&mut self, families: u64) {
        self.differing |= families;
    }

    /// Extracts the rows of an event as it is now. Returns the families that they belong to.
    pub(crate) fn stage(
        &mut self,
        context: &mut BlockContext<'_>,
        block: &Block,
        warned: &[bool],
        state: Marks,
    ) -> Result<u64, CatalogueError> {
        let mut families = 0;
        let mut before: Option<(&Arc<[Tag]>, u32)> = None;
        for (row, warned) in marked(block, warned) {
            let Some(taken) = context.attribute_types.of(&row.kind)? else {
                continue;
            };
            // Most rows share their tags with the one before.
            let tag_set = match before {
                Some((tags, set)) if Arc::ptr_eq(tags, &row.tags) => set,
                _ => context.tag_sets.of(&row.tags, &block.event.tags)?,
            };
            before = Some((&row.tags, tag_set));
            let marks = state.with_if(Marks::WARNED, warned);
            let kept = kept_row(context.slot, row, tag_set, taken.number, marks);
            self.extract(taken.families, row, kept, Times::new(row.last_seen, row.last_sighting))?;
            families |= taken.families;
        }
        self.touched |= families;
        Ok(families)
    }

    /// Extracts the rows of an event as it was last published. Returns the families that they belong to.
    pub(crate) fn stage_published(
        &mut self,
        context: &mut BlockContext<'_>,
        block: &Block,
        current: &Block,
        warned: &[bool],
    ) -> Result<u64, CatalogueError> {
        let mut families = 0;
        let present = PresentState::of(current);
        for (row, warned) in marked(block, warned) {
            let Some(taken) = context.attribute_types.of(&row.kind)? else {
                continue;
            };
            let published = present.of_published(row);
            let tags = (&row.tags, &block.event.tags);
            let tag_set = context.tag_sets.with_limits(tags.0, tags.1, &published.limits)?;
            let marks = Marks::LAST_PUBLISHED.with_if(Marks::WARNED, warned);
            let kept = kept_row(context.slot, row, tag_set, taken.number, marks);
            self.extract(taken.families, row, kept, published.times)?;
            families |= taken.families;
        }
        self.touched |= families;
        Ok(families)
    }

    pub(crate) fn touches(&self, family: usize) -> bool {
        self.touched & 1 << family != 0
    }

    /// Returns the rows of a family and forgets them.
    pub(crate) fn take(&mut self, family: usize) -> StagedClass {
        self.classes.get_mut(family).map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn leaving(&self) -> &SlotSet {
        &self.leaving
    }

    pub(crate) fn void(&self) -> &SlotSet {
        &self.void
    }

    pub(crate) fn differing(&self) -> u64 {
        self.differing
    }

    /// Returns whether no event changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.leaving.is_empty()
    }

    pub(crate) fn released(&self) -> impl Iterator<Item = u32> + '_ {
        self.released.iter().copied()
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.classes.iter().map(StagedClass::weight_bytes).sum()
    }

    fn extract(&mut self, families: u64, attribute: &MirrorRow, row: Row, times: Times) -> Result<(), CatalogueError> {
        let mut rest = families;
        while rest != 0 {
            let family = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let (Some(class), Some(Some(extractor))) = (self.classes.get_mut(family), self.extractors.get(family))
            else {
                continue;
            };
            let mut pushed = Ok(());
            let outcome = extractor.extract(&attribute.kind, &attribute.value, &mut |value| {
                pushed = class.values.push(value, row, times);
            });
            pushed?;
            match outcome {
                Ok(()) => {}
                // It counts in no feed, not even as dropped.
                Err(reason) if reason.belongs_elsewhere() => {}
                Err(reason) => {
                    let row = row.marked(Marks::default().because_of(reason));
                    class.invalid.push(&shortened(&attribute.value), row, times)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the rows of a block, each with whether a warninglist names its value.
fn marked<'b>(block: &'b Block, warned: &'b [bool]) -> impl Iterator<Item = (&'b MirrorRow, bool)> {
    let warned = warned.iter().copied().chain(std::iter::repeat(false));
    block.rows.iter().zip(warned)
}

fn kept_row(slot: u32, attribute: &MirrorRow, tag_set: u32, attribute_type: u16, marks: Marks) -> Row {
    let marks = marks.with_if(Marks::TO_IDS, attribute.to_ids);
    Row::new(
        slot,
        times::seconds(attribute.timestamp),
        tag_set,
        attribute_type,
        marks,
    )
}

/// Returns the beginning of a value.
pub(crate) fn shortened(value: &str) -> String {
    let mut characters = value.chars();
    let mut beginning: String = characters.by_ref().take(MOST_CHARACTERS).collect();
    if characters.next().is_some() {
        beginning.push('…');
    }
    beginning
}
