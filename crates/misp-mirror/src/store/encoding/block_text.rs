//! The text of a block: one table of attribute types and one of tags, and the columns of its rows.
//!
//! Rows of an event have few types and few tags, mostly the same ones, and their numbers and times are close to each
//! other. Columns of small numbers compress better than whole rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use misp_client::Tag;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{MAX_MEMORY, RecordError};
use crate::{Block, EventFacts, MirrorRow};

const TO_IDS: u8 = 1;
const LAST_SEEN: u8 = 2;
const LAST_SIGHTING: u8 = 4;

/// The text of a block.
#[derive(Serialize, Deserialize)]
pub(super) struct BlockText<'a> {
    #[serde(borrow)]
    event: FactsText<'a>,
    #[serde(borrow)]
    kinds: Vec<&'a str>,
    #[serde(borrow)]
    tags: Vec<TagText<'a>>,
    /// Places in `tags`. The first set is the event's.
    tag_sets: Vec<Vec<u32>>,
    #[serde(borrow)]
    rows: RowsText<'a>,
}

#[derive(Serialize, Deserialize)]
struct FactsText<'a> {
    id: u64,
    uuid: Option<[u8; 16]>,
    info: &'a str,
    orgc_uuid: Option<[u8; 16]>,
    timestamp: i64,
    published: bool,
    publish_timestamp: i64,
    attribute_count: Option<u64>,
    protected: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct TagText<'a> {
    name: &'a str,
    inherited: bool,
    local: bool,
    numerical_value: Option<i64>,
}

/// The rows by columns. Numbers and times are differences to the row before.
#[derive(Default, Serialize, Deserialize)]
struct RowsText<'a> {
    ids: Vec<i64>,
    timestamps: Vec<i64>,
    kinds: Vec<u32>,
    tag_sets: Vec<u32>,
    marks: Vec<u8>,
    /// One for each row that has it: the difference to its timestamp.
    last_seen: Vec<i64>,
    /// The same.
    last_sightings: Vec<i64>,
    lengths: Vec<u32>,
    #[serde(borrow)]
    values: Cow<'a, str>,
}

impl<'a> BlockText<'a> {
    pub(super) fn of(block: &'a Block) -> Result<Self, RecordError> {
        let event = &block.event;
        let mut tables = Tables::default();
        tables.tag_set(&event.tags);
        let mut rows = RowsText::default();
        let mut values = String::new();
        let (mut id, mut timestamp) = (0_i64, 0_i64);
        let mut before: Option<(&Arc<[Tag]>, u32)> = None;
        for row in &block.rows {
            let this = row.id.cast_signed();
            rows.ids.push(this.wrapping_sub(id));
            rows.timestamps.push(row.timestamp.wrapping_sub(timestamp));
            (id, timestamp) = (this, row.timestamp);
            rows.kinds.push(tables.kind(&row.kind));
            // Most rows share their tags with the one before.
            let tag_set = match before {
                Some((tags, place)) if Arc::ptr_eq(tags, &row.tags) => place,
                _ => tables.tag_set(&row.tags),
            };
            before = Some((&row.tags, tag_set));
            rows.tag_sets.push(tag_set);
            let since = |time: Option<i64>| time.map(|time| time.wrapping_sub(row.timestamp));
            rows.last_seen.extend(since(row.last_seen));
            rows.last_sightings.extend(since(row.last_sighting));
            rows.marks.push(marks(row));
            rows.lengths
                .push(u32::try_from(row.value.len()).map_err(|_| RecordError::TooLarge)?);
            values.push_str(&row.value);
        }
        rows.values = Cow::Owned(values);
        let text = Self {
            event: FactsText::of(event),
            kinds: tables.kinds,
            tags: tables.tags,
            tag_sets: tables.tag_sets,
            rows,
        };
        text.memory()
            .filter(|memory| *memory <= MAX_MEMORY)
            .ok_or(RecordError::TooLarge)?;
        Ok(text)
    }

