//! Rows in little memory, each with its values.

use crate::long_list::LongList;
use crate::provenance::ShortProvenance;

/// The places of the values of one attribute in the list of all values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Values {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// Rows in the order of reading, at 16 bytes each: nearly every row has one value, which follows that of the row
/// before.
#[derive(Debug)]
pub(crate) struct RowList {
    rows: LongList<ShortProvenance>,
    /// The values of rows that have another number of them, or that had theirs before, by the number of the row.
    apart: LongList<(u32, Values)>,
    /// The place of the value that a row has which is not among them.
    next: u32,
}

impl RowList {
    pub(crate) const fn new() -> Self {
        Self {
            rows: LongList::new(),
            apart: LongList::new(),
            next: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn push(&mut self, values: Values, at: ShortProvenance) {
        if values != Values::single(self.next) {
            // The rows of a feed are less than 2^32: MAX_VALUES.
            let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            self.apart.push((number, values));
        }
        self.next = values.end();
        self.rows.push(at);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Values, ShortProvenance)> {
        with_values(self.rows.iter().copied(), self.apart.iter().copied())
    }

    /// Returns the rows, and gives their memory back meanwhile.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (Values, ShortProvenance)> {
        with_values(self.rows.into_iter(), self.apart.into_iter())
    }

    /// Returns where the rows come from.
    pub(crate) fn origins(&self) -> impl Iterator<Item = ShortProvenance> {
        self.rows.iter().copied()
    }

    /// Returns whether all rows have one value.
    pub(crate) fn has_single_values(&self) -> bool {
        self.apart.iter().all(|(_, values)| values.count == 1)
    }

    /// Returns their memory in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        self.rows.weight_bytes() + self.apart.weight_bytes()
    }
}

fn with_values(
    rows: impl Iterator<Item = ShortProvenance>,
    apart: impl Iterator<Item = (u32, Values)>,
) -> impl Iterator<Item = (Values, ShortProvenance)> {
    let (mut apart, mut next) = (apart.peekable(), 0);
    (0..).zip(rows).map(move |(number, at)| {
        let known = apart.next_if(|(row, _)| *row == number);
        let values = known.map_or(Values::single(next), |(_, values)| values);
        next = values.end();
        (values, at)
    })
}

impl Values {
    /// Those from `first` up to `end`; the places of a feed's values fit into 32 bits.
    pub(crate) fn of(first: usize, end: usize) -> Self {
        let short = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            first: short(first),
            count: short(end - first),
        }
    }

    const fn single(first: u32) -> Self {
        Self { first, count: 1 }
    }

    const fn end(self) -> u32 {
        self.first.saturating_add(self.count)
    }

    pub(crate) fn places(self) -> std::ops::Range<u32> {
        self.first..self.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::provenance::{Provenance, SharedEvents};

    fn origin(attribute_id: u64) -> ShortProvenance {
        SharedEvents::default().short(&Provenance {
            attribute_id,
            ..Provenance::default()
        })
    }

    proptest! {
        #[test]
        fn each_row_keeps_its_values(values in prop::collection::vec((0..4_u32, 0..3_u32, any::<bool>()), 0..50)) {
            let (mut list, mut end, mut expected) = (RowList::new(), 0, Vec::new());
            for (number, (first, count, follows)) in (0..).zip(values) {
                let values = Values { first: if follows { end } else { first }, count };
                end = values.end();
                list.push(values, origin(number));
                expected.push((values, number));
            }
            let found = |(values, at): (Values, ShortProvenance)| (values, at.attribute_id);
            prop_assert_eq!(list.has_single_values(), expected.iter().all(|(values, _)| values.count == 1));
            prop_assert_eq!(list.len(), expected.len());
            prop_assert!(list.iter().map(found).eq(expected.iter().copied()));
            prop_assert!(list.into_rows().map(found).eq(expected));
        }
    }

    #[test]
    fn rows_of_one_value_each_take_sixteen_bytes() {
        let mut list = RowList::new();
        (0..100_000).for_each(|number| list.push(Values::single(number), origin(1)));
        assert!(
            list.weight_bytes() <= 100_000 * 16 + 1024 * 1024,
            "{}",
            list.weight_bytes()
        );
    }
}
