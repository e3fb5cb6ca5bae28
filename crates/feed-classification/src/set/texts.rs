//! Texts in blocks of memory.

/// The number of texts in each block but the last.
const EACH: usize = 4_096;

/// Texts, each known by its place: their number before it. A short one costs its bytes and eight more.
///
/// They are in blocks, which are never moved. One string of a million texts would be copied each time it grows, and the
/// memory of the shorter ones before would still count at the peak.
#[derive(Clone, Debug, Eq)]
pub(crate) struct Texts {
    blocks: Vec<Block>,
    len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    text: String,
    /// Where each text ends; it begins where the one before ends.
    ends: Vec<usize>,
}

impl Texts {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
        }
    }

    /// Returns an empty list with room for about this number of texts and bytes.
    pub(crate) fn with_room(texts: usize, bytes: usize) -> Self {
        let blocks = texts.div_ceil(EACH);
        let mut list = Self {
            blocks: Vec::with_capacity(blocks),
            len: 0,
        };
        if let Some(each) = bytes.checked_div(blocks) {
            list.blocks.push(Block::with_room(texts.min(EACH), each));
        }
        list
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push(&mut self, text: &str) {
        match self.blocks.last_mut() {
            Some(block) if block.ends.len() < EACH => block.push(text),
            Some(full) => {
                // Texts of one list have similar lengths.
                let mut next = Block::with_room(EACH, full.text.len() + full.text.len() / 16);
                full.shrink_to_fit();
                next.push(text);
                self.blocks.push(next);
            }
            None => {
                let mut first = Block::with_room(1, text.len());
                first.push(text);
                self.blocks.push(first);
            }
        }
        self.len += 1;
    }

    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        self.blocks.get(place / EACH)?.get(place % EACH)
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.get(self.len.checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len).filter_map(|place| self.get(place))
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        if let Some(last) = self.blocks.last_mut() {
            last.shrink_to_fit();
        }
        self.blocks.shrink_to_fit();
    }

    /// Returns the memory that they take beside `Self`, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let in_blocks: usize = self.blocks.iter().map(Block::weight_bytes).sum();
        in_blocks + self.blocks.capacity() * size_of::<Block>()
    }
}

/// The number of texts in a block is always the same, so equal lists have equal blocks.
impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.blocks.iter().zip(&other.blocks).all(|(one, other)| one == other)
    }
}

impl Block {
    fn with_room(texts: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(texts),
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        self.text.get(before.copied().unwrap_or(0)..end)
    }

    fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn weight_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_at_their_places_and_take_little_more_than_their_bytes() {
        let mut texts = Texts::new();
        let text = |number: usize| format!("{number:0>width$}", width = 8 + number % 50);
        let numbers = 0..3 * EACH + 5;
        numbers.clone().for_each(|number| texts.push(&text(number)));
        texts.shrink_to_fit();
        assert_eq!((texts.len(), texts.get(texts.len())), (numbers.len(), None));
        assert!(numbers.clone().all(|number| texts.get(number) == Some(&*text(number))));
        assert_eq!(texts.last(), Some(&*text(numbers.end - 1)));
        let bytes: usize = numbers
            .clone()
            .map(|number| text(number).len() + size_of::<usize>())
            .sum();
        assert!(
            texts.weight_bytes() < bytes + 1_000,
            "{} of {bytes}",
            texts.weight_bytes()
        );
        let mut same = Texts::with_room(numbers.len(), bytes);
        texts.iter().for_each(|text| same.push(text));
        assert!(same == texts);
        same.push("more");
        assert!(same != texts);
    }

    #[test]
    fn an_empty_list_has_no_text() {
        for texts in [Texts::new(), Texts::with_room(0, 0), Texts::with_room(7, 70)] {
            assert!(texts.is_empty() && texts == Texts::new());
            assert_eq!((texts.get(0), texts.last(), texts.iter().next()), (None, None, None));
        }
    }
}
