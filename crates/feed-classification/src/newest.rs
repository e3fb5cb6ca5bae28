//! The newest indicators of a feed, for a consumer that does not take all.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::num::NonZeroU32;

use crate::{Exporter, Indicator, IndicatorSet, ValueTimes};

/// The newest indicators of a set: no more than a consumer takes, in the order of the set.
///
/// An indicator that the exporter leaves out takes no place. Of equally new ones the first in order stay, so the same
/// set with the same times always gives the same indicators. Without times the first in order stay.
///
/// ```
/// use feed_classification::{IndicatorSetBuilder, IndicatorType, Newest, Registry};
///
/// let mut feed = IndicatorSetBuilder::timed(IndicatorType::Domain);
/// for (value, time) in [("a.example", 10), ("b.example", 30), ("c.example", 20)] {
///     feed.push_at(value, time);
/// }
/// let (set, times) = feed.finish_timed();
/// let registry = Registry::builtin();
/// let newest = Newest::of(&set, times.as_ref(), &**registry.by_name("txt").unwrap(), 2_u32.try_into()?);
/// assert!(newest.kept.iter().eq(["b.example", "c.example"]));
/// assert_eq!(newest.truncated, 1);
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Newest<'s> {
    /// The indicators that stay; the whole set if they all do.
    pub kept: Cow<'s, IndicatorSet>,
    /// The number of indicators that are too old.
    pub truncated: u64,
    /// The number of further indicators that `kept` lacks, since the exporter leaves them out.
    pub quarantined: u64,
}

impl<'s> Newest<'s> {
    /// Returns all indicators of a set.
    #[must_use]
    pub const fn all(set: &'s IndicatorSet) -> Self {
        Self {
            kept: Cow::Borrowed(set),
            truncated: 0,
            quarantined: 0,
        }
    }

    /// Returns the `most` newest indicators that `exporter` writes.
    #[must_use]
    pub fn of(set: &'s IndicatorSet, times: Option<&ValueTimes>, exporter: &dyn Exporter, most: NonZeroU32) -> Self {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        if set.len() <= most {
            return Self::all(set);
        }
        let mut ranked = ranked(set, times, exporter);
        let Some(truncated) = ranked.len().checked_sub(most).filter(|truncated| *truncated > 0) else {
            return Self::all(set);
        };
        ranked.select_nth_unstable(most);
        let mut stays = vec![false; set.len()];
        for (_, place) in ranked.iter().take(most) {
            if let Some(stays) = stays.get_mut(*place as usize) {
                *stays = true;
            }
        }
        let mut stays = stays.into_iter();
        Self {
            kept: Cow::Owned(set.retain(|_| stays.next().unwrap_or_default())),
            truncated: truncated as u64,
            quarantined: (set.len() - ranked.len()) as u64,
        }
    }
}

/// Returns the places of the indicators that the exporter writes; in ascending order the first ones stay.
fn ranked(set: &IndicatorSet, times: Option<&ValueTimes>, exporter: &dyn Exporter) -> Vec<(Reverse<u32>, u32)> {
    let mut times = times.map_or(&[][..], ValueTimes::seconds).iter();
    let timed = set
        .iter()
        .map(|value| (value, times.next().copied().unwrap_or_default()));
    let places = (0..).zip(timed).filter_map(|(place, (value, time))| {
        let is_written = exporter.leaves_out(&Indicator::new(set.kind(), value)).is_none();
        is_written.then_some((Reverse(time), place))
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{IndicatorSetBuilder, IndicatorType, Registry};

    fn feed(values: &[(String, i64)]) -> (IndicatorSet, ValueTimes) {
        let mut builder = IndicatorSetBuilder::timed(IndicatorType::Filename);
        values.iter().for_each(|(value, time)| builder.push_at(value, *time));
        let (set, times) = builder.finish_timed();
        (set, times.unwrap())
    }

    fn kept(values: &[(&str, i64)], output: &str, most: u32) -> (Vec<String>, u64, u64) {
        let values: Vec<_> = values
            .iter()
            .map(|(value, time)| ((*value).to_owned(), *time))
            .collect();
        let (set, times) = feed(&values);
        let registry = Registry::builtin();
        let exporter = &**registry.by_name(output).unwrap();
        let newest = Newest::of(&set, Some(&times), exporter, most.try_into().unwrap());
        let kept = newest.kept.iter().map(str::to_owned).collect();
        (kept, newest.truncated, newest.quarantined)
    }

    #[test]
    fn of_equally_new_values_the_first_in_order_stay() {
        let values = [("d", 5), ("c", 5), ("b", 4), ("a", 5)];
        assert_eq!(kept(&values, "json", 2), (vec!["a".to_owned(), "c".to_owned()], 2, 0));
    }

    #[test]
    fn a_value_that_the_format_cannot_carry_takes_no_place() {
        // A reader of plain lists would take it for a comment.
        let values = [("#new", 9), ("a", 1), ("b", 2), ("c", 3)];
        let newest = (vec!["b".to_owned(), "c".to_owned()], 1, 1);
        assert_eq!(kept(&values, "generic", 2), newest);
        let (all, truncated, quarantined) = kept(&values, "generic", 3);
        assert_eq!((all.len(), truncated, quarantined), (4, 0, 0), "the exporter counts it");
    }

    proptest! {
        #[test]
        fn the_kept_values_are_as_many_as_fit_and_none_is_older_than_a_truncated_one(
            values in prop::collection::vec(("#?[a-e]{1,3}", 0_i64..6), 0..60),
            most in 1_u32..40,
        ) {
            let (set, times) = feed(&values);
            let registry = Registry::builtin();
            let exporter = &**registry.by_name("generic").unwrap();
            let newest = Newest::of(&set, Some(&times), exporter, most.try_into().unwrap());
            let is_written = |value: &str| exporter.leaves_out(&Indicator::new(set.kind(), value)).is_none();
            let written = |set: &IndicatorSet| set.iter().filter(|value| is_written(value)).count();
            prop_assert_eq!(written(&newest.kept), written(&set).min(most as usize));
            prop_assert_eq!(newest.truncated as usize, written(&set) - written(&newest.kept));
            prop_assert_eq!(newest.kept.len() + (newest.truncated + newest.quarantined) as usize, set.len());
            let timed: Vec<(&str, i64)> = set.iter().zip(times.iter()).collect();
            let (stays, goes): (Vec<_>, Vec<_>) = timed
                .into_iter()
                .filter(|(value, _)| is_written(value))
                .partition(|(value, _)| newest.kept.contains(value));
            let rank = |(value, time): &(&str, i64)| (Reverse(*time), (*value).to_owned());
            prop_assert!(stays.iter().map(rank).max() < goes.iter().map(rank).min() || goes.is_empty());
            for value in &*newest.kept {
                prop_assert!(set.contains(value));
            }
        }

        #[test]
        fn without_times_the_first_in_order_stay(values in prop::collection::btree_set("[a-e]{1,3}", 0..60), most in 1_u32..40) {
            let set = IndicatorSet::of(IndicatorType::Filename, values.iter().map(String::as_str));
            let registry = Registry::builtin();
            let newest = Newest::of(&set, None, &**registry.by_name("txt").unwrap(), most.try_into().unwrap());
            prop_assert!(newest.kept.iter().eq(values.iter().take(most as usize)));
        }
    }
}
