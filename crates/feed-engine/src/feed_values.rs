//! The values of a feed for a caller that renders nothing.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::Iter;

use crate::{FeedSet, HeldBack, Origin};

/// The values of one feed, and how fresh they are. Iterating over a reference gives the texts in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeedValues {
    /// The values with the name of this state of the feed, and the time of the last change.
    pub set: Arc<FeedSet>,
    /// How long ago the source answered.
    pub age: Duration,
    /// How much longer the values count as fresh; zero for stale ones.
    pub fresh_for: Duration,
    /// Whether they come from memory or from the source, or are an older answer in the place of a fresh one.
    pub origin: Origin,
    /// Whether the source failed at the last attempt, or its answer is held back.
    pub refresh_failing: bool,
    /// The smaller set that is held back, if any.
    pub held_back: Option<Arc<HeldBack>>,
}

impl FeedValues {
    /// Returns the values in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.set.values().iter()
    }
}

impl<'v> IntoIterator for &'v FeedValues {
    type Item = &'v str;
    type IntoIter = Iter<'v>;

    fn into_iter(self) -> Iter<'v> {
        self.iter()
    }
}
