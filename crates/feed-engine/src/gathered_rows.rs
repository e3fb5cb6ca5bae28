//! The rows of several answers of MISP, in little memory, until it is known which of them count as published.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use misp_client::{AttributeRow, Tag};
use misp_mirror::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};

use crate::pass::Sink;
use crate::provenance::Provenance;
use crate::publication::Publication;
use crate::{FeedError, misp_rows};

/// The greatest number of rows, as of values for a feed; more are refused as a mistake.
pub(crate) const MAX_ROWS: usize = 10_000_000;

/// Rows in the order of reading, each with the facts about its event. An attribute that was read twice counts as it was
/// read last.
#[derive(Debug, Default)]
pub(crate) struct GatheredRows {
    text: String,
    rows: Vec<GatheredRow>,
    attribute_types: Numbers<Arc<str>>,
    tag_sets: Numbers<Arc<[Tag]>>,
    events: HashMap<u64, EventFacts>,
}

#[derive(Clone, Debug)]
struct GatheredRow {
    at: Provenance,
    value: Range<usize>,
    attribute_type: u32,
    tag_set: u32,
    to_ids: bool,
    last_seen: Option<i64>,
    last_sighting: Option<i64>,
}

impl GatheredRows {
    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row with a number of its own, whose event has these facts.
    pub(crate) fn push(&mut self, event: &EventFacts, attribute_type: &str, value: &str, tags: &[Tag]) {
        self.events.entry(event.id).or_insert_with(|| event.clone());
        let row = GatheredRow {
            at: Provenance {
                attribute_id: self.rows.len() as u64 + 1,
                event_id: event.id,
                ..Provenance::default()
            },
            value: 0..0,
            attribute_type: self.attribute_types.of(attribute_type),
            tag_set: self.tag_sets.of(tags),
            to_ids: true,
            last_seen: None,
            last_sighting: None,
        };
        self.keep(row, value);
    }

    /// Gives each event another number.
    pub(crate) fn renumber_events(&mut self, numbers: &HashMap<u64, u64>) {
        let number = |old: u64| numbers.get(&old).copied().unwrap_or(old);
        self.rows
            .iter_mut()
            .for_each(|row| row.at.event_id = number(row.at.event_id));
        let events = std::mem::take(&mut self.events).into_values();
        let renumbered = events.map(|event| EventFacts {
            id: number(event.id),
            ..event
        });
        self.events = renumbered.map(|event| (event.id, event)).collect();
    }

    /// Adds the rows of a later question.
    pub(crate) fn join(&mut self, other: &Self) {
        other.rows.iter().for_each(|row| self.copy(other, row));
    }

    /// Returns the events in order of their numbers, each with the part of it that counts as published.
    pub(crate) fn into_records(mut self, publication: &Publication) -> impl Iterator<Item = EventRecord> {
        // Stable, so that the last of two rows is the one that was read last.
        self.rows.sort_by_key(|row| (row.at.event_id, row.at.attribute_id));
        let mut next = 0;
        std::iter::from_fn(move || {
            let rest = self.rows.get(next..).unwrap_or_default();
            let of_event = rest.chunk_by(|a, b| a.at.event_id == b.at.event_id).next()?;
            next += of_event.len();
            Some(self.record(of_event, publication))
        })
    }

    fn record(&self, of_event: &[GatheredRow], publication: &Publication) -> EventRecord {
        let id = of_event.first().map_or(0, |row| row.at.event_id);
        let mut event = self.events.get(&id).cloned().unwrap_or_default();
        if let Some(edited) = publication.unpublished_since(id) {
            (event.published, event.timestamp) = (false, event.timestamp.max(edited));
        }
        let of_attribute = of_event.chunk_by(|a, b| a.at.attribute_id == b.at.attribute_id);
        let newest = || of_attribute.clone().filter_map(<[GatheredRow]>::last);
        let published = || {
            newest()
                .filter(|row| publication.counts(&row.at))
                .map(|row| self.row(row))
        };
        let last_published = match event.published {
            true => LastPublished::Current,
            false => match published().collect::<Vec<MirrorRow>>() {
                rows if rows.is_empty() => LastPublished::Nothing,
                rows => LastPublished::Block(Box::new(Block {
                    event: event.clone(),
                    rows,
                })),
            },
        };
        EventRecord {
            current: Block {
                event,
                rows: newest().map(|row| self.row(row)).collect(),
            },
            last_published,
            withdrawn_at: None,
        }
    }

