//! The numbers of the rows that were read.

use std::collections::HashSet;

/// A set of numbers, most of which come in ascending order: those take eight bytes each and no hashing.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    ascending: Vec<u64>,
    others: HashSet<u64>,
}

impl SeenIds {
    /// Adds a number and returns whether it is new.
    pub(crate) fn insert(&mut self, id: u64) -> bool {
        if self.ascending.last().is_none_or(|last| *last < id) {
            // The others were smaller than one of these when they came.
            self.ascending.push(id);
            return true;
        }
        self.ascending.binary_search(&id).is_err() && self.others.insert(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once_in_whatever_order_it_comes() {
        for ids in [[1, 2, 3, 9, 9, 4], [9, 4, 3, 4, 12, 9], [5, 1, 7, 1, 5, 7]] {
            let (mut seen, mut known) = (SeenIds::default(), HashSet::new());
            for id in ids {
                assert_eq!(seen.insert(id), known.insert(id), "{id} of {ids:?}");
            }
        }
    }
}
