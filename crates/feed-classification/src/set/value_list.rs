//! Values as they are read, of which some become a set.

use super::IndicatorSet;
use super::texts::Texts;
use crate::canonical::canonical_text;
use crate::{IndicatorType, ValueTimes};

/// Values in the order of reading, with repetitions. The caller chooses at the end which of them belong to a set: a
/// feed knows that only after all of its rows were read.
///
/// The list becomes the set without another copy of the values in between: at its peak that takes the memory of the
/// list, of the set, and 24 bytes for each value. Values of one length from 32 bytes on, such as hashes, are sorted in
/// the list itself, and take 16 bytes each beside it.
///
/// ```
/// use feed_classification::{IndicatorType, ValueList};
///
/// let mut list = ValueList::new(IndicatorType::Domain);
/// for name in ["b.example", "withdrawn.example", "a.example", "b.example"] {
///     list.push(name);
/// }
/// let (set, times) = list.into_timed_set([(0, 10), (2, 20), (3, 30)]);
/// assert!(set.iter().eq(["a.example", "b.example"]));
/// assert!(times.iter().eq([20, 30]));
/// ```
#[derive(Clone, Debug)]
pub struct ValueList {
    kind: IndicatorType,
    texts: Texts,
}

impl ValueList {
    /// Makes a list without a value.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            texts: Texts::new(),
        }
    }

    /// Adds a value as [`IndicatorSetBuilder::push`](crate::IndicatorSetBuilder::push) does. Its place is the number of
    /// values before it.
    pub fn push(&mut self, value: &str) {
        self.texts.push(&canonical_text(self.kind, value));
    }

    /// Returns the number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether the list is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the value at this place.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&str> {
        self.texts.get(place as usize)
    }

    /// Returns the set of the values at these places, with their times: each place with the unix second of its last
    /// change. Of several times of one value the newest counts; those outside of [`ValueTimes`]' range count as the
    /// nearest time in it. Places beyond the list do not count.
    #[must_use]
    pub fn into_timed_set(self, chosen: impl IntoIterator<Item = (u32, i64)>) -> (IndicatorSet, ValueTimes) {
        let length = self.len();
        let chosen = chosen.into_iter().filter(|(place, _)| (*place as usize) < length);
        let marked = chosen.map(|(place, time)| (place, super::seconds(time)));
        let (set, times) = IndicatorSet::sorted(self.kind, self.texts, marked);
        (set, ValueTimes::new(times))
    }

    /// Returns the memory that the list takes, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.texts.weight_bytes()
    }
}
