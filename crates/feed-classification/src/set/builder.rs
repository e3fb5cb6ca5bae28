//! Values in any order, and their times, on the way to a set.

use super::texts::Texts;
use super::{IndicatorSet, seconds};
use crate::canonical::canonical_text;
use crate::{IndicatorType, ValueTimes};

/// Collects values in any order, with repetitions, and makes an [`IndicatorSet`] of them.
///
/// ```
/// use feed_classification::{IndicatorSetBuilder, IndicatorType};
///
/// let mut builder = IndicatorSetBuilder::new(IndicatorType::Ip);
/// for value in ["192.0.2.7", "192.0.2.7/32", "::ffff:192.0.2.7"] {
///     builder.push(value);
/// }
/// assert!(builder.finish().iter().eq(["192.0.2.7"]));
/// ```
#[derive(Debug, Clone)]
pub struct IndicatorSetBuilder {
    kind: IndicatorType,
    texts: Texts,
    is_sorted: bool,
    /// The times of the values, where they are wanted.
    times: Option<Vec<u32>>,
}

impl IndicatorSetBuilder {
    /// Makes a builder with no value.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            texts: Texts::new(),
            is_sorted: true,
            times: None,
        }
    }

    /// Makes a builder with no value that keeps the time of each value, for [`finish_timed`](Self::finish_timed).
    #[must_use]
    pub const fn timed(kind: IndicatorType) -> Self {
        Self {
            kind,
            texts: Texts::new(),
            is_sorted: true,
            times: Some(Vec::new()),
        }
    }

    /// Adds a value: an address or network in its canonical spelling, any other one unchanged. [`crate::Extractor`]
    /// gives normal forms. Where times are kept, its time is 0.
    pub fn push(&mut self, value: &str) {
        self.push_at(value, 0);
    }

    /// Adds a value that was changed at this unix second. Of several times of one value the newest counts; those
    /// outside of [`ValueTimes`]' range count as the nearest time in it.
    pub fn push_at(&mut self, value: &str, time: i64) {
        let value = &*canonical_text(self.kind, value);
        if let Some(last) = self.texts.last() {
            match last.cmp(value) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    if let Some(known) = self.times.as_mut().and_then(|times| times.last_mut()) {
                        *known = seconds(time).max(*known);
                    }
                    return;
                }
                std::cmp::Ordering::Greater => self.is_sorted = false,
            }
        }
        self.texts.push(value);
        if let Some(times) = &mut self.times {
            times.push(seconds(time));
        }
    }

    /// Returns the number of values so far; repetitions may count.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.texts.len()
    }

    /// Returns the set of the values.
    #[must_use]
    pub fn finish(self) -> IndicatorSet {
        self.finish_timed().0
    }

    /// Returns the set of the values with their times; without times if the builder was not made by
    /// [`timed`](Self::timed). Several spellings of one URL have one time: the newest of theirs.
    #[must_use]
    pub fn finish_timed(self) -> (IndicatorSet, Option<ValueTimes>) {
        let Self {
            kind,
            texts,
            is_sorted,
            times,
        } = self;
        if is_sorted {
            let (set, times) = IndicatorSet::of_sorted(kind, texts, times);
            return (set, times.map(ValueTimes::new));
        }
        let is_timed = times.is_some();
        let marks = times.into_iter().flatten().chain(std::iter::repeat(0));
        let places = 0..u32::try_from(texts.len()).unwrap_or(u32::MAX);
        let (set, times) = IndicatorSet::sorted(kind, texts, places.zip(marks));
        (set, is_timed.then(|| ValueTimes::new(times)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::canonical_key;

    fn timed(kind: IndicatorType, values: &[(&str, i64)]) -> Vec<(String, i64)> {
        let mut builder = IndicatorSetBuilder::timed(kind);
        values.iter().for_each(|(value, time)| builder.push_at(value, *time));
        let (set, times) = builder.finish_timed();
        let times = times.unwrap();
        assert_eq!(set.len(), times.len());
        set.iter().map(str::to_owned).zip(times.iter()).collect()
    }

    #[test]
    fn a_value_has_the_newest_of_its_times_in_whatever_order_they_come() {
        let in_order = [("a", 5), ("a", 9), ("a", 7), ("b", 1)];
        let expected = [("a".to_owned(), 9), ("b".to_owned(), 1)];
        assert_eq!(timed(IndicatorType::Mutex, &in_order), expected);
        let mixed = [("a", 5), ("b", 1), ("a", 9), ("b", 0), ("a", 7)];
        assert_eq!(timed(IndicatorType::Mutex, &mixed), expected);
    }

    #[test]
    fn spellings_of_one_thing_have_one_time() {
        let addresses = [("192.0.2.1/32", 3), ("192.0.2.2", 1), ("::ffff:192.0.2.1", 8)];
        let expected = [("192.0.2.1".to_owned(), 8), ("192.0.2.2".to_owned(), 1)];
        assert_eq!(timed(IndicatorType::Ip, &addresses), expected);
        let urls = [
            ("http://a.example/", 2),
            ("http://b.example/", 4),
            ("HTTP://A.example", 6),
            ("http://a.example:80", 3),
        ];
        let expected = [("HTTP://A.example".to_owned(), 6), ("http://b.example/".to_owned(), 4)];
        assert_eq!(timed(IndicatorType::Url, &urls), expected);
    }

    #[test]
    fn a_time_outside_of_the_range_counts_as_the_nearest() {
        let values = [("a", -1), ("b", i64::MAX), ("c", i64::MIN)];
        let times: Vec<i64> = timed(IndicatorType::Mutex, &values)
            .into_iter()
            .map(|(_, time)| time)
            .collect();
        assert_eq!(times, [0, i64::from(u32::MAX), 0]);
    }

    #[test]
    fn without_a_wish_for_times_there_are_none() {
        let mut builder = IndicatorSetBuilder::new(IndicatorType::Mutex);
        builder.push_at("b", 7);
        builder.push("a");
        assert_eq!(builder.finish_timed().1, None);
    }

    proptest! {
        #[test]
        fn times_change_no_set_and_are_the_newest_by_key(
            values in prop::collection::vec(("(HTTP|http)://[ab]\\.(example|EXAMPLE)(:80)?/?", 0_i64..9), 0..20),
        ) {
            let mut newest = BTreeMap::new();
            let mut builder = IndicatorSetBuilder::timed(IndicatorType::Url);
            for (value, time) in &values {
                builder.push_at(value, *time);
                let known = newest.entry(canonical_key(IndicatorType::Url, value).into_owned()).or_insert(*time);
                *known = (*known).max(*time);
            }
            let (set, times) = builder.finish_timed();
            prop_assert_eq!(&set, &IndicatorSet::of(IndicatorType::Url, values.iter().map(|(value, _)| value.as_str())));
            let found: BTreeMap<String, i64> = set
                .iter()
                .map(|value| canonical_key(IndicatorType::Url, value).into_owned())
                .zip(times.unwrap().iter())
                .collect();
            prop_assert_eq!(found, newest);
        }
    }
}
