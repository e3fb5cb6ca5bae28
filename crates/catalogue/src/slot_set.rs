//! Sets of event places.

/// A set of places of events, a bit for each up to the greatest.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    pub(crate) fn insert(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << (slot % 64);
        }
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        let word = self.words.get(slot as usize / 64);
        word.is_some_and(|word| word & 1 << (slot % 64) != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_set_once() {
        let mut set = SlotSet::default();
        assert!(set.is_empty() && !set.contains(0));
        [7, 64, 7, 0, 1_000_000].iter().for_each(|slot| set.insert(*slot));
        let members: Vec<u32> = (0..2_000_000).filter(|slot| set.contains(*slot)).collect();
        assert_eq!(members, [0, 7, 64, 1_000_000]);
        assert!(!set.is_empty() && !set.contains(u32::MAX));
    }
}
