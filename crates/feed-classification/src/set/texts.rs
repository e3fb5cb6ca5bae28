//! Texts in blocks of memory.

use std::fmt;

/// The number of texts in each block but the last.
pub(super) const EACH: usize = 4_096;

/// Texts, each known by its place: their number before it. A short one costs its bytes and eight more; in a block of
/// texts of one length, such as hashes, it costs its bytes alone.
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
    ends: Ends,
}

/// Where each text of a block ends; it begins where the one before ends.
///
/// The texts alone decide which of the two it is, so blocks with the same texts are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ends {
    /// All of this number of texts have this length in bytes.
    Each { length: usize, texts: usize },
    /// The texts have different lengths.
    At(Vec<usize>),
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
            list.blocks.push(Block::with_room(each));
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
            Some(block) if block.len() < EACH => block.push(text),
            Some(full) => {
                let mut next = Block::with_room(full.room_of_next());
                full.shrink_to_fit();
                next.push(text);
                self.blocks.push(next);
            }
            None => {
                let mut first = Block::with_room(text.len());
                first.push(text);
                self.blocks.push(first);
            }
        }
        self.len += 1;
    }

    // Sorting calls it for each comparison of two texts that begin alike.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        self.blocks.get(place / EACH)?.get(place % EACH)
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.get(self.len.checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> TextIter<'_> {
        TextIter {
            blocks: self.blocks.iter(),
            rest: "",
            lengths: Lengths::Each { length: 0, left: 0 },
            left: self.len,
        }
    }

    /// Returns the length that all texts have, in bytes; nothing if their lengths differ, or without a text.
    pub(crate) fn common_length(&self) -> Option<usize> {
        let mut lengths = self.blocks.iter().map(Block::common_length);
        let first = lengths.next()??;
        lengths.all(|length| length == Some(first)).then_some(first)
    }

    /// Takes the bytes of the texts out, in blocks of 4 096 texts.
    pub(super) fn into_blocks(self) -> Vec<Vec<u8>> {
        self.blocks.into_iter().map(|block| block.text.into_bytes()).collect()
    }

    /// Returns the first `len` texts of such blocks, each of `length` bytes.
    pub(super) fn of_blocks(blocks: Vec<Vec<u8>>, length: usize, len: usize) -> Self {
        let mut list = Self {
            blocks: Vec::with_capacity(len.div_ceil(EACH)),
            len,
        };
        for (number, mut bytes) in blocks.into_iter().take(len.div_ceil(EACH)).enumerate() {
            let texts = EACH.min(len - number * EACH);
            bytes.truncate(texts * length);
            // They are whole texts, so this copies nothing and replaces nothing.
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned());
            let ends = Ends::Each { length, texts };
            list.blocks.push(Block { text, ends });
        }
        list
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
    fn with_room(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Ends::Each { length: 0, texts: 0 },
        }
    }

    fn len(&self) -> usize {
        match &self.ends {
            Ends::Each { texts, .. } => *texts,
            Ends::At(ends) => ends.len(),
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        match &mut self.ends {
            Ends::Each { length, texts } if *texts == 0 || *length == text.len() => {
                (*length, *texts) = (text.len(), *texts + 1);
            }
            Ends::Each { length, texts } => {
                let before = (1..=*texts).map(|number| number * *length);
                self.ends = Ends::At(before.chain([self.text.len()]).collect());
            }
            Ends::At(ends) => ends.push(self.text.len()),
        }
    }

    #[inline]
    fn get(&self, index: usize) -> Option<&str> {
        match &self.ends {
            Ends::Each { length, texts } => {
                let start = index.checked_mul(*length).filter(|_| index < *texts)?;
                self.text.get(start..start + length)
            }
            Ends::At(ends) => {
                let end = *ends.get(index)?;
                let before = index.checked_sub(1).and_then(|before| ends.get(before));
                self.text.get(before.copied().unwrap_or(0)..end)
            }
        }
    }

    /// Returns the bytes that another block is going to need: texts of one list have similar lengths.
    fn room_of_next(&self) -> usize {
        match self.ends {
            Ends::Each { .. } => self.text.len(),
            Ends::At(_) => self.text.len() + self.text.len() / 16,
        }
    }

    fn common_length(&self) -> Option<usize> {
        match self.ends {
            Ends::Each { length, .. } => Some(length),
            Ends::At(_) => None,
        }
    }

    fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        if let Ends::At(ends) = &mut self.ends {
            ends.shrink_to_fit();
        }
    }

    fn weight_bytes(&self) -> usize {
        let of_ends = match &self.ends {
            Ends::Each { .. } => 0,
            Ends::At(ends) => ends.capacity() * size_of::<usize>(),
        };
        self.text.capacity() + of_ends
    }
}

