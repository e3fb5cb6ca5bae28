//! The seam between the engine and where indicators come from.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use feed_classification::IndicatorSet;

use crate::{Errand, FeedError, FeedScope, LeftOut, LookupIndex, LookupScope, Upstream};

/// All indicators of one feed, complete, as of one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Gathered {
    /// The values.
    pub values: IndicatorSet,
    /// How many attributes gave no value, by reason (the names of [`feed_classification::Dropped`]).
    pub dropped: BTreeMap<&'static str, u64>,
    /// Values that are left out, as far as they are named: see [`MispSource::names_left_out`](crate::MispSource::names_left_out).
    pub left_out: Vec<LeftOut>,
    /// How many values are left out beside them.
    pub more_left_out: usize,
}

impl Gathered {
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

/// What [`IndicatorSource::gather`] returns.
pub type Gathering<'a> = Pin<Box<dyn Future<Output = Result<Gathered, FeedError>> + Send + 'a>>;

/// What [`IndicatorSource::index`] returns.
pub type Indexing<'a> = Pin<Box<dyn Future<Output = Result<LookupIndex, FeedError>> + Send + 'a>>;

/// Knows the indicators of every feed. [`MispSource`](crate::MispSource) asks MISP each time; a local mirror would be another one.
///
/// The futures are polled on the runtime of whoever asks the engine, where sockets may be served too. So a source does what takes longer
/// than a millisecond on threads of its own, or with `tokio::task::spawn_blocking`.
pub trait IndicatorSource: fmt::Debug + Send + Sync + 'static {
    /// Gathers the whole feed, or fails: never a part of it. `errand` says how urgent that is, also while it is under way.
    ///
    /// # Errors
    /// Whatever keeps the feed from being complete and right.
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> Gathering<'a>;

    /// Gathers everything of one feed that can be looked up, or fails: never a part of it.
    ///
    /// # Errors
    /// Whatever keeps the index from being complete and right.
    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> Indexing<'a>;
}
