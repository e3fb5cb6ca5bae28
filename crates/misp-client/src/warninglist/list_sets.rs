//! Sets of lists, each held once: most entries are on the same few lists.

use std::collections::HashMap;

/// The place of a list among the lists of a matcher.
pub(super) type Slot = u16;

/// Lists that a question concerns, one bit for each slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ListMask(Box<[u64]>);

impl ListMask {
    pub(super) fn of(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut words = Vec::new();
        for slot in slots {
            let word = usize::from(slot / 64);
            if words.len() <= word {
                words.resize(word + 1, 0_u64);
            }
            if let Some(bits) = words.get_mut(word) {
                *bits |= 1 << (slot % 64);
            }
        }
        Self(words.into())
    }

    pub(super) fn contains(&self, slot: Slot) -> bool {
        let word = self.0.get(usize::from(slot / 64));
        word.is_some_and(|bits| bits & (1 << (slot % 64)) != 0)
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, other)| mine & other != 0)
    }
}

/// The sets, by number.
#[derive(Debug, Default)]
pub(super) struct ListSets {
    sets: Vec<(Box<[Slot]>, ListMask)>,
    numbers: HashMap<Box<[Slot]>, u32>,
}

impl ListSets {
    /// Returns the number of the set with these slots, which must be sorted and unique.
    pub(super) fn number(&mut self, slots: &[Slot]) -> u32 {
        if let Some(number) = self.numbers.get(slots) {
            return *number;
        }
        // Bounded by the number of entries.
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push((slots.into(), ListMask::of(slots.iter().copied())));
        self.numbers.insert(slots.into(), number);
        number
    }

    /// Returns whether one of the lists of the set is among these.
    pub(super) fn meets(&self, number: u32, lists: &ListMask) -> bool {
        self.get(number).is_some_and(|(_, mask)| mask.meets(lists))
    }

    /// Returns the lists of the set that are among these.
    pub(super) fn among<'a>(&'a self, number: u32, lists: &'a ListMask) -> impl Iterator<Item = Slot> + 'a {
        let slots = self.get(number).map_or(&[][..], |(slots, _)| slots);
        slots.iter().copied().filter(|slot| lists.contains(*slot))
    }

    fn get(&self, number: u32) -> Option<&(Box<[Slot]>, ListMask)> {
        self.sets.get(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_one_number() {
        let mut sets = ListSets::default();
        let (first, second) = (sets.number(&[1, 70]), sets.number(&[2]));
        assert_eq!((sets.number(&[1, 70]), sets.number(&[2])), (first, second));
        let wanted = ListMask::of([70, 3]);
        assert!(sets.meets(first, &wanted) && !sets.meets(second, &wanted));
        assert_eq!(sets.among(first, &wanted).collect::<Vec<_>>(), [70]);
        assert!(
            !sets.meets(first, &ListMask::of([6])),
            "slot 70 is in another word than 6"
        );
    }
}