    /// Returns the block, and takes its size in memory from `memory`.
    pub(super) fn into_block(self, memory: &mut usize) -> Result<Block, RecordError> {
        let needed = self.memory().ok_or(RecordError::Invalid)?;
        *memory = memory.checked_sub(needed).ok_or(RecordError::Invalid)?;
        let tags: Vec<Tag> = self.tags.iter().map(TagText::tag).collect();
        let tag_set = |set: &Vec<u32>| set.iter().map(|at| at_of(&tags, *at).cloned()).collect();
        let tag_sets: Vec<Arc<[Tag]>> = self.tag_sets.iter().map(tag_set).collect::<Result<_, _>>()?;
        let kinds: Vec<Arc<str>> = self.kinds.iter().map(|kind| Arc::from(*kind)).collect();
        let rows = self.rows.rows(&kinds, &tag_sets)?;
        let event = self.event.facts(at_of(&tag_sets, 0)?.to_vec());
        Ok(Block { event, rows })
    }

    /// Returns about how many bytes the block takes in memory; nothing if a row names an entry outside the tables.
    fn memory(&self) -> Option<usize> {
        let tag = |at: &u32| Some(size_of::<Tag>() + at_of(&self.tags, *at).ok()?.name.len());
        let tag_set = |set: &Vec<u32>| set.iter().try_fold(0_usize, |sum, at| sum.checked_add(tag(at)?));
        let tag_sets: Vec<usize> = self.tag_sets.iter().map(tag_set).collect::<Option<_>>()?;
        let mut sum = self.rows.values.len();
        sum = sum.checked_add(self.rows.ids.len().checked_mul(size_of::<MirrorRow>())?)?;
        for set in &tag_sets {
            sum = sum.checked_add(*set)?;
        }
        for (kind, set) in self.rows.kinds.iter().zip(&self.rows.tag_sets) {
            sum = sum.checked_add(at_of(&self.kinds, *kind).ok()?.len())?;
            sum = sum.checked_add(*at_of(&tag_sets, *set).ok()?)?;
        }
        Some(sum)
    }
}

impl<'a> FactsText<'a> {
    fn of(event: &'a EventFacts) -> Self {
        Self {
            id: event.id,
            uuid: event.uuid.map(Uuid::into_bytes),
            info: &event.info,
            orgc_uuid: event.orgc_uuid.map(Uuid::into_bytes),
            timestamp: event.timestamp,
            published: event.published,
            publish_timestamp: event.publish_timestamp,
            attribute_count: event.attribute_count,
            protected: event.protected,
        }
    }

    fn facts(self, tags: Vec<Tag>) -> EventFacts {
        EventFacts {
            id: self.id,
            uuid: self.uuid.map(Uuid::from_bytes),
            info: self.info.to_owned(),
            orgc_uuid: self.orgc_uuid.map(Uuid::from_bytes),
            timestamp: self.timestamp,
            published: self.published,
            publish_timestamp: self.publish_timestamp,
            tags,
            attribute_count: self.attribute_count,
            protected: self.protected,
        }
    }
}

impl<'a> TagText<'a> {
    fn of(tag: &'a Tag) -> Self {
        Self {
            name: &tag.name,
            inherited: tag.inherited,
            local: tag.local,
            numerical_value: tag.numerical_value,
        }
    }

    fn tag(&self) -> Tag {
        let mut tag = Tag::own(self.name);
        tag.inherited = self.inherited;
        tag.local = self.local;
        tag.numerical_value = self.numerical_value;
        tag
    }
}

