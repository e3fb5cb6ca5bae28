//! The answer of a source: the values of one feed, before any cache.

use std::collections::BTreeMap;

use feed_classification::IndicatorSet;

use crate::omission::Omission;

/// All indicators of one feed, complete, as of one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct FeedContents {
    /// The values.
    pub values: IndicatorSet,
    /// The number of attributes without a valid value, by reason (the names of [`feed_classification::DropReason`]).
    pub dropped: BTreeMap<&'static str, u64>,
    /// Values that are left out, as far as they are named: see
    /// [`MispSource::names_left_out`](crate::MispSource::names_left_out).
    pub left_out: Vec<Omission>,
    /// The number of further values left out.
    pub more_left_out: usize,
}

impl FeedContents {
    /// Returns the outcome with these values and these drops.
    #[must_use]
    pub fn new(values: IndicatorSet, dropped: BTreeMap<&'static str, u64>) -> Self {
        Self {
            values,
            dropped,
            left_out: Vec::new(),
            more_left_out: 0,
        }
    }
}

/// The values of a source that drops nothing.
impl From<IndicatorSet> for FeedContents {
    fn from(values: IndicatorSet) -> Self {
        Self::new(values, BTreeMap::new())
    }
}
