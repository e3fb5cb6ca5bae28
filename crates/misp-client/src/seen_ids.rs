//! The numbers of the rows that were read.

use std::collections::HashSet;

/// The ascending numbers of one block.
const EACH: usize = 64;

/// A set of numbers, most of which come in ascending order: those take a byte or two each and no hashing.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    /// How far each ascending number is from the one before, seven bits a byte, the lowest first. The last byte of a
    /// distance is below 128.
    distances: Vec<u8>,
    blocks: Vec<Block>,
    /// The last ascending number, and how many of its block came before it.
    last: Option<(u64, usize)>,
    others: HashSet<u64>,
}

/// The first number of a block, and where the distances of the further ones begin.
#[derive(Debug)]
struct Block {
    first: u64,
    begins: usize,
}

impl SeenIds {
    /// Adds a number and returns whether it is new.
    pub(crate) fn insert(&mut self, id: u64) -> bool {
        match self.last {
            Some((last, before)) if last < id && before + 1 < EACH => {
                self.push_distance(id - last);
                self.last = Some((id, before + 1));
                true
            }
            Some((last, _)) if last >= id => !self.is_among_ascending(id) && self.others.insert(id),
            _ => {
                let begins = self.distances.len();
                self.blocks.push(Block { first: id, begins });
                self.last = Some((id, 0));
                true
            }
        }
    }

    fn push_distance(&mut self, mut distance: u64) {
        while distance >= 0x80 {
            self.distances.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        self.distances.push(distance as u8);
    }

    fn is_among_ascending(&self, id: u64) -> bool {
        let after = self.blocks.partition_point(|block| block.first <= id);
        let Some(block) = after.checked_sub(1).and_then(|place| self.blocks.get(place)) else {
            return false;
        };
        let ends = self.blocks.get(after).map_or(self.distances.len(), |next| next.begins);
        let distances = self.distances.get(block.begins..ends).unwrap_or_default();
        let (mut number, mut distance, mut shift) = (block.first, 0, 0);
        for byte in distances {
            if number >= id {
                break;
            }
            distance |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                number += distance;
                (distance, shift) = (0, 0);
            }
        }
        number == id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_new_once(ids: impl IntoIterator<Item = u64>) {
        let (mut seen, mut known) = (SeenIds::default(), HashSet::new());
        for id in ids {
            assert_eq!(seen.insert(id), known.insert(id), "{id}");
        }
    }

    #[test]
    fn a_number_is_new_once_in_whatever_order_it_comes() {
        for ids in [[1, 2, 3, 9, 9, 4], [9, 4, 3, 4, 12, 9], [5, 1, 7, 1, 5, 7]] {
            assert_new_once(ids);
        }
    }

    #[test]
    fn numbers_are_known_again_whatever_lies_between_them() {
        for distance in [1, 127, 128, 129, 16_383, 16_384, u64::MAX / 200] {
            let numbers = || (0..200).map(move |number| number * distance);
            let between = numbers().map(|number| number + distance / 2);
            assert_new_once(numbers().chain(between).chain(numbers()));
        }
        assert_new_once([0, u64::MAX, 0, u64::MAX - 1, u64::MAX, u64::MAX - 1]);
    }

    #[test]
    fn ascending_numbers_take_less_than_two_bytes_each() {
        let mut seen = SeenIds::default();
        (0..100_000_u64).for_each(|number| assert!(seen.insert(number * 50)));
        let bytes = seen.distances.len() + seen.blocks.len() * size_of::<Block>();
        assert!(bytes < 200_000 && seen.others.is_empty(), "{bytes}");
    }
}
