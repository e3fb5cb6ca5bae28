//! Indexes in memory: a fresh one at once, an older one while MISP is asked, and one question for all callers that
//! wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::{Flights, Freshness, MemoryStore, Moment, Verdict, Weigh};
use catalogue::LOOKED_UP_FEEDS;
use site_config::SiteName;

use super::FeedEngine;
use super::confirmed::Confirmation;
use super::current::{PATIENCE, PATIENCE_WHILE_FAILING, PAUSE_AFTER_FAILURE, is_recent};
use super::polls::Polls;
use super::prefetch::{Polled, note_poll};
use super::rule_cache::RuleCache;
use crate::errand::Errands;
use crate::recent_requests::RecentRequests;
use crate::upstream::UpstreamId;
use crate::{ChangeHint, FeedError, LookupIndex, LookupScope, Upstream, Urgency};

/// Names one index. `rules` changes with every setting that changes its contents.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct LookupKey {
    upstream: UpstreamId,
    scope: LookupScope,
    rules: u64,
}

#[derive(Clone)]
struct HeldIndex {
    index: Arc<LookupIndex>,
    gathered_at: Moment,
    /// When the last refresh failed, or a caller waited in vain.
    in_vain_at: Option<Moment>,
}

impl Weigh for HeldIndex {
    fn weight_bytes(&self) -> usize {
        self.index.weight_bytes()
    }
}

/// All indexes of an engine.
pub(crate) struct Lookups {
    indexes: MemoryStore<LookupKey, HeldIndex>,
    /// Locked while an index is put in its place, or marked.
    changing: Mutex<()>,
    flights: Flights<LookupKey, Arc<LookupIndex>, FeedError>,
    asked: RecentRequests<LookupKey>,
    polls: Polls<LookupKey>,
    errands: Errands<LookupKey>,
    rules: RuleCache,
}

impl Lookups {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            indexes: MemoryStore::new(max_bytes),
            changing: Mutex::default(),
            flights: Flights::new(),
            asked: RecentRequests::default(),
            polls: Polls::default(),
            errands: Errands::default(),
            rules: RuleCache::default(),
        }
    }
}

impl Lookups {
    fn put(&self, key: LookupKey, held: HeldIndex) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.indexes.insert(key, held);
    }

    fn note_in_vain(&self, key: &LookupKey, now: Moment) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = self.indexes.get(key) {
            let in_vain_at = Some(now);
            self.indexes.insert(key.clone(), HeldIndex { in_vain_at, ..held });
        }
    }
}

