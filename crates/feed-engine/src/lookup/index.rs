//! Everything that can be looked up in one feed.

use std::fmt;

use cache::Weigh;
use catalogue::{Finder, Match, Query};

use super::listed_values::ListedValues;
use crate::{FeedError, Filter, Judge};

/// The values of one feed with the events that they come from, to be looked up one at a time.
///
/// It is made of the values that a source gathered, or it looks into the catalogue of a mirror. Both give the same
/// matches. A look-up is a binary search for each form of the value.
#[derive(Default)]
pub struct LookupIndex {
    held_in: HeldIn,
    /// Why the index has no scores, if it has none.
    without_scores: Option<FeedError>,
    as_of: Option<jiff::Timestamp>,
}

enum HeldIn {
    Values(ListedValues),
    Catalogue(Finder),
}

impl Default for HeldIn {
    fn default() -> Self {
        Self::Values(ListedValues::default())
    }
}

impl From<ListedValues> for LookupIndex {
    fn from(values: ListedValues) -> Self {
        Self {
            held_in: HeldIn::Values(values),
            without_scores: None,
            as_of: None,
        }
    }
}

/// An index that shares one state of a catalogue, and is as of its last confirmation.
impl From<Finder> for LookupIndex {
    fn from(finder: Finder) -> Self {
        Self {
            as_of: finder.snapshot().as_of(),
            held_in: HeldIn::Catalogue(finder),
            without_scores: None,
        }
    }
}

impl LookupIndex {
    /// Sets why the index has no scores.
    pub(crate) fn without_scores(mut self, why: Option<FeedError>) -> Self {
        self.without_scores = why;
        self
    }

    /// Sets when the origin of the values last confirmed them, as [`FeedContents::as_of`](crate::FeedContents::as_of)
    /// does for a feed.
    #[must_use]
    pub fn confirmed_at(mut self, moment: jiff::Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Returns when the origin of the values last confirmed them; nothing means when the index was made.
    #[must_use]
    pub fn as_of(&self) -> Option<jiff::Timestamp> {
        self.as_of
    }

    /// Checks that this index can be judged by these limits. While MISP does not return its decaying models, look-ups
    /// without a limit on scores go on.
    ///
    /// # Errors
    /// [`FeedError::NoDecayingModel`], or the reason why the index was made without the model.
    pub fn judgeable(&self, filter: Filter) -> Result<(), FeedError> {
        match &self.without_scores {
            Some(why) if filter.score().is_some() => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Returns the number of values; for an index over a catalogue the number of those that any feed could have.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.held_in {
            HeldIn::Values(values) => values.len(),
            HeldIn::Catalogue(finder) => finder.values(),
        }
    }

    /// Returns whether the index has no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the matches of a value within the limits of `judge`, the closest first, at most `limit`.
    ///
    /// A match beyond the limits does not exist for the caller. Where an attribute is within the limits and its event
    /// is not, the match comes without the title and the threat actors of the event.
    #[must_use]
    pub fn find(&self, query: &Query, judge: &Judge, limit: usize) -> Vec<Match> {
        match &self.held_in {
            HeldIn::Values(values) => values.find(query, judge, limit),
            HeldIn::Catalogue(finder) => finder.find(query, &judge.limits(), limit),
        }
    }
}

impl Weigh for LookupIndex {
    fn weight_bytes(&self) -> usize {
        match &self.held_in {
            HeldIn::Values(values) => values.weight_bytes(),
            HeldIn::Catalogue(finder) => finder.weight_bytes(),
        }
    }
}

impl fmt::Debug for LookupIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupIndex")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
