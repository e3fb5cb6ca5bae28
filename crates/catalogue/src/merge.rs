//! The next state of a table: the rows of some events leave, others arrive.

use std::iter::Peekable;
use std::ops::Range;

use crate::dictionary::Dictionary;
use crate::error::number;
use crate::row::Marks;
use crate::slot_set::SlotSet;
use crate::staged::{Arrival, Staged, cmp_rows};
use crate::table::Table;
use crate::times::{Timed, Times};
use crate::{CatalogueError, Row};

/// A new state of a table, and where its values differ from the old one.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) table: Table,
    /// Ranks of new values, in the new table.
    pub(crate) inserted: Vec<u32>,
    /// Ranks of values that are gone, in the old table.
    pub(crate) removed: Vec<u32>,
}

/// Merges the staged rows into `old` and takes the rows of `leaving` events out. Rows of `void` events are not taken
/// over. Returns nothing if the table stays as it is.
///
/// Untouched runs of values are copied as a whole. The old table and the new one exist at the same time.
pub(crate) fn merge(
    old: &Table,
    leaving: &SlotSet,
    mut staged: Staged,
    void: &SlotSet,
) -> Result<Option<Merged>, CatalogueError> {
    let arrivals = staged.arrivals(void);
    let leaving = rows_of(old, leaving);
    if is_same(old, &leaving, &staged, &arrivals) {
        return Ok(None);
    }
    number(old.rows.len() + arrivals.len(), "rows of one indicator type")?;
    number(
        old.values.bytes() + staged.bytes(),
        "bytes of values of one indicator type",
    )?;
    let mut merge = Merge::new(old, &staged, arrivals.len());
    let mut gone = GoneRanks::new(old, &leaving).peekable();
    let mut next = 0;
    for group in arrivals.chunk_by(|a, b| staged.is_same_value(a, b)) {
        let value = group.first().map_or("", |first| staged.value(first));
        let place = old.values.search_in(next, value);
        let (Ok(at) | Err(at)) = place;
        next = merge.leave(&mut gone, next, at);
        merge.copy(next..at);
        next = at;
        if place.is_ok() {
            let rows = gone.next_if(|(rank, _)| *rank == at).map(|(_, rows)| rows);
            merge.revise(at, rows.unwrap_or_default(), group);
            next = at + 1;
        } else {
            merge.insert(value, group);
        }
    }
    let end = number(old.len(), "values")?;
    next = merge.leave(&mut gone, next, end);
    merge.copy(next..end);
    Ok(Some(merge.finish()))
}

/// Returns the places of the rows of these events.
fn rows_of(table: &Table, events: &SlotSet) -> Vec<u32> {
    if events.is_empty() {
        return Vec::new();
    }
    let rows = (0..).zip(&table.rows).filter(|(_, row)| events.contains(row.event()));
    rows.map(|(place, _)| place).collect()
}

/// Returns whether the same rows arrive as leave.
fn is_same(old: &Table, leaving: &[u32], staged: &Staged, arrivals: &[Arrival]) -> bool {
    leaving.len() == arrivals.len()
        && leaving.iter().zip(arrivals).all(|(place, arrival)| {
            let row = old.rows.get(*place as usize).map(|row| (*row, old.times(*place)));
            row == Some(staged.row(arrival)) && old.value(old.rank_of_row(*place)) == Some(staged.value(arrival))
        })
}

/// The rows that leave, by the rank of their value.
struct GoneRanks<'l> {
    table: &'l Table,
    rows: &'l [u32],
}

impl<'l> GoneRanks<'l> {
    fn new(table: &'l Table, rows: &'l [u32]) -> Self {
        Self { table, rows }
    }
}

impl<'l> Iterator for GoneRanks<'l> {
    type Item = (u32, &'l [u32]);

    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.table.rank_of_row(*self.rows.first()?);
        let end = self.table.row_range(rank).end;
        let (of_rank, rest) = self.rows.split_at(self.rows.partition_point(|row| *row < end));
        self.rows = rest;
        Some((rank, of_rank))
    }
}

struct Merge<'m> {
    old: &'m Table,
    staged: &'m Staged,
    merged: Merged,
    /// The rows of the value at hand.
    rows: Vec<(Row, Times)>,
}

