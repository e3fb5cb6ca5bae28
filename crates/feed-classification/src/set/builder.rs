//! Values in any order, and their times, on the way to a set.

use std::borrow::Cow;

use super::IndicatorSet;
use crate::canonical::{canonical_key, canonical_text};
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
    collected: IndicatorSet,
    is_sorted: bool,
    /// The times of the collected values, where they are wanted.
    times: Option<Vec<u32>>,
}

impl IndicatorSetBuilder {
    /// Makes a builder with no value.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            collected: IndicatorSet::empty(kind),
            is_sorted: true,
            times: None,
        }
    }

    /// Makes a builder with no value that keeps the time of each value, for [`finish_timed`](Self::finish_timed).
    #[must_use]
    pub const fn timed(kind: IndicatorType) -> Self {
        Self {
            collected: IndicatorSet::empty(kind),
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
        let value = &*canonical_text(self.collected.kind, value);
        let collected = &mut self.collected;
        if let Some(last) = collected.ends.len().checked_sub(1) {
            match collected.at(last).cmp(value) {
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
        collected.text.push_str(value);
        collected.ends.push(collected.text.len());
        if let Some(times) = &mut self.times {
            times.push(seconds(time));
        }
    }

    /// Returns the number of values so far; repetitions may count.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.collected.len()
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
        let (mut collected, mut times) = (self.collected, self.times);
        if !self.is_sorted {
            (collected, times) = match times {
                Some(times) => {
                    let (sorted, times) = sorted(&collected, times);
                    (sorted, Some(times))
                }
                None => (sorted(&collected, std::iter::repeat(())).0, None),
            };
        }
        if collected.kind == IndicatorType::Url {
            let spelled = times.is_some().then(|| collected.clone());
            collected = once_by_key(collected);
            times = times
                .zip(spelled)
                .map(|(times, spelled)| by_key(&collected, &spelled, &times));
        }
        collected.text.shrink_to_fit();
        collected.ends.shrink_to_fit();
        collected.respelled.shrink_to_fit();
        (collected, times.map(ValueTimes::new))
    }
}

/// Returns the values in order, each once and with the greatest of its marks.
fn sorted<T: Copy + Ord>(collected: &IndicatorSet, marks: impl IntoIterator<Item = T>) -> (IndicatorSet, Vec<T>) {
    let marked = collected.iter().zip(marks);
    let mut values: Vec<(u64, &str, T)> = marked.map(|(value, mark)| (first_bytes(value), value, mark)).collect();
    values.sort_unstable();
    values.dedup_by(|later, kept| {
        let is_same = (later.0, later.1) == (kept.0, kept.1);
        if is_same {
            kept.2 = later.2;
        }
        is_same
    });
    let mut text = String::with_capacity(values.iter().map(|(_, value, _)| value.len()).sum());
    let mut ends = Vec::with_capacity(values.len());
    for (_, value, _) in &values {
        text.push_str(value);
        ends.push(text.len());
    }
    let set = IndicatorSet {
        kind: collected.kind,
        text,
        ends,
        respelled: Vec::new(),
    };
    (set, values.into_iter().map(|(_, _, mark)| mark).collect())
}

/// Returns the newest time of each value over all spellings with its key.
fn by_key(set: &IndicatorSet, spelled: &IndicatorSet, times: &[u32]) -> Vec<u32> {
    if set.len() == spelled.len() {
        return times.to_vec();
    }
    let mut newest = vec![0; set.len()];
    for (value, time) in spelled.iter().zip(times) {
        let place = set.place_of_key(&canonical_key(set.kind, value));
        if let Some(known) = place.and_then(|place| newest.get_mut(place)) {
            *known = *time.max(known);
        }
    }
    newest
}

/// Returns a unix second as the nearest one that fits.
fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}

/// Keeps the first of several spellings of one key. The values are in order; only those that are not their own keys
/// cost anything.
fn once_by_key(mut collected: IndicatorSet) -> IndicatorSet {
    let mut respelled = respelled(&collected);
    let mut leaving: Vec<u32> = Vec::new();
    for spellings in respelled.chunk_by(|(one, _), (other, _)| one == other) {
        let mut places: Vec<u32> = spellings.iter().map(|(_, place)| *place).collect();
        let key = spellings.first().map_or("", |(key, _)| key);
        places.extend(collected.place_of(key).and_then(|place| u32::try_from(place).ok()));
        places.sort_unstable();
        leaving.extend(places.iter().skip(1));
    }
    if leaving.is_empty() {
        collected.respelled = respelled.into_iter().map(|(_, place)| place).collect();
        return collected;
    }
    leaving.sort_unstable();
    let mut stays = IndicatorSet::empty(collected.kind);
    for (place, value) in collected.iter().enumerate() {
        if !u32::try_from(place).is_ok_and(|place| leaving.binary_search(&place).is_ok()) {
            stays.text.push_str(value);
            stays.ends.push(stays.text.len());
        }
    }
    respelled.retain(|(_, place)| leaving.binary_search(place).is_err());
    let left_before = |place: u32| u32::try_from(leaving.partition_point(|gone| *gone < place)).unwrap_or(u32::MAX);
    stays.respelled = respelled
        .into_iter()
        .map(|(_, place)| place - left_before(place))
        .collect();
    stays
}

/// Returns the keys of the values that are not their own, in order, each with the place of its value.
fn respelled(collected: &IndicatorSet) -> Vec<(String, u32)> {
    let keys = (0..).zip(collected.iter());
    let mut keys: Vec<(String, u32)> = keys
        .filter_map(|(place, value)| match canonical_key(collected.kind, value) {
            Cow::Owned(key) => Some((key, place)),
            Cow::Borrowed(_) => None,
        })
        .collect();
    keys.sort_unstable();
    keys
}

/// Returns the beginning of a value as a number in the same order, so that most comparisons do not read the text.
fn first_bytes(value: &str) -> u64 {
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(value.bytes())
        .for_each(|(slot, byte)| *slot = byte);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

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
