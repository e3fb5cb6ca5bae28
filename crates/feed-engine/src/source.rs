//! The seam between the engine and where indicators come from.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use feed_classification::IndicatorSet;

use crate::{Errand, FeedError, FeedScope, LeftOut, LookupIndex, LookupScope, Upstream, lookup};

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

/// The values of a source that drops nothing.
impl From<IndicatorSet> for Gathered {
    fn from(values: IndicatorSet) -> Self {
        Self::new(values, BTreeMap::new())
    }
}

/// What [`IndicatorSource::gather`] returns.
pub type Gathering<'a> = Pin<Box<dyn Future<Output = Result<Gathered, FeedError>> + Send + 'a>>;

/// What [`IndicatorSource::index`] returns.
pub type Indexing<'a> = Pin<Box<dyn Future<Output = Result<LookupIndex, FeedError>> + Send + 'a>>;

/// Knows the indicators of every feed. [`MispSource`](crate::MispSource) asks MISP each time; implement this trait for a list of another
/// kind, for example a file, a database or a local mirror (`examples/own_source.rs` is a whole program).
///
/// The engine does the rest: it remembers answers, asks once for callers who come at the same time, serves the last good feed while the
/// source fails, renders, and knows what changed.
///
/// The futures are polled on the runtime of the engine's caller, which may serve sockets too. A source does work of more than a
/// millisecond on threads of its own, or with `tokio::task::spawn_blocking`.
pub trait IndicatorSource: fmt::Debug + Send + Sync + 'static {
    /// Gathers the whole feed, or fails: never a part of it. `errand` says how urgent that is, also while it is under way.
    ///
    /// The values have the type `scope.kind`; a type that this source does not have gives an empty set. Attributes beyond
    /// `scope.filter` do not count: a source without TLP levels and scores can judge by the site's default, or refuse such a scope.
    ///
    /// # Errors
    /// Every reason why the feed is not complete and right; [`FeedError::source`] takes errors of other crates.
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> Gathering<'a>;

    /// Gathers all values of one feed that can be looked up, or fails: never a part of them.
    ///
    /// Unless a source has its own, this asks [`gather`](Self::gather) for each type of feed without limits, one after the other, and
    /// knows no events. [`LookupIndex::builder`] makes an index with events, TLP levels and threat actors.
    ///
    /// # Errors
    /// Every reason why the index is not complete and right.
    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> Indexing<'a> {
        Box::pin(lookup::index_of_feeds(self, upstream, scope, errand))
    }
}