impl<'m> Merge<'m> {
    fn new(old: &'m Table, staged: &'m Staged, arrivals: usize) -> Self {
        let table = Table {
            values: Dictionary::with_capacity(old.values.bytes() + staged.bytes(), old.len() + arrivals),
            row_ends: Vec::with_capacity(old.len() + arrivals),
            rows: Vec::with_capacity(old.rows.len() + arrivals),
            timed: Vec::with_capacity(old.timed.len()),
        };
        Self {
            old,
            staged,
            merged: Merged {
                table,
                inserted: Vec::new(),
                removed: Vec::new(),
            },
            rows: Vec::new(),
        }
    }

    /// Copies and revises the values from `next` on that lose rows and come before `end`. Returns the first rank that
    /// is not copied yet.
    fn leave(&mut self, gone: &mut Peekable<GoneRanks<'_>>, mut next: u32, end: u32) -> u32 {
        while let Some((rank, rows)) = gone.next_if(|(rank, _)| *rank < end) {
            self.copy(next..rank);
            self.revise(rank, rows, &[]);
            next = rank + 1;
        }
        next
    }

    /// Copies the values of these ranks with their rows.
    fn copy(&mut self, ranks: Range<u32>) {
        if ranks.is_empty() {
            return;
        }
        let (old, new) = (self.old, &mut self.merged.table);
        new.values.push_all(&old.values, ranks.clone());
        let rows = old.row_range(ranks.start).start..old.row_range(ranks.end - 1).end;
        let base = count(new.rows.len());
        let of_ranks = old.rows.get(rows.start as usize..rows.end as usize).unwrap_or_default();
        new.rows.extend_from_slice(of_ranks);
        let ends = old
            .row_ends
            .get(ranks.start as usize..ranks.end as usize)
            .unwrap_or_default();
        new.row_ends.extend(ends.iter().map(|end| end - rows.start + base));
        let first = old.timed.partition_point(|timed| timed.row < rows.start);
        let timed = old.timed.iter().skip(first).take_while(|timed| timed.row < rows.end);
        new.timed.extend(timed.map(|timed| Timed {
            row: timed.row - rows.start + base,
            ..*timed
        }));
    }

    /// Takes over the value of this rank without the rows that leave and with those that arrive; without any row the
    /// value is gone.
    fn revise(&mut self, rank: u32, leaving: &[u32], arriving: &[Arrival]) {
        let stays = self
            .old
            .row_range(rank)
            .filter(|row| leaving.binary_search(row).is_err());
        self.rows.clear();
        for place in stays {
            if let Some(row) = self.old.rows.get(place as usize) {
                self.rows.push((*row, self.old.times(place)));
            }
        }
        self.rows
            .extend(arriving.iter().map(|arrival| self.staged.row(arrival)));
        if self.rows.is_empty() {
            self.merged.removed.push(rank);
            return;
        }
        self.rows.sort_unstable_by(|a, b| cmp_rows(*a, *b));
        let value = self.old.value(rank).unwrap_or_default();
        self.push(value);
    }

    /// Adds a new value.
    fn insert(&mut self, value: &str, arriving: &[Arrival]) {
        self.rows.clear();
        self.rows
            .extend(arriving.iter().map(|arrival| self.staged.row(arrival)));
        self.merged.inserted.push(count(self.merged.table.len()));
        self.push(value);
    }

    fn push(&mut self, value: &str) {
        let new = &mut self.merged.table;
        new.values.push(value);
        for (row, times) in &self.rows {
            if row.marks().has(Marks::TIMED) {
                new.timed.push(Timed {
                    row: count(new.rows.len()),
                    times: *times,
                });
            }
            new.rows.push(*row);
        }
        new.row_ends.push(count(new.rows.len()));
    }

    fn finish(mut self) -> Merged {
        let table = &mut self.merged.table;
        table.values.shrink();
        table.row_ends.shrink_to_fit();
        table.rows.shrink_to_fit();
        table.timed.shrink_to_fit();
        self.merged
    }
}

