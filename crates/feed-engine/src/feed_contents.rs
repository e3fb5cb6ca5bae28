//! The answer of a source: the values of one feed, before any cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use feed_classification::{FalsePositives, Guard, Guarded, IndicatorSet, ValueTimes};

use crate::FeedError;
use crate::event_rows::EventRows;
use crate::omission::Omission;
use crate::rows::MAX_VALUES;

/// All indicators of one feed, complete, as of one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct FeedContents {
    /// The values.
    pub values: IndicatorSet,
    /// When the newest attribute of each value changed: the time by which the age of the feed counts. Outputs with a
    /// length limit keep the newest values; without times they keep the first in order. Needed where the errand
    /// [wants](crate::Errand::wants_times) them; of another number than the values they count as not known.
    pub times: Option<ValueTimes>,
    /// The number of attributes without a valid value, by reason (the names of [`feed_classification::DropReason`]),
    /// and the number of values that the guard refuses or cuts, by rule (the names of
    /// [`feed_classification::GuardRule`]).
    pub dropped: BTreeMap<&'static str, u64>,
    /// Values that are left out, as far as they are named: see
    /// [`MispSource::names_left_out`](crate::MispSource::names_left_out).
    pub left_out: Vec<Omission>,
    /// The number of further values left out.
    pub more_left_out: usize,
    /// When the origin of the values last confirmed them; nothing means now. A source that answers from a copy sets
    /// it: the engine counts the age of the feed from then, and where that is beyond the site's soft expiry, it treats
    /// the answer as a failed refresh and serves the values as stale.
    pub as_of: Option<jiff::Timestamp>,
    /// Whether the source knows why values are gone, if so many are gone that the answer is not believed otherwise:
    /// see [`HeldBack`](crate::HeldBack).
    pub is_sure: bool,
    /// Whether the source has applied the guard of the site. Otherwise the engine does.
    pub is_guarded: bool,
    /// The events that the values come from.
    pub(crate) events: Option<Arc<EventRows>>,
}

impl FeedContents {
    /// Returns the outcome with these values and these drops.
    #[must_use]
    pub fn new(values: IndicatorSet, dropped: BTreeMap<&'static str, u64>) -> Self {
        Self {
            values,
            times: None,
            dropped,
            left_out: Vec::new(),
            more_left_out: 0,
            as_of: None,
            is_sure: false,
            is_guarded: false,
            events: None,
        }
    }

    /// Returns the times of the values, if there is one for each.
    pub(crate) fn known_times(&self) -> Option<&ValueTimes> {
        let times = self.times.as_ref();
        times.filter(|times| !times.is_empty() && times.len() == self.values.len())
    }

    /// Returns the contents behind the guard.
    ///
    /// # Errors
    /// [`FeedError::TooManyValues`] if networks are cut into more than ten million values.
    pub(crate) fn behind(mut self, guard: &Guard) -> Result<Self, FeedError> {
        if self.is_guarded {
            return Ok(self);
        }
        let times = self.known_times().cloned();
        let guarded = behind(guard, (self.values, times), &FalsePositives::default())?;
        self.dropped.extend(counts(&guarded));
        (self.values, self.times) = (guarded.values, guarded.times);
        self.is_guarded = true;
        Ok(self)
    }
}

/// Returns a set behind the guard, with its times.
///
/// # Errors
/// [`FeedError::TooManyValues`].
pub(crate) fn behind(
    guard: &Guard,
    (set, times): (IndicatorSet, Option<ValueTimes>),
    harmless: &FalsePositives,
) -> Result<Guarded, FeedError> {
    let guarded = guard.applied_to_timed(set, times, harmless, MAX_VALUES);
    guarded.ok_or(FeedError::TooManyValues { limit: MAX_VALUES })
}

/// Returns how many values the guard dropped, by the name of the rule.
pub(crate) fn counts(guarded: &Guarded) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    let by_rule = guarded.dropped.iter();
    by_rule.map(|(rule, values)| (rule.as_str(), values.len() as u64))
}

/// The values of a source that drops nothing.
impl From<IndicatorSet> for FeedContents {
    fn from(values: IndicatorSet) -> Self {
        Self::new(values, BTreeMap::new())
    }
}