impl RowsText<'_> {
    fn rows(&self, kinds: &[Arc<str>], tag_sets: &[Arc<[Tag]>]) -> Result<Vec<MirrorRow>, RecordError> {
        let count = self.ids.len();
        let columns = [
            self.timestamps.len(),
            self.kinds.len(),
            self.tag_sets.len(),
            self.marks.len(),
            self.lengths.len(),
        ];
        if columns.iter().any(|length| *length != count) {
            return Err(RecordError::Invalid);
        }
        let mut rows = Vec::with_capacity(count);
        let (mut id, mut timestamp, mut values) = (0_i64, 0_i64, &*self.values);
        let mut last_seen = self.last_seen.iter();
        let mut last_sightings = self.last_sightings.iter();
        let numbers = self.ids.iter().zip(&self.timestamps).zip(&self.kinds);
        let others = self.tag_sets.iter().zip(&self.marks).zip(&self.lengths);
        for (((id_step, time_step), kind), ((tags, marks), length)) in numbers.zip(others) {
            id = id.wrapping_add(*id_step);
            timestamp = timestamp.wrapping_add(*time_step);
            let length = usize::try_from(*length).map_err(|_| RecordError::Invalid)?;
            let (value, behind) = values.split_at_checked(length).ok_or(RecordError::Invalid)?;
            values = behind;
            if marks & !(TO_IDS | LAST_SEEN | LAST_SIGHTING) != 0 {
                return Err(RecordError::Invalid);
            }
            rows.push(MirrorRow {
                id: id.cast_unsigned(),
                kind: Arc::clone(at_of(kinds, *kind)?),
                value: value.to_owned(),
                to_ids: marks & TO_IDS != 0,
                timestamp,
                last_seen: time(marks & LAST_SEEN != 0, &mut last_seen, timestamp)?,
                last_sighting: time(marks & LAST_SIGHTING != 0, &mut last_sightings, timestamp)?,
                tags: Arc::clone(at_of(tag_sets, *tags)?),
                warninglists: Vec::new(),
            });
        }
        let is_used_up = values.is_empty() && last_seen.next().is_none() && last_sightings.next().is_none();
        is_used_up.then_some(rows).ok_or(RecordError::Invalid)
    }
}

fn marks(row: &MirrorRow) -> u8 {
    let mark = |is_set: bool, mark: u8| if is_set { mark } else { 0 };
    mark(row.to_ids, TO_IDS)
        | mark(row.last_seen.is_some(), LAST_SEEN)
        | mark(row.last_sighting.is_some(), LAST_SIGHTING)
}

fn time<'t>(
    is_set: bool,
    times: &mut impl Iterator<Item = &'t i64>,
    timestamp: i64,
) -> Result<Option<i64>, RecordError> {
    if !is_set {
        return Ok(None);
    }
    let since = times.next().ok_or(RecordError::Invalid)?;
    Ok(Some(timestamp.wrapping_add(*since)))
}

fn at_of<T>(table: &[T], at: u32) -> Result<&T, RecordError> {
    let at = usize::try_from(at).map_err(|_| RecordError::Invalid)?;
    table.get(at).ok_or(RecordError::Invalid)
}

/// The types, tags and sets of tags of a block, each once.
#[derive(Default)]
struct Tables<'a> {
    kinds: Vec<&'a str>,
    tags: Vec<TagText<'a>>,
    tag_sets: Vec<Vec<u32>>,
    kind_places: HashMap<&'a str, u32>,
    tag_places: HashMap<TagText<'a>, u32>,
    tag_set_places: HashMap<Vec<u32>, u32>,
}

impl<'a> Tables<'a> {
    fn kind(&mut self, kind: &'a str) -> u32 {
        place(&mut self.kind_places, &mut self.kinds, kind)
    }

    fn tag_set(&mut self, tags: &'a [Tag]) -> u32 {
        let set: Vec<u32> = tags
            .iter()
            .map(|tag| place(&mut self.tag_places, &mut self.tags, TagText::of(tag)))
            .collect();
        place(&mut self.tag_set_places, &mut self.tag_sets, set)
    }
}

/// Returns the place of a value in its table, after it was appended if it was not there.
fn place<T: Clone + Eq + std::hash::Hash>(places: &mut HashMap<T, u32>, table: &mut Vec<T>, value: T) -> u32 {
    if let Some(place) = places.get(&value) {
        return *place;
    }
    // A table of 2³² entries would be more than a record may take; its record is refused for its size.
    let place = u32::try_from(table.len()).unwrap_or(u32::MAX);
    table.push(value.clone());
    places.insert(value, place);
    place
}
