//! Texts of one length, moved into another order where they lie.

use super::texts::{EACH, Texts};

/// Returns the texts at the places `place(0)`, `place(1)` up to `place(len - 1)`, in this order.
///
/// All texts have this length in bytes, and the places are different. A million hashes are 64 MB: a second list of them
/// would double the memory of a large feed while it is sorted. Here the memory beside the list is two bytes for each
/// text.
pub(super) fn placed(texts: Texts, length: usize, len: usize, place: impl Fn(usize) -> usize) -> Texts {
    let mut is_wanted = vec![false; texts.len()];
    (0..len).for_each(|index| set(&mut is_wanted, place(index)));
    let mut slots = Slots {
        length,
        blocks: texts.into_blocks(),
    };
    let mut is_done = vec![false; len];
    // A slot whose own text is not wanted can take its new one at once. That frees the slot which the new one was in.
    for first in (0..len).filter(|slot| !is_set(&is_wanted, *slot)) {
        let mut slot = first;
        while slot < len {
            slots.copy(place(slot), slot);
            set(&mut is_done, slot);
            slot = place(slot);
        }
    }
    // The other slots exchange their texts in circles.
    for first in 0..len {
        if is_set(&is_done, first) || place(first) == first {
            continue;
        }
        let (kept, mut slot) = (slots.get(first).to_vec(), first);
        while place(slot) != first {
            slots.copy(place(slot), slot);
            set(&mut is_done, slot);
            slot = place(slot);
        }
        slots.put(slot, &kept);
        set(&mut is_done, slot);
    }
    Texts::of_blocks(slots.blocks, length, len)
}

/// The bytes of texts of one length, in blocks.
struct Slots {
    length: usize,
    blocks: Vec<Vec<u8>>,
}

impl Slots {
    fn get(&self, slot: usize) -> &[u8] {
        let start = slot % EACH * self.length;
        let block = self.blocks.get(slot / EACH);
        block
            .and_then(|block| block.get(start..start + self.length))
            .unwrap_or_default()
    }

    fn put(&mut self, slot: usize, text: &[u8]) {
        let start = slot % EACH * self.length;
        let block = self.blocks.get_mut(slot / EACH);
        if let Some(bytes) = block.and_then(|block| block.get_mut(start..start + text.len())) {
            bytes.copy_from_slice(text);
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        // Short enough for the stack: hashes and addresses. Longer texts are copied by way of the heap.
        let mut short = [0; 128];
        match short.get_mut(..self.length) {
            Some(text) => {
                text.copy_from_slice(self.get(from));
                self.put(to, text);
            }
            None => {
                let text = self.get(from).to_vec();
                self.put(to, &text);
            }
        }
    }
}

fn is_set(flags: &[bool], index: usize) -> bool {
    flags.get(index).copied().unwrap_or(false)
}

fn set(flags: &mut [bool], index: usize) {
    if let Some(flag) = flags.get_mut(index) {
        *flag = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(texts: impl Iterator<Item = String>) -> Texts {
        let mut list = Texts::new();
        texts.for_each(|text| list.push(&text));
        list
    }

    proptest! {
        #[test]
        fn chosen_texts_come_in_the_chosen_order(
            (places, len) in (1..40_usize)
                .prop_flat_map(|count| (Just((0..count).collect::<Vec<_>>()).prop_shuffle(), 0..=count)),
        ) {
            let text = |number: &usize| format!("{number:07}ä");
            let texts = list((0..places.len()).map(|number| text(&number)));
            let sorted = placed(texts, 9, len, |index| places[index]);
            prop_assert_eq!(sorted.len(), len);
            prop_assert!(sorted.iter().eq(places[..len].iter().map(text)));
            prop_assert!(sorted == list(places[..len].iter().map(text)));
        }
    }

    #[test]
    fn texts_cross_blocks_and_long_ones_too() {
        for width in [64, 200] {
            let count = 3 * EACH + 7;
            let texts = list((0..count).map(|number| format!("{number:0width$}")));
            let backwards = placed(texts, width, count - 5, |index| count - 1 - index);
            let expected = (5..count).rev().map(|number| format!("{number:0width$}"));
            assert!(backwards.iter().eq(expected));
            assert_eq!(backwards.len(), count - 5);
        }
    }

    #[test]
    fn empty_texts_stay_empty() {
        let texts = list(["", ""].map(str::to_owned).into_iter());
        assert!(placed(texts, 0, 2, |index| 1 - index).iter().eq(["", ""]));
    }
}
