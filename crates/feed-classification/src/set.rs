//! The values of a feed: sorted, unique, in one piece of memory.

mod builder;
mod order;
mod placing;
mod spellings;
mod texts;
mod value_list;

use std::borrow::Cow;
use std::fmt;

use crate::canonical::canonical_key;
use crate::{Indicator, IndicatorType};

pub use builder::IndicatorSetBuilder;
pub use value_list::ValueList;

use texts::{TextIter, Texts};

/// A sorted set of values of one indicator type, each once by its [`canonical_key`].
///
/// Addresses and networks are kept in their canonical spelling, also if they came in another one. URLs are kept as they
/// are; of several spellings of one URL the first in order stays. The order is by code point, which for UTF-8 is the
/// order of the bytes, so every replica gives the same bytes for the same values. All texts are in one string, so a
/// million short values cost their text and eight bytes each.
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
    texts: Texts,
    /// The places of values that are not their own keys, which only URLs are, in the order of their keys.
    respelled: Vec<u32>,
}

impl IndicatorSet {
    /// Returns a set with no value.
    #[must_use]
    pub const fn empty(kind: IndicatorType) -> Self {
        Self {
            kind,
            texts: Texts::new(),
            respelled: Vec::new(),
        }
    }

    /// Returns the set of the given values, each added as by [`IndicatorSetBuilder::push`].
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
        self.texts.len()
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns whether the set holds this value in any spelling.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        self.contains_key(&canonical_key(self.kind, value))
    }

    /// Returns the values in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.texts.iter())
    }

    /// Returns the values in order, each with its type, as exporters take them.
    pub fn indicators(&self) -> impl Iterator<Item = Indicator<'_>> {
        self.iter().map(|value| Indicator::new(self.kind, value))
    }

    /// Returns the values that `other`, a set of any type, does not hold in any spelling.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        if self.respelled.is_empty() && other.respelled.is_empty() {
            return self.without_texts_of(other);
        }
        self.retain(|value| !other.contains_key(&canonical_key(self.kind, value)))
    }

    /// Returns the values whose exact text is not in `other`.
    ///
    /// This is the difference between two states of a list: a consumer that follows it holds the texts of the newer
    /// state.
    #[must_use]
    pub fn without_texts_of(&self, other: &Self) -> Self {
        let mut removed = other.iter().peekable();
        self.retain(|value| {
            while removed.next_if(|candidate| *candidate < value).is_some() {}
            removed.peek() != Some(&value)
        })
    }

    /// Returns the values for which `keep` returns true; it is called in order.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut kept = IndicatorSetBuilder::new(self.kind);
        for value in self {
            if keep(value) {
                kept.push(value);
            }
        }
        kept.finish()
    }

    /// Returns how much memory the set takes, in bytes, for caches that are bounded by it.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.texts.weight_bytes() + self.respelled.capacity() * size_of::<u32>()
    }

    /// Returns the set of the texts at these places, each with the greatest of its marks.
    fn sorted(kind: IndicatorType, texts: Texts, marked: impl Iterator<Item = (u32, u32)>) -> (Self, Vec<u32>) {
        let (texts, marks) = order::sorted(texts, marked);
        let (set, marks) = Self::of_sorted(kind, texts, Some(marks));
        (set, marks.unwrap_or_default())
    }

    /// Returns the set of these texts, which are in order and differ, with a mark for each value.
    fn of_sorted(kind: IndicatorType, texts: Texts, mut marks: Option<Vec<u32>>) -> (Self, Option<Vec<u32>>) {
        let mut set = Self {
            kind,
            texts,
            respelled: Vec::new(),
        };
        if kind == IndicatorType::Url {
            set = spellings::once_by_key(set, &mut marks);
        }
        set.texts.shrink_to_fit();
        set.respelled.shrink_to_fit();
        (set, marks)
    }

    fn contains_key(&self, key: &str) -> bool {
        self.place_of_key(key).is_some()
    }

    /// Returns the place of the value with this key.
    fn place_of_key(&self, key: &str) -> Option<usize> {
        let key_at = |place: &u32| self.key_at(*place as usize);
        self.place_of(key).or_else(|| {
            let found = self.respelled.binary_search_by(|place| (*key_at(place)).cmp(key));
            self.respelled.get(found.ok()?).map(|place| *place as usize)
        })
    }

    /// Returns the place of exactly this text.
    fn place_of(&self, text: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn key_at(&self, place: usize) -> Cow<'_, str> {
        canonical_key(self.kind, self.at(place))
    }

    fn at(&self, index: usize) -> &str {
        self.texts.get(index).unwrap_or_default()
    }
}

