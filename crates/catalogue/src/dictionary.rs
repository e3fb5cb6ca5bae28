//! Sorted texts in one piece of memory.

use std::cmp::Ordering;
use std::ops::Range;

/// Texts in ascending order of their bytes, each once. The place of a text is its rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dictionary {
    text: String,
    /// Where each text ends; it begins where the one before ends.
    ends: Vec<u32>,
}

impl Dictionary {
    /// Returns an empty one with room for so many bytes and texts.
    pub(crate) fn with_capacity(bytes: usize, texts: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(texts),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn get(&self, rank: u32) -> Option<&str> {
        let end = *self.ends.get(rank as usize)?;
        self.text.get(self.start(rank)..end as usize)
    }

    /// Returns the rank of this text; else the rank that it would have.
    pub(crate) fn search(&self, text: &str) -> Result<u32, u32> {
        self.search_in(0, text)
    }

    /// Does the same where the text is known not to come before `low`.
    pub(crate) fn search_in(&self, low: u32, text: &str) -> Result<u32, u32> {
        let (mut low, mut high) = (low, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).unwrap_or_default().cmp(text) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Adds a text behind all others.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.end());
    }

    /// Adds the texts of these ranks of another one behind all others.
    pub(crate) fn push_all(&mut self, other: &Self, ranks: Range<u32>) {
        let (from, to) = (other.start(ranks.start), other.start(ranks.end));
        let base = self.end();
        self.text.push_str(other.text.get(from..to).unwrap_or_default());
        let ends = other
            .ends
            .get(ranks.start as usize..ranks.end as usize)
            .unwrap_or_default();
        let from = other.start_of(ranks.start);
        self.ends.extend(ends.iter().map(|end| end - from + base));
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    /// Returns the number of texts. A table has fewer than 2^32 rows, and so many texts.
    fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    fn start(&self, rank: u32) -> usize {
        self.start_of(rank) as usize
    }

    fn start_of(&self, rank: u32) -> u32 {
        let before = (rank as usize).checked_sub(1);
        before.and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }

    /// Returns where the text ends. A merge checks beforehand that all of it has fewer than 2^32 bytes.
    fn end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_rank_and_ranks_by_text() {
        let mut dictionary = Dictionary::default();
        let texts = ["", "a", "a.b", "b", "ä", "\u{10000}"];
        texts.iter().for_each(|text| dictionary.push(text));
        for (rank, text) in (0..).zip(texts) {
            assert_eq!(dictionary.search(text), Ok(rank));
            assert_eq!(dictionary.get(rank), Some(text));
        }
        assert_eq!(dictionary.search("a.a"), Err(2));
        assert_eq!(dictionary.search("\u{10001}"), Err(6));
        assert_eq!(dictionary.get(6), None);
    }

    #[test]
    fn a_run_of_texts_is_copied_with_its_ranks() {
        let mut from = Dictionary::default();
        ["b", "cc", "ddd", "e"].iter().for_each(|text| from.push(text));
        let mut to = Dictionary::default();
        to.push("aaaa");
        to.push_all(&from, 1..3);
        to.push_all(&from, 4..4);
        let texts: Vec<_> = (0..3).filter_map(|rank| to.get(rank)).collect();
        assert_eq!(texts, ["aaaa", "cc", "ddd"]);
        assert_eq!(to.get(3), None);
    }
}
