//! Memory, freshness, and one flight per feed around a source of indicators.

mod acceptance;
mod announcements;
mod builder;
mod confirmed;
mod current;
mod explanation;
mod guard_notices;
mod guarding;
mod held_indexes;
mod held_values;
mod listeners;
mod lookups;
mod placed_work;
mod polls;
mod prefetch;
mod prepared;
mod refresh;
mod rule_cache;
mod seen_set;
mod shrinkage;
mod statistics;
mod timed;
mod youngest_feeds;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use cache::{Clock, Flights, MemoryStore, Moment, SharedCache, Sleep, Weigh};
use feed_classification::export::configured;
use feed_classification::{AGGREGABLE, Exporter, Registry};

use crate::bodies::Bodies;
use crate::changes::ChangeLogs;
use crate::errand::Errands;
use crate::feed_key::{FeedKey, FeedKeyParts};
use crate::feed_set::HeldSet;
use crate::places::Places;
use crate::recent_requests::RecentRequests;
use crate::refreshes::Refreshes;
use crate::round::Round;
use crate::{
    DirectReason, FeedError, FeedRequest, FeedScope, FeedSet, FeedValues, IndicatorSource, Origin, RenderedFeed,
    Upstream, Urgency, Way, question,
};

use announcements::Announcements;
pub use builder::FeedEngineBuilder;
use current::{Answer, RefreshRequest};
pub use explanation::FeedExplanation;
use guard_notices::GuardNotices;
use held_indexes::Lookups;
use polls::Polls;
use prefetch::note_poll;
pub use prepared::PreparedFeed;
use timed::TimedFeeds;
use youngest_feeds::YoungestFeeds;

/// Returns feeds: from memory while they are fresh, else from its source, which it asks once for all callers of the
/// same moment.
///
/// Clones share everything.
#[derive(Clone)]
pub struct FeedEngine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    source: Arc<dyn IndicatorSource>,
    pub(crate) clock: Arc<dyn Clock>,
    registry: Registry,
    pub(crate) sets: MemoryStore<FeedKey, HeldSet>,
    /// Locked while a set is read, changed and put back.
    changing_sets: Mutex<()>,
    /// How often a set was put into the store.
    set_changes: AtomicU64,
    pub(crate) bodies: Bodies,
    pub(crate) counted: Refreshes,
    refreshes: Flights<FeedKey, Arc<FeedSet>, FeedError>,
    asked: RecentRequests<FeedKey>,
    polls: Polls<FeedKey>,
    errands: Errands<FeedKey>,
    lookups: Lookups,
    logs: ChangeLogs,
    announcements: Announcements,
    shared: ArcSwapOption<SharedCache>,
    guard_notices: Option<GuardNotices>,
    /// The times at which feeds were forgotten: sets that replicas gathered earlier do not count.
    forgotten_at: MemoryStore<FeedKey, ForgottenAt>,
    timed: TimedFeeds,
    /// For comparisons and look-ups of one request, which take milliseconds.
    answering: Places,
    youngest: YoungestFeeds,
}

#[derive(Clone, Copy)]
struct ForgottenAt(jiff::Timestamp);

impl Weigh for ForgottenAt {
    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<FeedKeyParts>()
    }
}

impl FeedEngine {
    /// Returns the exporters.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Shares gathered feeds through this cache from now on instead of the previous one; `None` ends the sharing.
    pub fn share_through(&self, cache: Option<SharedCache>) {
        self.inner.source.share_through(cache.clone());
        self.inner.shared.store(cache.map(Arc::new));
    }

    /// Returns the cache through which gathered feeds are shared.
    #[must_use]
    pub fn shared_cache(&self) -> Option<SharedCache> {
        self.inner.shared_cache()
    }

