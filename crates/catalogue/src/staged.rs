//! Rows that wait for the next snapshot.

use std::cmp::Ordering;

use crate::error::number;
use crate::row::Marks;
use crate::slot_set::SlotSet;
use crate::times::{Timed, Times};
use crate::{CatalogueError, Row};

/// Rows with their values, in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    text: String,
    /// Where each value ends; it begins where the one before ends.
    ends: Vec<u32>,
    rows: Vec<Row>,
    timed: Vec<Timed>,
}

/// A staged row in its order, with the first bytes of its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    first_bytes: (u64, u64),
    place: u32,
}

impl Staged {
    /// Adds a row.
    pub(crate) fn push(&mut self, value: &str, row: Row, times: Times) -> Result<(), CatalogueError> {
        let place = number(self.rows.len(), "rows of one indicator type")?;
        let end = number(self.text.len() + value.len(), "bytes of values of one indicator type")?;
        self.text.push_str(value);
        self.ends.push(end);
        if times == Times::NONE {
            self.rows.push(row);
        } else {
            self.rows.push(row.marked(Marks::TIMED));
            self.timed.push(Timed { row: place, times });
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.text.capacity()
            + self.ends.capacity() * size_of::<u32>()
            + self.rows.capacity() * size_of::<Row>()
            + self.timed.capacity() * size_of::<Timed>()
    }

    /// Returns the rows in the order of a table, without those of `void` events. An attribute that is now as it was
    /// last published becomes one row.
    pub(crate) fn arrivals(&mut self, void: &SlotSet) -> Vec<Arrival> {
        let rows = (0..).zip(&self.rows).filter(|(_, row)| !void.contains(row.event()));
        let mut arrivals: Vec<Arrival> = rows
            .map(|(place, _)| Arrival {
                first_bytes: first_bytes(self.text(place)),
                place,
            })
            .collect();
        arrivals.sort_unstable_by(|a, b| self.cmp(a, b));
        self.join_states(&mut arrivals);
        arrivals
    }

    /// Returns whether both have the same value.
    pub(crate) fn is_same_value(&self, a: &Arrival, b: &Arrival) -> bool {
        a.first_bytes == b.first_bytes && self.text(a.place) == self.text(b.place)
    }

    pub(crate) fn value(&self, arrival: &Arrival) -> &str {
        self.text(arrival.place)
    }

    pub(crate) fn row(&self, arrival: &Arrival) -> (Row, Times) {
        let row = self.row_at(arrival.place);
        (row, self.times(arrival.place, row))
    }

    fn text(&self, place: u32) -> &str {
        let place = place as usize;
        let start = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        let end = self.ends.get(place).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    fn row_at(&self, place: u32) -> Row {
        let row = self.rows.get(place as usize).copied();
        row.unwrap_or(Row::new(0, 0, 0, 0, Marks::default()))
    }

    fn times(&self, place: u32, row: Row) -> Times {
        if !row.marks().has(Marks::TIMED) {
            return Times::NONE;
        }
        let found = self.timed.binary_search_by_key(&place, |timed| timed.row).ok();
        found
            .and_then(|found| self.timed.get(found))
            .map_or(Times::NONE, |timed| timed.times)
    }

    /// Compares in the order of a table.
    fn cmp(&self, a: &Arrival, b: &Arrival) -> Ordering {
        let by_value = a.first_bytes.cmp(&b.first_bytes);
        let by_value = by_value.then_with(|| self.text(a.place).cmp(self.text(b.place)));
        by_value.then_with(|| self.cmp_rows(a.place, b.place))
    }

    fn cmp_rows(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = ((a, self.row_at(a)), (b, self.row_at(b)));
        cmp_rows((a.1, self.times(a.0, a.1)), (b.1, self.times(b.0, b.1)))
    }

    /// Joins, among the rows that differ in the state of their event only, each current one with a last published one.
    fn join_states(&mut self, arrivals: &mut Vec<Arrival>) {
        if !self.rows.iter().any(Row::is_last_published) {
            return;
        }
        let mut kept: Vec<Arrival> = Vec::with_capacity(arrivals.len());
        let alike = |a: &Arrival, b: &Arrival| {
            let ((one, times), (other, other_times)) = (self.row(a), self.row(b));
            self.is_same_value(a, b) && one.stateless() == other.stateless() && times == other_times
        };
        let groups: Vec<&[Arrival]> = arrivals.chunk_by(alike).collect();
        let mut joined = Vec::new();
        for group in groups {
            let is = |arrival: &&Arrival, state: Marks| self.row_at(arrival.place).state() == state;
            let current = group.iter().filter(|arrival| is(arrival, Marks::CURRENT)).count();
            let last = group
                .iter()
                .filter(|arrival| is(arrival, Marks::LAST_PUBLISHED))
                .count();
            let pairs = current.min(last);
            // Last published ones come after the current ones.
            let singles = group.len() - pairs;
            kept.extend(group.iter().take(singles));
            joined.extend(
                group
                    .iter()
                    .filter(|arrival| is(arrival, Marks::CURRENT))
                    .take(pairs)
                    .map(|one| one.place),
            );
        }
        for place in joined {
            if let Some(row) = self.rows.get_mut(place as usize) {
                *row = row.marked(Marks::LAST_PUBLISHED);
            }
        }
        // A joined row sorts behind the other current ones that are like it.
        kept.sort_by(|a, b| self.cmp(a, b));
        *arrivals = kept;
    }
}

/// Compares two rows of a value in the order of a table.
pub(crate) fn cmp_rows((a, a_times): (Row, Times), (b, b_times): (Row, Times)) -> Ordering {
    let by_facts = a.stateless().cmp(&b.stateless()).then_with(|| a_times.cmp(&b_times));
    by_facts.then_with(|| a.state().cmp(&b.state()))
}

/// Returns the beginning of a value as numbers in the same order, so that most comparisons do not read the text. The
/// first number alone would be the same for all URLs of a scheme.
fn first_bytes(value: &str) -> (u64, u64) {
    let mut bytes = value.bytes();
    let mut next = || {
        let mut part = [0; 8];
        part.iter_mut()
            .zip(bytes.by_ref())
            .for_each(|(slot, byte)| *slot = byte);
        u64::from_be_bytes(part)
    };
    (next(), next())
}