/// The texts of a list in their order. Reading them this way takes a third of the time of [`Texts::get`] for each
/// place.
#[derive(Clone)]
pub(crate) struct TextIter<'t> {
    blocks: std::slice::Iter<'t, Block>,
    /// The unread part of the current block.
    rest: &'t str,
    lengths: Lengths<'t>,
    left: usize,
}

/// The lengths of the texts that are left in a block.
#[derive(Clone)]
enum Lengths<'t> {
    Each {
        length: usize,
        left: usize,
    },
    Until {
        ends: std::slice::Iter<'t, usize>,
        begin: usize,
    },
}

impl Iterator for Lengths<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Each { length, left } => {
                *left = left.checked_sub(1)?;
                Some(*length)
            }
            Self::Until { ends, begin } => {
                let end = *ends.next()?;
                end.checked_sub(std::mem::replace(begin, end))
            }
        }
    }
}

/// Writes no text; a feed may have a million values.
impl fmt::Debug for TextIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextIter")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<'t> Iterator for TextIter<'t> {
    type Item = &'t str;

    #[inline]
    fn next(&mut self) -> Option<&'t str> {
        loop {
            if let Some(length) = self.lengths.next() {
                let (text, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                self.left -= 1;
                return Some(text);
            }
            let block = self.blocks.next()?;
            self.rest = &block.text;
            self.lengths = match &block.ends {
                Ends::Each { length, texts } => Lengths::Each {
                    length: *length,
                    left: *texts,
                },
                Ends::At(ends) => Lengths::Until {
                    ends: ends.iter(),
                    begin: 0,
                },
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
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
        let mut values = texts.iter();
        assert_eq!(values.size_hint(), (numbers.len(), Some(numbers.len())));
        values.by_ref().for_each(|text| same.push(text));
        assert_eq!((values.size_hint(), values.next()), ((0, Some(0)), None));
        assert!(same == texts);
        same.push("more");
        assert!(same != texts);
    }

    #[test]
    fn texts_of_one_length_take_their_bytes_alone() {
        let mut texts = Texts::new();
        assert_eq!(texts.common_length(), None);
        (0..2 * EACH + 5).for_each(|number| texts.push(&format!("{number:064}")));
        texts.shrink_to_fit();
        assert_eq!(texts.common_length(), Some(64));
        assert!((0..texts.len()).all(|number| texts.get(number) == Some(&*format!("{number:064}"))));
        assert_eq!(texts.get(texts.len()), None);
        let bytes = texts.len() * 64;
        assert!(
            texts.weight_bytes() < bytes + 1_000,
            "{} of {bytes}",
            texts.weight_bytes()
        );
        texts.push("another length");
        assert_eq!((texts.common_length(), texts.last()), (None, Some("another length")));
        assert!(
            (0..texts.len())
                .map(|place| texts.get(place))
                .eq(texts.iter().map(Some))
        );
        assert_eq!(texts.get(texts.len() - 2), Some(&*format!("{:064}", texts.len() - 2)));
    }

    #[test]
    fn an_empty_list_has_no_text() {
        for texts in [Texts::new(), Texts::with_room(0, 0), Texts::with_room(7, 70)] {
            assert!(texts.is_empty() && texts == Texts::new());
            assert_eq!((texts.get(0), texts.last(), texts.iter().next()), (None, None, None));
        }
    }
}