    /// Returns the whole feed of a request.
    ///
    /// Fresh feeds come from memory. Past the site's soft expiry the engine returns the old feed and asks MISP in the
    /// background. From twice the soft expiry the caller waits for MISP, at most 20 seconds and never longer than the
    /// site's time-out; a caller that sets `max_age` and finds the feed older waits up to the site's time-out. While
    /// MISP fails, and while a smaller set is [held back](crate::HeldBack), the engine returns the last good feed,
    /// until `max_stale`.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn feed(&self, upstream: &Upstream, request: &FeedRequest) -> Result<RenderedFeed, FeedError> {
        self.head(upstream, request).await?.render().await
    }

    /// Returns the values of a feed without rendering them, by the rules of [`feed`](Self::feed) for a caller that sets
    /// no `max_age`.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    ///
    /// ```
    /// # use feed_classification::{Age, FeedName, IndicatorType};
    /// # use feed_engine::{FeedEngine, FeedError, FeedRequest, Selection, Upstream};
    /// # async fn f(engine: FeedEngine, upstream: Upstream) -> Result<(), FeedError> {
    /// let block = Selection::Feed(FeedName::Block);
    /// let scope = FeedRequest::new(block, IndicatorType::Domain, Age::Weeks1, "txt").scope;
    /// for domain in &engine.values(&upstream, scope).await? {
    ///     println!("{domain}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn values(&self, upstream: &Upstream, scope: FeedScope) -> Result<FeedValues, FeedError> {
        question::check(upstream, scope)?;
        self.values_of(upstream, &FeedKey::of(upstream, scope), None).await
    }

    /// Returns the values of a feed that its site defines.
    async fn values_of(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        max_age: Option<Duration>,
    ) -> Result<FeedValues, FeedError> {
        self.note_poll(upstream, key);
        let answer = self.held(upstream, key, max_age, Urgency::Awaited).await?;
        Ok(self.described(upstream, answer))
    }

    fn described(&self, upstream: &Upstream, answer: Answer) -> FeedValues {
        let Answer { held, origin, in_vain } = answer;
        let age = self.age(&held);
        FeedValues {
            age,
            fresh_for: match origin {
                Origin::Stale => Duration::ZERO,
                _ => upstream.site.soft_expiry.saturating_sub(age),
            },
            origin,
            held_back: held.doubt.as_ref().map(|doubt| Arc::clone(&doubt.shown)),
            refresh_failing: in_vain || held.failed_at.is_some() || held.doubt.is_some(),
            set: held.set,
        }
    }

    /// Makes the next request for this feed ask MISP, in every output. An answer that is already on its way does not
    /// count.
    ///
    /// The values stay in memory in case MISP fails then: clearing a cache must not empty a firewall.
    pub fn forget(&self, upstream: &Upstream, scope: FeedScope) {
        let key = FeedKey::of(upstream, scope);
        let now = ForgottenAt(jiff::Timestamp::now());
        self.inner.forgotten_at.insert(key.clone(), now);
        self.inner.change_set(key, |held| held.map(HeldSet::forget));
    }

    /// Returns the way in which questions about this upstream are answered now.
    #[must_use]
    pub fn way(&self, upstream: &Upstream) -> Way {
        self.inner.source.way(upstream)
    }

    /// Has the mirror of this upstream read every event of MISP again. What it holds is served meanwhile.
    ///
    /// # Errors
    /// The reason why the upstream has no mirror.
    pub fn resync(&self, upstream: &Upstream) -> Result<(), DirectReason> {
        self.inner.source.resync(upstream)
    }

    /// Ends the mirror of this upstream and deletes its files; returns whether there was one. Feeds in memory stay. The
    /// next answer of MISP begins another mirror.
    #[must_use]
    pub fn forget_mirror(&self, upstream: &Upstream) -> bool {
        self.inner.source.forget_mirror(upstream)
    }

    /// Returns the feed's values for a caller that sets no `max_age`.
    pub(crate) async fn current(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        urgency: Urgency,
    ) -> Result<Arc<FeedSet>, FeedError> {
        self.inner.asked.note(key, upstream, self.now());
        Ok(self.held(upstream, key, None, urgency).await?.held.set)
    }

    /// Gathers the feed anew as part of a round and waits for it; an answer that was on its way before does not count.
    /// Callers meanwhile get the old feed.
    pub(crate) async fn refresh_now(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        urgency: Urgency,
        round: &Arc<Round>,
    ) -> Result<(), FeedError> {
        let patience = upstream.site.timeout;
        let asking = RefreshRequest {
            limit: Duration::ZERO,
            errand: self.inner.errands.of(key, urgency).in_round(Some(Arc::clone(round))),
        };
        let gathering = async {
            let joined = self.inner.refreshes.in_flight(key);
            let outcome = self
                .flight(upstream, key, self.inner.sets.get(key).as_ref(), &asking)
                .await;
            if joined {
                return self
                    .flight(upstream, key, self.inner.sets.get(key).as_ref(), &asking)
                    .await;
            }
            outcome
        };
        match tokio::time::timeout(patience, gathering).await {
            Ok(outcome) => outcome.map(|_| ()).map_err(FeedError::from),
            Err(_) => Err(FeedError::TimedOut {
                seconds: patience.as_secs(),
            }),
        }
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.inner.lookups
    }

    pub(crate) fn source(&self) -> &dyn IndicatorSource {
        &*self.inner.source
    }

    pub(crate) fn asked(&self) -> &RecentRequests<FeedKey> {
        &self.inner.asked
    }

    pub(crate) fn logs(&self) -> &ChangeLogs {
        &self.inner.logs
    }

    pub(crate) fn now(&self) -> Moment {
        self.inner.clock.now()
    }

    /// Waits on the engine's clock.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        self.inner.clock.sleep(time)
    }

    /// Records that a device asks for a feed, and when it will probably ask again.
    pub(crate) fn note_poll(&self, upstream: &Upstream, key: &FeedKey) {
        self.note_poll_at(self.now(), upstream, key);
    }

    fn note_poll_at(&self, now: Moment, upstream: &Upstream, key: &FeedKey) {
        self.inner.asked.note(key, upstream, now);
        note_poll(self, upstream, key, now);
    }

    /// Returns the exporter of a request, as the caller configures it.
    pub(crate) fn exporter(&self, request: &FeedRequest) -> Result<Arc<dyn Exporter>, FeedError> {
        let registry = &self.inner.registry;
        let exporter = registry
            .by_name(&request.output)
            .ok_or_else(|| FeedError::UnknownOutput {
                output: request.output.clone(),
                known: registry.names().map(str::to_owned).collect(),
            })?;
        let (kind, accepts) = (request.scope.kind, exporter.about().accepts);
        if !accepts.contains(kind) {
            return Err(FeedError::TypeNotCarried {
                output: request.output.clone(),
                kind,
                accepts: accepts.iter().collect(),
            });
        }
        if request.aggregate && !AGGREGABLE.contains(kind) {
            return Err(FeedError::NotAggregable { kind });
        }
        Ok(configured(exporter, &request.options))
    }
}

impl fmt::Debug for FeedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedEngine")
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}
