//! The bytes of a record: its current block, its state, its block as last published if it has one, and the warninglists
//! that MISP named for its rows; compressed.

mod block_text;
mod lists_text;

use serde::{Deserialize, Serialize};

use self::block_text::BlockText;
use self::lists_text::ListsText;
use super::compression::{Compression, MAX_TEXT};
use crate::{EventRecord, LastPublished};

/// The most memory that a record takes once it is read, in bytes.
const MAX_MEMORY: usize = 4 * MAX_TEXT;

/// Why a record cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record is larger than 256 MiB without compression, or takes more than 1 GiB of memory.
    #[error("the record is too large")]
    TooLarge,
    /// The bytes are not a record.
    #[error("the bytes are not a record of an event")]
    Invalid,
}

impl EventRecord {
    /// Returns the record as bytes, compressed and not sealed.
    ///
    /// # Errors
    /// If the record is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        let (text, _) = text_of(self)?;
        Compression::default().compress(&text).ok_or(RecordError::TooLarge)
    }

    /// Reads the bytes that [`EventRecord::to_bytes`] wrote. Other bytes take no more than 256 MiB of text and 1 GiB
    /// of memory.
    ///
    /// # Errors
    /// If the bytes are not a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut compression = Compression::default();
        record_of(compression.decompress(bytes).ok_or(RecordError::Invalid)?)
    }
}

/// Returns the text of a record, and the length of its first part: the text of its current block.
pub(crate) fn text_of(record: &EventRecord) -> Result<(Vec<u8>, usize), RecordError> {
    let mut text = Vec::new();
    write(&BlockText::of(&record.current)?, &mut text)?;
    let current = text.len();
    let (state, block) = match &record.last_published {
        LastPublished::Current => (0, None),
        LastPublished::Nothing => (1, None),
        LastPublished::Block(block) => (2, Some(block)),
    };
    let tail = TailText {
        withdrawn_at: record.withdrawn_at,
        last_published: state,
    };
    write(&tail, &mut text)?;
    if let Some(block) = block {
        write(&BlockText::of(block)?, &mut text)?;
    }
    if let Some(lists) = ListsText::of(record)? {
        write(&lists, &mut text)?;
    }
    if text.len() > MAX_TEXT {
        return Err(RecordError::TooLarge);
    }
    Ok((text, current))
}

/// Reads the text of a record.
pub(crate) fn record_of(text: &[u8]) -> Result<EventRecord, RecordError> {
    let mut memory = MAX_MEMORY;
    let (current, rest) = read::<BlockText<'_>>(text)?;
    let (tail, rest) = read::<TailText>(rest)?;
    let current = current.into_block(&mut memory)?;
    let (last_published, rest) = match tail.last_published {
        0 => (LastPublished::Current, rest),
        1 => (LastPublished::Nothing, rest),
        2 => {
            let (block, rest) = read::<BlockText<'_>>(rest)?;
            (LastPublished::Block(Box::new(block.into_block(&mut memory)?)), rest)
        }
        _ => return Err(RecordError::Invalid),
    };
    let mut record = EventRecord {
        current,
        last_published,
        withdrawn_at: tail.withdrawn_at,
    };
    if !rest.is_empty() {
        let (lists, rest) = read::<ListsText>(rest)?;
        if !rest.is_empty() {
            return Err(RecordError::Invalid);
        }
        lists.put_into(&mut record, &mut memory)?;
    }
    Ok(record)
}

fn write(value: &impl Serialize, text: &mut Vec<u8>) -> Result<(), RecordError> {
    let written = postcard::to_extend(value, std::mem::take(text)).map_err(|_| RecordError::Invalid)?;
    *text = written;
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<(T, &'a [u8]), RecordError> {
    postcard::take_from_bytes(text).map_err(|_| RecordError::Invalid)
}

#[derive(Serialize, Deserialize)]
struct TailText {
    withdrawn_at: Option<i64>,
    last_published: u8,
}
