//! The texts of all lists of one kind, in one automaton.
//!
//! Lists of popular names have a million entries each and share most of them. An `fst::Map` holds each text once, with
//! common beginnings and endings shared, in hardly more bytes than the texts have: 17 MB for a million random names.

use fst::raw::Output;
use fst::{Map, MapBuilder};

use super::list_sets::{ListSets, Slot};

/// Texts with their lists, before they are sorted.
#[derive(Debug, Default)]
pub(super) struct TextPile {
    text: Vec<u8>,
    keys: Vec<Key>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    start: u32,
    len: u32,
    slot: Slot,
}

/// A place in a pile, to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    text: usize,
    keys: usize,
}

impl TextPile {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            text: self.text.len(),
            keys: self.keys.len(),
        }
    }

    /// Forgets what was added since the mark.
    pub(super) fn return_to(&mut self, mark: Mark) {
        self.text.truncate(mark.text);
        self.keys.truncate(mark.keys);
    }

    /// Adds a text; returns false if the pile is full.
    #[must_use]
    pub(super) fn push(&mut self, text: impl Iterator<Item = u8>, slot: Slot) -> bool {
        let start = self.text.len();
        self.text.extend(text);
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(self.text.len() - start)) else {
            self.text.truncate(start);
            return false;
        };
        self.keys.push(Key { start, len, slot });
        true
    }

    pub(super) fn into_index(mut self, sets: &mut ListSets) -> TextIndex {
        let text = self.text;
        let bytes = |key: &Key| {
            let start = key.start as usize;
            text.get(start..start + key.len as usize).unwrap_or_default()
        };
        self.keys
            .sort_unstable_by(|one, other| bytes(one).cmp(bytes(other)).then(one.slot.cmp(&other.slot)));
        let mut builder = MapBuilder::memory();
        let mut slots = Vec::new();
        for same in self.keys.chunk_by(|one, other| bytes(one) == bytes(other)) {
            slots.clear();
            slots.extend(same.iter().map(|key| key.slot));
            slots.dedup();
            let key = same.first().map(bytes).unwrap_or_default();
            #[expect(
                clippy::expect_used,
                reason = "the keys are sorted and unique, and memory takes all bytes"
            )]
            builder
                .insert(key, u64::from(sets.number(&slots)))
                .expect("sorted keys are accepted");
        }
        TextIndex(builder.into_map())
    }
}

/// Numbers of sets of lists by text.
#[derive(Debug)]
pub(super) struct TextIndex(Map<Vec<u8>>);

impl TextIndex {
    /// Returns the lists that have this text.
    pub(super) fn get(&self, text: &[u8]) -> Option<u32> {
        self.0.get(text).map(number)
    }

    /// Looks from the end of `host` for texts that were added backwards. Calls `stop` for each that ends at a dot or at
    /// the beginning, shortest first, until it returns true; returns whether it did.
    pub(super) fn each_parent<'h>(&self, host: &'h str, mut stop: impl FnMut(u32, &'h str) -> bool) -> bool {
        let fst = self.0.as_fst();
        let mut node = fst.root();
        let mut output = Output::zero();
        let mut stops = |node: &fst::raw::Node<'_>, output: Output, start: usize| {
            let set = node.is_final().then(|| output.cat(node.final_output()).value());
            set.is_some_and(|set| stop(number(set), host.get(start..).unwrap_or_default()))
        };
        for (at, byte) in host.bytes().enumerate().rev() {
            if byte == b'.' && stops(&node, output, at + 1) {
                return true;
            }
            let Some(index) = node.find_input(byte) else {
                return false;
            };
            let transition = node.transition(index);
            output = output.cat(transition.out);
            node = fst.node(transition.addr);
        }
        stops(&node, output, 0)
    }
}

/// The numbers were made from 32 bits.
fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_two_lists_is_one_key() {
        let (mut pile, mut sets) = (TextPile::default(), ListSets::default());
        for (text, slot) in [("b", 1), ("a", 0), ("b", 0), ("b", 1), ("", 2)] {
            assert!(pile.push(text.bytes(), slot));
        }
        let index = pile.into_index(&mut sets);
        assert_eq!(index.get(b"b"), Some(sets.number(&[0, 1])));
        assert_eq!(index.get(b"a"), Some(sets.number(&[0])));
        assert_eq!(index.get(b""), Some(sets.number(&[2])));
        assert_eq!(index.get(b"c"), None);
    }

    #[test]
    fn pile_forgets_what_was_added_since_the_mark() {
        let (mut pile, mut sets) = (TextPile::default(), ListSets::default());
        assert!(pile.push(b"a".iter().copied(), 0));
        let mark = pile.mark();
        assert!(pile.push(b"b".iter().copied(), 0));
        pile.return_to(mark);
        let index = pile.into_index(&mut sets);
        assert!(index.get(b"a").is_some() && index.get(b"b").is_none());
    }
}