impl FeedEngine {
    /// Returns the index over one feed, and how much longer it counts as fresh.
    ///
    /// As with feeds, a fresh index comes from memory, and so does one up to twice the soft expiry, while MISP is
    /// asked. After that the caller waits for MISP, at most 20 seconds and never longer than the site's time-out, and
    /// gets the old index only if MISP does not answer, until `max_stale`. Without an old index the caller waits up to
    /// the site's time-out.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn lookup_index(
        &self,
        upstream: &Upstream,
        scope: LookupScope,
    ) -> Result<(Arc<LookupIndex>, Duration), FeedError> {
        let key = LookupKey {
            upstream: upstream.id(),
            scope,
            rules: self.lookups().rules.of(upstream),
        };
        let (now, site) = (self.now(), &upstream.site);
        self.lookups().asked.note(&key, upstream, now);
        note_poll(self, upstream, &key);
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        let held = self.lookups().indexes.get(&key);
        let Some(held) = held.filter(|held| now.since(held.gathered_at) < site.max_stale) else {
            let index = self.gathered_index(upstream, &key, site.timeout).await?;
            return Ok((index, site.soft_expiry));
        };
        let age = now.since(held.gathered_at);
        let fresh_for = site.soft_expiry.saturating_sub(age);
        match freshness.for_caller(None).verdict(age) {
            Verdict::Serve => Ok((held.index, fresh_for)),
            Verdict::Wait if !failed_just_now(&held, now) => Ok(self.gathered_or_last_good(upstream, &key, held).await),
            Verdict::ServeAndRefresh | Verdict::Wait => {
                self.refresh_index(upstream, &key, &held);
                Ok((held.index, fresh_for))
            }
        }
    }

    async fn gathered_or_last_good(
        &self,
        upstream: &Upstream,
        key: &LookupKey,
        last_good: HeldIndex,
    ) -> (Arc<LookupIndex>, Duration) {
        let (now, site) = (self.now(), &upstream.site);
        let recent = |at| is_recent(at, now, site.soft_expiry);
        let patience = match last_good.in_vain_at.is_some_and(recent) {
            true => PATIENCE_WHILE_FAILING,
            false => PATIENCE,
        };
        match self.gathered_index(upstream, key, patience.min(site.timeout)).await {
            Ok(index) => (index, site.soft_expiry),
            Err(error) => {
                if matches!(error, FeedError::TimedOut { .. }) {
                    self.lookups().note_in_vain(key, self.now());
                }
                tracing::warn!(
                    site = site.name.as_str(),
                    error = error.chain(),
                    "MISP cannot be asked; looking up in the last good index"
                );
                (last_good.index, Duration::ZERO)
            }
        }
    }

    /// Waits for MISP's answer, which may be on its way already; it is kept even if this caller leaves.
    async fn gathered_index(
        &self,
        upstream: &Upstream,
        key: &LookupKey,
        patience: Duration,
    ) -> Result<Arc<LookupIndex>, FeedError> {
        let work = self.gather_index(upstream.clone(), key.clone(), Urgency::Awaited);
        let flight = self.lookups().flights.fly(key.clone(), move || work);
        match tokio::time::timeout(patience, flight).await {
            Ok(outcome) => outcome.map_err(FeedError::from),
            Err(_) => Err(FeedError::TimedOut {
                seconds: patience.as_secs(),
            }),
        }
    }

    fn refresh_index(&self, upstream: &Upstream, key: &LookupKey, held: &HeldIndex) {
        if !failed_just_now(held, self.now()) {
            let work = self.gather_index(upstream.clone(), key.clone(), Urgency::Unhurried);
            self.lookups().flights.start(key.clone(), move || work);
        }
    }

    /// Returns the lately used indexes of a site whose contents this change in MISP may have changed.
    pub(crate) fn touched_indexes(&self, site: &SiteName, touched: &ChangeHint) -> Vec<(LookupKey, Upstream)> {
        self.lookups().asked.touched(site, self.now(), |_, upstream| {
            LOOKED_UP_FEEDS.iter().any(|kind| touched.concerns(kind, upstream))
        })
    }

    /// Gathers an index anew; an answer that was on its way before does not count.
    pub(crate) async fn refresh_index_now(&self, upstream: Upstream, key: LookupKey) {
        let flights = &self.lookups().flights;
        let joined = flights.in_flight(&key);
        for _ in 0..=usize::from(joined) {
            let work = self.gather_index(upstream.clone(), key.clone(), Urgency::Round);
            // A failure is recorded with the index.
            let _ = flights.fly(key.clone(), move || work).await;
        }
    }

    /// Returns the index as it is kept, which may be as of an earlier moment.
    ///
    /// # Errors
    /// If it is older than the one in memory, or too old to answer from.
    fn held_index(&self, upstream: &Upstream, key: &LookupKey, index: LookupIndex) -> Result<HeldIndex, FeedError> {
        let (now, site) = (self.now(), &upstream.site);
        let confirmed = Confirmation::of(index.as_of(), site, None);
        if confirmed.is_late {
            let held = self.lookups().indexes.get(key);
            let is_older = held.is_some_and(|held| now.since(held.gathered_at) < confirmed.age);
            if is_older || confirmed.age >= site.max_stale {
                return Err(confirmed.error());
            }
            tracing::warn!(
                site = site.name.as_str(),
                error = confirmed.error().chain(),
                "an index for look-ups could not be refreshed"
            );
        }
        Ok(HeldIndex {
            index: Arc::new(index),
            gathered_at: now.before(confirmed.age),
            in_vain_at: confirmed.is_late.then_some(now),
        })
    }

    fn gather_index(
        &self,
        upstream: Upstream,
        key: LookupKey,
        urgency: Urgency,
    ) -> impl Future<Output = Result<Arc<LookupIndex>, FeedError>> + Send + use<> {
        let (engine, errand) = (self.clone(), self.lookups().errands.of(&key, urgency));
        async move {
            let indexes = &engine.lookups().indexes;
            let gathered = engine.source().index(&upstream, key.scope, &errand).await;
            match gathered.and_then(|index| engine.held_index(&upstream, &key, index)) {
                Ok(held) => {
                    let index = Arc::clone(&held.index);
                    engine.lookups().put(key.clone(), held);
                    if indexes.get(&key).is_none() {
                        let (site, bytes) = (upstream.site.name.as_str(), index.weight_bytes());
                        tracing::warn!(
                            site,
                            bytes,
                            "an index for look-ups is larger than lookup_memory_bytes and cannot be kept: MISP is asked at every look-up; raise it"
                        );
                    }
                    Ok(index)
                }
                Err(error) => {
                    tracing::warn!(
                        site = upstream.site.name.as_str(),
                        error = error.chain(),
                        "an index for look-ups could not be refreshed"
                    );
                    engine.lookups().note_in_vain(&key, engine.now());
                    Err(error)
                }
            }
        }
    }
}

impl Polled for LookupKey {
    fn polls(engine: &FeedEngine) -> &Polls<Self> {
        &engine.lookups().polls
    }

    fn fetched_at(&self, engine: &FeedEngine) -> Option<Moment> {
        engine.lookups().indexes.get(self).map(|held| held.gathered_at)
    }

    fn refresh(&self, engine: &FeedEngine, upstream: &Upstream) {
        if let Some(held) = engine.lookups().indexes.get(self) {
            engine.refresh_index(upstream, self, &held);
        }
    }
}

fn failed_just_now(held: &HeldIndex, now: Moment) -> bool {
    held.in_vain_at.is_some_and(|at| now.since(at) < PAUSE_AFTER_FAILURE)
}