impl fmt::Debug for IndicatorSet {
    /// Writes type and size; a feed may have a million values.
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

/// The values of an [`IndicatorSet`] in order; returned by [`IndicatorSet::iter`].
///
/// ```
/// use feed_classification::{IndicatorSet, IndicatorType};
///
/// let set = IndicatorSet::of(IndicatorType::Domain, ["b.example", "a.example"]);
/// let mut values = set.iter();
/// assert_eq!((values.len(), values.next()), (2, Some("a.example")));
/// ```
#[derive(Debug, Clone)]
pub struct Iter<'s>(TextIter<'s>);

impl<'s> Iterator for Iter<'s> {
    type Item = &'s str;

    #[inline]
    fn next(&mut self) -> Option<&'s str> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Returns a unix second as the nearest one that fits.
fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
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
    fn repetitions_count_once_in_any_order() {
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
    fn without_removes_the_values_of_the_other_set() {
        let values = set(&["a", "b", "c", "d"]);
        assert_eq!(values.without(&set(&["0", "b", "bb", "d", "e"])), set(&["a", "c"]));
        assert_eq!(values.without(&set(&[])), values);
        assert!(values.without(&values).is_empty());
    }

    fn urls(values: &[&str]) -> IndicatorSet {
        IndicatorSet::of(IndicatorType::Url, values.iter().copied())
    }

    #[test]
    fn an_address_is_held_once_in_its_canonical_spelling() {
        let values = [
            "192.0.2.6",
            "192.0.2.6/32",
            "198.51.100.77/24",
            "198.51.100.78/24",
            "198.51.100.0/24",
        ];
        let set = IndicatorSet::of(IndicatorType::Ip, values);
        assert!(set.iter().eq(["192.0.2.6", "198.51.100.0/24"]));
        for value in values.into_iter().chain(["::ffff:192.0.2.6"]) {
            assert!(set.contains(value), "{value}");
        }
        assert!(!set.contains("198.51.100.0"));
    }

    #[test]
    fn a_url_is_held_once_as_it_was_written_and_found_in_every_spelling() {
        let spellings = [
            "http://a.example/",
            "HTTP://A.example",
            "http://a.example:80",
            "http://a.example",
        ];
        let others = ["http://a.example/#x", "http://B.example/X", "http://c.example/"];
        let mut values = others.to_vec();
        for (at, spelling) in spellings.iter().enumerate() {
            values.insert(at.min(values.len()), spelling);
        }
        let set = urls(&values);
        assert!(set.iter().eq([
            "HTTP://A.example",
            "http://B.example/X",
            "http://a.example/#x",
            "http://c.example/"
        ]));
        for value in &values {
            assert!(set.contains(value), "{value}");
        }
        assert!(set.contains("http://b.example/X"));
        assert!(!set.contains("http://b.example/x"));
        let left = set.without(&urls(&["http://a.example/", "http://b.example:80/X"]));
        assert!(left.iter().eq(["http://a.example/#x", "http://c.example/"]));
        assert!(urls(&["http://c.example"]).without(&set).is_empty());
    }

    #[test]
    fn a_difference_of_lists_knows_another_spelling_for_another_text() {
        let (before, after) = (urls(&["http://a.example"]), urls(&["http://a.example/"]));
        assert!(after.without(&before).is_empty());
        assert_eq!(after.without_texts_of(&before), after);
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
        let values = set(&["secret"]);
        assert_eq!(format!("{:?}", values.iter()), "Iter(TextIter { left: 1, .. })");
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