/// Returns a number of rows or values; the merge checks beforehand that there are fewer than 2^32.
fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event: u32, state: Marks) -> Row {
        Row::new(event, 7, 0, 0, state)
    }

    fn staged(rows: &[(&str, u32)]) -> Staged {
        let mut staged = Staged::default();
        for (value, event) in rows {
            staged.push(value, row(*event, Marks::CURRENT), Times::NONE).unwrap();
        }
        staged
    }

    fn events(slots: &[u32]) -> SlotSet {
        let mut events = SlotSet::default();
        slots.iter().for_each(|slot| events.insert(*slot));
        events
    }

    fn merged(old: &Table, leaving: &[u32], arriving: &[(&str, u32)]) -> Merged {
        let none = SlotSet::default();
        merge(old, &events(leaving), staged(arriving), &none).unwrap().unwrap()
    }

    fn listed(table: &Table) -> Vec<(String, Vec<u32>)> {
        let values = table.iter();
        values
            .map(|(_, value, rows)| (value.to_owned(), rows.iter().map(Row::event).collect()))
            .collect()
    }

    fn list(values: &[(&str, &[u32])]) -> Vec<(String, Vec<u32>)> {
        values
            .iter()
            .map(|(value, events)| ((*value).to_owned(), events.to_vec()))
            .collect()
    }

    fn first() -> Table {
        merged(
            &Table::default(),
            &[],
            &[("b", 1), ("d", 1), ("b", 0), ("f", 2), ("d", 1)],
        )
        .table
    }

    #[test]
    fn rows_are_sorted_by_value_and_event() {
        assert_eq!(listed(&first()), list(&[("b", &[0, 1]), ("d", &[1, 1]), ("f", &[2])]));
    }

    #[test]
    fn values_come_and_go_at_every_place() {
        let next = merged(&first(), &[1], &[("a", 3), ("b", 1), ("c", 1), ("g", 1), ("f", 1)]);
        let expected = list(&[("a", &[3]), ("b", &[0, 1]), ("c", &[1]), ("f", &[1, 2]), ("g", &[1])]);
        assert_eq!(listed(&next.table), expected);
        assert_eq!((next.inserted, next.removed), (vec![0, 2, 4], vec![1]));
        let empty = merged(&next.table, &[0, 1, 2, 3], &[]);
        assert_eq!(empty.table, Table::default());
        assert_eq!(empty.removed, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn an_event_that_arrives_as_it_leaves_changes_nothing() {
        let none = SlotSet::default();
        let same = merge(&first(), &events(&[1]), staged(&[("d", 1), ("b", 1), ("d", 1)]), &none);
        assert!(same.unwrap().is_none());
        let fewer = merge(&first(), &events(&[1]), staged(&[("b", 1), ("d", 1)]), &none);
        assert_eq!(
            listed(&fewer.unwrap().unwrap().table),
            list(&[("b", &[0, 1]), ("d", &[1]), ("f", &[2])])
        );
    }

    #[test]
    fn rows_of_void_events_do_not_arrive() {
        let table = merge(&first(), &events(&[]), staged(&[("x", 8), ("y", 9)]), &events(&[8]))
            .unwrap()
            .unwrap()
            .table;
        assert_eq!((table.rank_of("x"), table.rank_of("y")), (None, Some(3)));
    }

    #[test]
    fn times_follow_their_rows() {
        let timed = |seen: i64| Times::new(Some(seen), None);
        let mut arriving = Staged::default();
        for (value, event, seen) in [("b", 0, 10), ("d", 1, 20), ("f", 2, 30), ("f", 3, 40)] {
            arriving.push(value, row(event, Marks::CURRENT), timed(seen)).unwrap();
        }
        let none = SlotSet::default();
        let table = merge(&Table::default(), &none, arriving, &none).unwrap().unwrap().table;
        let next = merged(&table, &[1], &[("a", 5), ("e", 5)]).table;
        let seen: Vec<_> = (0..4).map(|rank| next.last_seen(rank, 0)).collect();
        assert_eq!(seen, [None, Some(10), None, Some(30)]);
        assert_eq!((next.last_seen(3, 1), next.last_seen(3, 2)), (Some(40), None));
    }

    #[test]
    fn a_row_as_last_published_is_one_with_the_current_one() {
        let mut arriving = Staged::default();
        let states = [
            ("a", Marks::CURRENT),
            ("a", Marks::LAST_PUBLISHED),
            ("a", Marks::CURRENT),
            ("b", Marks::CURRENT),
            ("c", Marks::LAST_PUBLISHED),
        ];
        for (value, state) in states {
            arriving.push(value, row(1, state), Times::NONE).unwrap();
        }
        let none = SlotSet::default();
        let table = merge(&Table::default(), &none, arriving, &none).unwrap().unwrap().table;
        let states: Vec<_> = table
            .all_rows()
            .iter()
            .map(|row| (row.is_current(), row.is_last_published()))
            .collect();
        assert_eq!(states, [(true, false), (true, true), (true, false), (false, true)]);
    }
}