    fn row(&self, row: &GatheredRow) -> MirrorRow {
        MirrorRow {
            id: row.at.attribute_id,
            kind: self.attribute_types.get(row.attribute_type),
            value: self.value(row).to_owned(),
            to_ids: row.to_ids,
            timestamp: row.at.timestamp,
            last_seen: row.last_seen,
            last_sighting: row.last_sighting,
            tags: self.tag_sets.get(row.tag_set),
            warninglists: Vec::new(),
        }
    }

    fn value(&self, row: &GatheredRow) -> &str {
        self.text.get(row.value.clone()).unwrap_or_default()
    }

    fn keep(&mut self, row: GatheredRow, value: &str) {
        let from = self.text.len();
        self.text.push_str(value);
        self.rows.push(GatheredRow {
            value: from..self.text.len(),
            ..row
        });
    }

    fn copy(&mut self, other: &Self, row: &GatheredRow) {
        if let Some(event) = other.events.get(&row.at.event_id) {
            let known = self.events.entry(event.id).or_insert_with(|| event.clone());
            for tag in &event.tags {
                if !known.tags.iter().any(|known| known.name == tag.name) {
                    known.tags.push(tag.clone());
                }
            }
        }
        let row = GatheredRow {
            attribute_type: self.attribute_types.of(&*other.attribute_types.get(row.attribute_type)),
            tag_set: self.tag_sets.of(&*other.tag_sets.get(row.tag_set)),
            ..row.clone()
        };
        let value = other.text.get(row.value.clone()).unwrap_or_default();
        self.keep(row, value);
    }
}

impl Sink for GatheredRows {
    fn take(&mut self, attribute: &AttributeRow<'_>) -> Result<(), FeedError> {
        if self.rows.len() >= MAX_ROWS {
            return Err(FeedError::TooManyValues { limit: MAX_ROWS });
        }
        let event = self.events.entry(attribute.event_id);
        misp_rows::add_tags(event.or_insert_with(|| misp_rows::facts(attribute)), attribute);
        let row = GatheredRow {
            at: Provenance::of(attribute),
            value: 0..0,
            attribute_type: self.attribute_types.of(&*attribute.kind),
            tag_set: self.tag_sets.of(misp_rows::own_tags(attribute).as_slice()),
            to_ids: attribute.to_ids,
            last_seen: attribute.last_seen,
            last_sighting: attribute.last_sighting,
        };
        self.keep(row, &attribute.value);
        Ok(())
    }

    /// Rows without a value are in no answer.
    fn count_dropped(&mut self, _reason: &'static str, _attributes: u64) {}

    fn absorb(&mut self, other: &Self, left_out: &HashSet<u64>) {
        let mut known = left_out.clone();
        known.extend(self.rows.iter().map(|row| row.at.attribute_id));
        let missing = other.rows.iter().filter(|row| !known.contains(&row.at.attribute_id));
        missing.for_each(|row| self.copy(other, row));
    }
}

/// Things that many rows share, each once.
#[derive(Debug)]
struct Numbers<T> {
    all: Vec<T>,
    known: HashMap<T, u32>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            known: HashMap::new(),
        }
    }
}

impl<T: Clone + Default + Eq + Hash> Numbers<T> {
    fn of<Q>(&mut self, thing: &Q) -> u32
    where
        T: Borrow<Q> + for<'q> From<&'q Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(number) = self.known.get(thing) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let thing = T::from(thing);
        self.all.push(thing.clone());
        self.known.insert(thing, number);
        number
    }

    fn get(&self, number: u32) -> T {
        self.all.get(number as usize).cloned().unwrap_or_default()
    }
}
