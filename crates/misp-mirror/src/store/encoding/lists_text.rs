//! Which warninglists MISP named for the rows of a record. It stands behind the blocks, and only where there are any:
//! most records have none, and records that were written before MISP was asked stay readable.

use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::{EventRecord, LastPublished, MirrorRow};

/// The lists of both blocks.
#[derive(Serialize, Deserialize)]
pub(super) struct ListsText {
    current: Columns,
    published: Columns,
}

/// The rows with lists, by columns.
#[derive(Default, Serialize, Deserialize)]
struct Columns {
    /// How many rows further each is than the one before.
    steps: Vec<u32>,
    counts: Vec<u32>,
    lists: Vec<u64>,
}

impl ListsText {
    /// Returns the text of a record, if a row of it has lists.
    pub(super) fn of(record: &EventRecord) -> Result<Option<Self>, RecordError> {
        let published = match &record.last_published {
            LastPublished::Block(block) => &block.rows[..],
            LastPublished::Current | LastPublished::Nothing => &[],
        };
        let text = Self {
            current: Columns::of(&record.current.rows)?,
            published: Columns::of(published)?,
        };
        let has_some = !text.current.steps.is_empty() || !text.published.steps.is_empty();
        Ok(has_some.then_some(text))
    }

    /// Puts the lists into the record, and takes their size in memory from `memory`.
    pub(super) fn put_into(self, record: &mut EventRecord, memory: &mut usize) -> Result<(), RecordError> {
        self.current.put_into(&mut record.current.rows, memory)?;
        match &mut record.last_published {
            LastPublished::Block(block) => self.published.put_into(&mut block.rows, memory),
            LastPublished::Current | LastPublished::Nothing => self.published.put_into(&mut [], memory),
        }
    }
}

impl Columns {
    fn of(rows: &[MirrorRow]) -> Result<Self, RecordError> {
        let number = |number: usize| u32::try_from(number).map_err(|_| RecordError::TooLarge);
        let mut columns = Self::default();
        let mut next = 0;
        for (place, row) in rows.iter().enumerate().filter(|(_, row)| !row.warninglists.is_empty()) {
            columns.steps.push(number(place - next)?);
            next = place + 1;
            columns.counts.push(number(row.warninglists.len())?);
            columns.lists.extend(&row.warninglists);
        }
        Ok(columns)
    }

    fn put_into(self, rows: &mut [MirrorRow], memory: &mut usize) -> Result<(), RecordError> {
        let needed = self
            .lists
            .len()
            .checked_mul(size_of::<u64>())
            .ok_or(RecordError::Invalid)?;
        *memory = memory.checked_sub(needed).ok_or(RecordError::Invalid)?;
        if self.steps.len() != self.counts.len() {
            return Err(RecordError::Invalid);
        }
        let (mut rows, mut lists) = (rows.iter_mut(), &self.lists[..]);
        for (step, count) in self.steps.into_iter().zip(self.counts) {
            let place = usize::try_from(step).map_err(|_| RecordError::Invalid)?;
            let count = usize::try_from(count).map_err(|_| RecordError::Invalid)?;
            let row = rows.nth(place).ok_or(RecordError::Invalid)?;
            let (of_row, behind) = lists.split_at_checked(count).ok_or(RecordError::Invalid)?;
            row.warninglists = of_row.to_vec();
            lists = behind;
        }
        lists.is_empty().then_some(()).ok_or(RecordError::Invalid)
    }
}
