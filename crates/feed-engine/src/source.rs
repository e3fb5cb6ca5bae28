//! The seam between the engine and where indicators come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use cache::SharedCache;
use site_config::SiteName;

use crate::{
    ChangeListener, DirectReason, Errand, FeedContents, FeedError, FeedScope, LookupIndex, LookupScope, Reasons,
    Upstream, View, Way, lookup,
};

/// What [`IndicatorSource::gather`] returns.
pub type GatherFuture<'a> = Pin<Box<dyn Future<Output = Result<FeedContents, FeedError>> + Send + 'a>>;

/// What [`IndicatorSource::index`] returns.
pub type IndexFuture<'a> = Pin<Box<dyn Future<Output = Result<LookupIndex, FeedError>> + Send + 'a>>;

/// What [`IndicatorSource::explain`] returns.
pub type ExplainFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Reasons>, FeedError>> + Send + 'a>>;

/// Knows the indicators of every feed. [`MispSource`](crate::MispSource) asks MISP each time; implement this trait for
/// a list of another kind, for example a file, a database or a local mirror (`examples/own_source.rs` is a whole
/// program).
///
/// The engine does the rest: it remembers answers, asks once for callers who come at the same time, serves the last
/// good feed while the source fails, renders, and knows what changed.
///
/// The futures are polled on the runtime of the engine's caller, which may serve sockets too. A source does work of
/// more than a millisecond on threads of its own, or with `tokio::task::spawn_blocking`.
pub trait IndicatorSource: fmt::Debug + Send + Sync + 'static {
    /// Gathers the whole feed, or fails: never a part of it. `errand` says how urgent that is, also while it is under
    /// way.
    ///
    /// The values have the type `scope.kind`; a type that this source does not have gives an empty set. Attributes
    /// beyond `scope.filter` do not count: a source without TLP levels and scores can judge by the site's default, or
    /// refuse such a scope.
    ///
    /// # Errors
    /// Every reason why the feed is not complete and right; [`FeedError::source`] takes errors of other crates.
    fn gather<'a>(&'a self, upstream: &'a Upstream, scope: FeedScope, errand: &'a Errand) -> GatherFuture<'a>;

    /// Gathers all values of one feed that can be looked up, or fails: never a part of them.
    ///
    /// Unless a source has its own, this asks [`gather`](Self::gather) for each type of feed without limits, one after
    /// the other, and knows no events. [`LookupIndex::builder`] makes an index with events, TLP levels and threat
    /// actors.
    ///
    /// # Errors
    /// Every reason why the index is not complete and right.
    fn index<'a>(&'a self, upstream: &'a Upstream, scope: LookupScope, errand: &'a Errand) -> IndexFuture<'a> {
        Box::pin(lookup::index_of_feeds(scope, move |feed| {
            self.gather(upstream, feed, errand)
        }))
    }

    /// Returns the way in which questions about this upstream are answered. Asking changes nothing: it does not start a
    /// mirror.
    ///
    /// Unless a source keeps mirrors, every question goes to the source.
    fn way(&self, _upstream: &Upstream) -> Way {
        Way::direct(DirectReason::NoMirrors)
    }

    /// Has the mirror of this upstream read every event again, one after the other; what it holds is served meanwhile.
    ///
    /// # Errors
    /// The reason why the upstream has no mirror.
    fn resync(&self, upstream: &Upstream) -> Result<(), DirectReason> {
        Err(self.way(upstream).reason().unwrap_or(DirectReason::NoMirrors))
    }

    /// Ends the mirror of this upstream and deletes its files; returns whether there was one. The next answer of MISP
    /// begins another.
    fn forget_mirror(&self, _upstream: &Upstream) -> bool {
        false
    }

    /// Gives the source a listener for changes that it notices by itself. The engine gathers the feeds of recent
    /// requests anew after each announcement.
    ///
    /// Unless a source has its own, this drops the listener, and feeds are gathered by their age.
    fn watch(&self, _listener: ChangeListener) {}

    /// Gives the source the cache through which several daemons share what they gather; `None` ends the sharing. The
    /// engine calls this with its own.
    ///
    /// Unless a source shares something beside feeds, this does nothing.
    fn share_through(&self, _cache: Option<SharedCache>) {}

    /// Tells the source that another daemon has gathered a feed of this upstream, so MISP takes its key. The engine
    /// calls this when it takes that feed from the shared cache and asks the source nothing.
    ///
    /// Unless a source prepares for further questions, this does nothing.
    fn answered_elsewhere(&self, _upstream: &Upstream) {}

    /// Returns whether the source notices changes of this upstream and announces them to its listeners. Then a message
    /// of MISP's ZeroMQ feed goes to [`hint`](Self::hint) only.
    fn follows(&self, _upstream: &Upstream) -> bool {
        false
    }

    /// Makes a source that follows changes of this site look for them now. Returns at once.
    fn hint(&self, _site: &SiteName) {}

    /// Explains why a feed has a value or not: each attribute that names it, before each rule, as far as `view`
    /// reaches.
    ///
    /// Unless a source has its own, it knows no reasons, and the engine says only whether the feed has the value.
    ///
    /// # Errors
    /// Every reason why the explanation is not complete.
    fn explain<'a>(
        &'a self,
        _upstream: &'a Upstream,
        _scope: FeedScope,
        _text: &'a str,
        _view: View,
    ) -> ExplainFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}
