//! The values of a feed: sorted, unique, in one piece of memory.

use std::fmt;

use crate::{Indicator, IndicatorType};

/// A sorted set of values of one indicator type.
///
/// The order is by code point, which for UTF-8 is the order of the bytes; every replica gives the same bytes for the same values.
/// All texts lie one after another in one string, so a million short values cost their text and eight bytes each.
///
/// ```
/// use feed_classification::{IndicatorSet, IndicatorType};
///
/// let set = IndicatorSet::of(IndicatorType::Domain, ["b.example", "a.example", "b.example"]);
/// assert!(set.iter().eq(["a.example", "b.example"]));
/// assert!(set.contains("a.example"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IndicatorSet {
    kind: IndicatorType,
    text: String,
    /// Where each value ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
}

impl IndicatorSet {
    /// Returns a set with no value.
    #[must_use]
    pub const fn empty(kind: IndicatorType) -> Self {
        Self {
            kind,
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Returns the set of the given values, which are taken as they are.
    #[must_use]
    pub fn of<'v>(kind: IndicatorType, values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut builder = IndicatorSetBuilder::new(kind);
        values.into_iter().for_each(|value| builder.push(value));
        builder.finish()
    }

    /// Returns the type of every value.
    #[must_use]
    pub const fn kind(&self) -> IndicatorType {
        self.kind
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns whether the set holds exactly this text.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }

    /// Returns the values in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { set: self, next: 0 }
    }

    /// Returns the values in order, each with its type, as exporters take them.
    pub fn indicators(&self) -> impl Iterator<Item = Indicator<'_>> {
        self.iter().map(|value| Indicator::new(self.kind, value))
    }

    /// Returns the values that are not in `other`, whatever the type of the other set is.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut removed = other.iter().peekable();
        let mut kept = IndicatorSetBuilder::new(self.kind);
        for value in self {
            while removed.next_if(|candidate| *candidate < value).is_some() {}
            if removed.peek() != Some(&value) {
                kept.push(value);
            }
        }
        kept.finish()
    }

    /// Returns how much memory the set takes, in bytes, for caches that are bounded by it.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn at(&self, index: usize) -> &str {
        value_at(&self.text, &self.ends, index).unwrap_or_default()
    }
}

impl fmt::Debug for IndicatorSet {
    /// Tells type and size; a feed may have a million values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndicatorSet")
            .field("kind", &self.kind)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<'s> IntoIterator for &'s IndicatorSet {
    type Item = &'s str;
    type IntoIter = Iter<'s>;

    fn into_iter(self) -> Iter<'s> {
        self.iter()
    }
}

/// The values of an [`IndicatorSet`] in order.
#[derive(Debug, Clone)]
pub struct Iter<'s> {
    set: &'s IndicatorSet,
    next: usize,
}

impl<'s> Iterator for Iter<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        let value = value_at(&self.set.text, &self.set.ends, self.next)?;
        self.next += 1;
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.set.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Collects values in any order, with repetitions, and makes an [`IndicatorSet`] of them.
#[derive(Debug, Clone)]
pub struct IndicatorSetBuilder {
    collected: IndicatorSet,
    is_sorted: bool,
}

impl IndicatorSetBuilder {
    /// Makes a builder with no value.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            collected: IndicatorSet::empty(kind),
            is_sorted: true,
        }
    }

    /// Adds a value as it stands; normal form is the business of [`crate::Extractor`].
    pub fn push(&mut self, value: &str) {
        let collected = &mut self.collected;
        if let Some(last) = collected.ends.len().checked_sub(1) {
            match collected.at(last).cmp(value) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return,
                std::cmp::Ordering::Greater => self.is_sorted = false,
            }
        }
        collected.text.push_str(value);
        collected.ends.push(collected.text.len());
    }

    /// Returns how many values are held so far; repetitions may count.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.collected.len()
    }

    /// Returns the set of the values.
    #[must_use]
    pub fn finish(self) -> IndicatorSet {
        let mut collected = self.collected;
        if !self.is_sorted {
            collected = sorted(&collected);
        }
        collected.text.shrink_to_fit();
        collected.ends.shrink_to_fit();
        collected
    }
}

fn sorted(collected: &IndicatorSet) -> IndicatorSet {
    let mut values: Vec<(u64, &str)> = collected.iter().map(|value| (first_bytes(value), value)).collect();
    values.sort_unstable();
    values.dedup();
    let mut text = String::with_capacity(values.iter().map(|(_, value)| value.len()).sum());
    let mut ends = Vec::with_capacity(values.len());
    for (_, value) in values {
        text.push_str(value);
        ends.push(text.len());
    }
    IndicatorSet {
        kind: collected.kind,
        text,
        ends,
    }
}

/// The beginning of a value as a number in the same order, so that most comparisons need no look at the text.
fn first_bytes(value: &str) -> u64 {
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(value.bytes())
        .for_each(|(slot, byte)| *slot = byte);
    u64::from_be_bytes(first)
}

fn value_at<'t>(text: &'t str, ends: &[usize], index: usize) -> Option<&'t str> {
    let end = *ends.get(index)?;
    let start = index
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    text.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::{IndicatorSet, IndicatorSetBuilder, IndicatorType};

    fn set(values: &[&str]) -> IndicatorSet {
        IndicatorSet::of(IndicatorType::Mutex, values.iter().copied())
    }

    #[test]
    fn values_come_out_by_code_point() {
        let values = set(&["b", "10.0.0.2", "10.0.0.10", "a", "Z", "\u{ffff}", "\u{10000}", "ä"]);
        assert!(
            values
                .iter()
                .eq(["10.0.0.10", "10.0.0.2", "Z", "a", "b", "ä", "\u{ffff}", "\u{10000}"])
        );
    }

    #[test]
    fn repetitions_count_once_in_whatever_order_they_come() {
        assert_eq!(set(&["b", "a", "b", "b", "a"]), set(&["a", "b"]));
        assert_eq!(set(&["a", "a", "b"]).len(), 2);
    }

    #[test]
    fn contains_finds_whole_values_only() {
        let values = set(&["ab", "cd", "e"]);
        for value in &values {
            assert!(values.contains(value));
        }
        for value in ["", "a", "abc", "bc", "abcd", "f"] {
            assert!(!values.contains(value), "{value}");
        }
        assert!(!set(&[]).contains(""));
    }

    #[test]
    fn without_takes_out_what_the_other_set_holds() {
        let values = set(&["a", "b", "c", "d"]);
        assert_eq!(values.without(&set(&["0", "b", "bb", "d", "e"])), set(&["a", "c"]));
        assert_eq!(values.without(&set(&[])), values);
        assert!(values.without(&values).is_empty());
    }

    #[test]
    fn iterators_know_their_length() {
        let values = set(&["a", "b", "c"]);
        let mut iter = values.iter();
        assert_eq!(iter.len(), 3);
        iter.next();
        assert_eq!(iter.len(), 2);
    }

    #[test]
    fn debug_does_not_print_a_million_values() {
        assert_eq!(
            format!("{:?}", set(&["secret"])),
            "IndicatorSet { kind: Mutex, len: 1, .. }"
        );
    }

    #[test]
    fn a_short_value_weighs_its_text_and_eight_bytes() {
        let mut builder = IndicatorSetBuilder::new(IndicatorType::Ipv4);
        for number in 0..100_000_u32 {
            builder.push(&std::net::Ipv4Addr::from(number.wrapping_mul(2_654_435_761)).to_string());
        }
        let values = builder.finish();
        assert_eq!(values.len(), 100_000);
        assert!(values.weight_bytes() < 2_500_000, "{}", values.weight_bytes());
    }
}
