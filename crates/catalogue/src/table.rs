//! Sorted values with their rows.

use std::ops::Range;

use crate::Row;
use crate::dictionary::Dictionary;
use crate::times::{Timed, Times};

/// Values in ascending order, each with its rows in ascending order of their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub(crate) values: Dictionary,
    /// Where the rows of each value end; they begin where those of the one before end.
    pub(crate) row_ends: Vec<u32>,
    pub(crate) rows: Vec<Row>,
    /// Further times of the rows that have some, in the order of the rows.
    pub(crate) timed: Vec<Timed>,
}

impl Table {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// Returns the value of this rank; ranks go from 0 to [`len`](Self::len) − 1 in ascending order of the values'
    /// bytes.
    #[must_use]
    pub fn value(&self, rank: u32) -> Option<&str> {
        self.values.get(rank)
    }

    /// Returns the rank of exactly this text.
    #[must_use]
    pub fn rank_of(&self, text: &str) -> Option<u32> {
        self.values.search(text).ok()
    }

    /// Returns the first rank whose value is this text or comes after it; the number of values if all come before it.
    #[must_use]
    pub fn first_at_or_after(&self, text: &str) -> u32 {
        self.values.search(text).unwrap_or_else(|rank| rank)
    }

    /// Returns the rows of the value of this rank, in ascending order of their events' places; none beyond the last.
    #[must_use]
    pub fn rows(&self, rank: u32) -> &[Row] {
        let rows = self.row_range(rank);
        self.rows
            .get(rows.start as usize..rows.end as usize)
            .unwrap_or_default()
    }

    /// Returns all rows, in the order of their values.
    #[must_use]
    pub fn all_rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the values in order, each with its rank and its rows.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str, &[Row])> {
        (0..).map_while(|rank| Some((rank, self.value(rank)?, self.rows(rank))))
    }

    /// Returns when the thing itself was last seen, for the row at this place among those of the value.
    #[must_use]
    pub fn last_seen(&self, rank: u32, place: usize) -> Option<i64> {
        self.times_of(rank, place).last_seen()
    }

    /// Returns the newest sighting, for the row at this place among those of the value.
    #[must_use]
    pub fn last_sighting(&self, rank: u32, place: usize) -> Option<i64> {
        self.times_of(rank, place).last_sighting()
    }

    /// Returns the memory that the table takes, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.values.weight_bytes()
            + self.row_ends.capacity() * size_of::<u32>()
            + self.rows.capacity() * size_of::<Row>()
            + self.timed.capacity() * size_of::<Timed>()
    }

    pub(crate) fn row_range(&self, rank: u32) -> Range<u32> {
        let before = (rank as usize).checked_sub(1);
        let start = before
            .and_then(|before| self.row_ends.get(before))
            .copied()
            .unwrap_or(0);
        start..self.row_ends.get(rank as usize).copied().unwrap_or(start)
    }

    /// Returns the rank of the value to which the row at this place belongs.
    pub(crate) fn rank_of_row(&self, row: u32) -> u32 {
        let rank = self.row_ends.partition_point(|end| *end <= row);
        u32::try_from(rank).unwrap_or(u32::MAX)
    }

    /// Returns the further times of the row at this place of the table.
    pub(crate) fn times(&self, row: u32) -> Times {
        let place = self.timed.binary_search_by_key(&row, |timed| timed.row);
        let timed = place.ok().and_then(|place| self.timed.get(place));
        timed.map_or(Times::NONE, |timed| timed.times)
    }

    fn times_of(&self, rank: u32, place: usize) -> Times {
        let rows = self.row_range(rank);
        let row = u32::try_from(place)
            .ok()
            .and_then(|place| rows.start.checked_add(place));
        row.filter(|row| rows.contains(row))
            .map_or(Times::NONE, |row| self.times(row))
    }
}
