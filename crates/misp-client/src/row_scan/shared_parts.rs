//! The parts that many rows of an answer have in common, read once: lists of tags, and the event.
//!
//! A part is known by its bytes. Equal bytes mean the same, and they are whole JSON wherever they stand.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cursor::{Cursor, Stop};
use crate::attribute::RawSummary;
use crate::json::lenient;
use crate::tag::RawTag;
use crate::{EventSummary, Tag};

/// Lists of tags that are kept, in sets of [`WAYS`].
const SETS: usize = 64;
const WAYS: usize = 4;
/// A longer part is read anew each time.
const MAX_BYTES: usize = 8 << 10;

/// What was read lately.
#[derive(Debug)]
pub(super) struct SharedParts {
    tags: Vec<Vec<Known<Arc<[Tag]>>>>,
    /// The set's place that is used next.
    next: usize,
    event: Option<Known<Arc<RowEvent>>>,
    no_event: Arc<RowEvent>,
    no_tags: Arc<[Tag]>,
}

/// A part with its bytes.
#[derive(Debug)]
struct Known<T> {
    bytes: Box<[u8]>,
    part: T,
}

/// The event of a row.
#[derive(Debug, Default)]
pub(super) struct RowEvent {
    pub(super) id: Option<u64>,
    pub(super) summary: Arc<EventSummary>,
    /// The tags beside the event.
    pub(super) tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct TagList(#[serde(deserialize_with = "lenient::list")] Vec<RawTag>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Summary(#[serde(deserialize_with = "lenient::object")] RawSummary);

impl Default for SharedParts {
    fn default() -> Self {
        Self {
            tags: std::iter::repeat_with(Vec::new).take(SETS).collect(),
            next: 0,
            event: None,
            no_event: Arc::default(),
            no_tags: Arc::default(),
        }
    }
}

impl SharedParts {
    pub(super) fn no_event(&self) -> Arc<RowEvent> {
        Arc::clone(&self.no_event)
    }

    pub(super) fn no_tags(&self) -> Arc<[Tag]> {
        Arc::clone(&self.no_tags)
    }

    /// Takes a list of tags.
    pub(super) fn tags(&mut self, cursor: &mut Cursor<'_>) -> Result<Arc<[Tag]>, Stop> {
        let rest = cursor.rest();
        let set = self.tags.get_mut(set_of(rest)).ok_or(Stop::Odd)?;
        if let Some(known) = set.iter().find(|known| rest.starts_with(&known.bytes)) {
            cursor.skip(known.bytes.len());
            return Ok(Arc::clone(&known.part));
        }
        let (TagList(raw), length) = whole(rest)?;
        let tags: Vec<Tag> = raw.into_iter().filter_map(RawTag::into_tag).collect();
        let part = if tags.is_empty() {
            Arc::clone(&self.no_tags)
        } else {
            tags.into()
        };
        cursor.skip(length);
        if let Some(known) = Known::of(rest, length, &part) {
            if set.len() < WAYS {
                set.push(known);
            } else if let Some(place) = set.get_mut(self.next % WAYS) {
                *place = known;
                self.next = self.next.wrapping_add(1);
            }
        }
        Ok(part)
    }

    /// Takes the event of a row.
    pub(super) fn event(&mut self, cursor: &mut Cursor<'_>) -> Result<Arc<RowEvent>, Stop> {
        let rest = cursor.rest();
        if let Some(known) = self.event.as_ref().filter(|known| rest.starts_with(&known.bytes)) {
            cursor.skip(known.bytes.len());
            return Ok(Arc::clone(&known.part));
        }
        let (Summary(raw), length) = whole(rest)?;
        let (id, summary, tags) = raw.into_parts();
        let summary = Arc::new(summary);
        let part = Arc::new(RowEvent { id, summary, tags });
        cursor.skip(length);
        self.event = Known::of(rest, length, &part);
        Ok(part)
    }
}

impl<T: Clone> Known<T> {
    /// Only a list or an object shows its own end.
    fn of(rest: &[u8], length: usize, part: &T) -> Option<Self> {
        let bytes = rest.get(..length).filter(|bytes| bytes.len() <= MAX_BYTES)?;
        matches!(bytes.first(), Some(b'[' | b'{')).then(|| Self {
            bytes: bytes.into(),
            part: part.clone(),
        })
    }
}

/// Lists that begin with different tags are mostly in different sets.
fn set_of(rest: &[u8]) -> usize {
    let beginning = rest.iter().skip(8).take(8);
    let number = beginning.fold(0_usize, |number, byte| {
        number.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    number % SETS
}

fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), Stop> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Ok((value, values.byte_offset())),
        Some(Err(error)) if error.is_eof() => Err(Stop::End),
        Some(Err(_)) => Err(Stop::Odd),
        None => Err(Stop::End),
    }
}
