//! Indexes in memory: fresh ones at once, older ones while MISP is asked, one question for all who wait.

use std::sync::Arc;
use std::time::Duration;

use cache::{Flights, Freshness, MemoryStore, Moment, Verdict, Weigh};
use site_config::SiteName;

use super::known_rules::KnownRules;
use super::{LOOKUP_TYPES, LookupIndex, LookupScope};
use crate::asked::Asked;
use crate::engine::landed;
use crate::upstream::UpstreamId;
use crate::{FeedEngine, FeedError, Touched, Upstream};

/// After a failed refresh MISP is not asked again in the background for this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Names one index. `rules` changes with every setting that changes what it holds.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct LookupKey {
    upstream: UpstreamId,
    scope: LookupScope,
    rules: u64,
}

#[derive(Clone)]
struct Held {
    index: Arc<LookupIndex>,
    gathered_at: Moment,
    failed_at: Option<Moment>,
}

impl Weigh for Held {
    fn weight_bytes(&self) -> usize {
        self.index.weight_bytes()
    }
}

/// All indexes of an engine.
pub(crate) struct Lookups {
    indexes: MemoryStore<LookupKey, Held>,
    flights: Flights<LookupKey, Arc<LookupIndex>, FeedError>,
    asked: Asked<LookupKey>,
    rules: KnownRules,
}

impl Lookups {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            indexes: MemoryStore::new(max_bytes),
            flights: Flights::new(),
            asked: Asked::default(),
            rules: KnownRules::default(),
        }
    }
}

impl FeedEngine {
    /// Returns the index over one feed, and how much longer it counts as fresh.
    ///
    /// As feeds are: a fresh one comes out of memory, an older one too while MISP is asked in the background, until `max_stale`. Only who
    /// comes first of all waits, at most for the site's time-out.
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
        self.lookups().asked.note(&key, upstream, self.now());
        let site = &upstream.site;
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        if let Some(held) = self.lookups().indexes.get(&key) {
            let age = self.now().since(held.gathered_at);
            let fresh_for = site.soft_expiry.saturating_sub(age);
            match freshness.for_caller(None).verdict(age) {
                Verdict::Serve => return Ok((held.index, fresh_for)),
                Verdict::ServeAndRefresh => {
                    self.refresh_index(upstream, &key, &held);
                    return Ok((held.index, fresh_for));
                }
                Verdict::Wait => {}
            }
        }
        let work = self.gather_index(upstream.clone(), key.clone());
        let flight = self.lookups().flights.fly(key, move || work);
        match tokio::time::timeout(site.timeout, flight).await {
            Ok(Ok(index)) => Ok((index, site.soft_expiry)),
            Ok(Err(error)) => Err(landed(error)),
            Err(_) => Err(FeedError::TimedOut {
                seconds: site.timeout.as_secs(),
            }),
        }
    }

    fn refresh_index(&self, upstream: &Upstream, key: &LookupKey, held: &Held) {
        let failed_lately = |at: Moment| self.now().since(at) < PAUSE_AFTER_FAILURE;
        if !held.failed_at.is_some_and(failed_lately) {
            let work = self.gather_index(upstream.clone(), key.clone());
            self.lookups().flights.start(key.clone(), move || work);
        }
    }

    /// Returns the indexes of a site that may hold something else after this change in MISP, and that somebody used lately.
    pub(crate) fn touched_indexes(&self, site: &SiteName, touched: &Touched) -> Vec<(LookupKey, Upstream)> {
        self.lookups().asked.touched(site, self.now(), |_, upstream| {
            LOOKUP_TYPES.iter().any(|kind| touched.concerns(*kind, upstream))
        })
    }

    /// Has an index gathered anew; an answer that was on its way before does not count.
    pub(crate) async fn refresh_index_now(&self, upstream: Upstream, key: LookupKey) {
        let flights = &self.lookups().flights;
        let joined = flights.in_flight(&key);
        for _ in 0..=usize::from(joined) {
            let work = self.gather_index(upstream.clone(), key.clone());
            // What fails is noted with the index.
            let _ = flights.fly(key.clone(), move || work).await;
        }
    }

    fn gather_index(
        &self,
        upstream: Upstream,
        key: LookupKey,
    ) -> impl Future<Output = Result<Arc<LookupIndex>, FeedError>> + Send + use<> {
        let engine = self.clone();
        async move {
            let indexes = &engine.lookups().indexes;
            match engine.source().index(&upstream, key.scope).await {
                Ok(index) => {
                    let index = Arc::new(index);
                    let held = Held {
                        index: Arc::clone(&index),
                        gathered_at: engine.now(),
                        failed_at: None,
                    };
                    indexes.insert(key.clone(), held);
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
                    if let Some(held) = indexes.get(&key) {
                        let failed_at = Some(engine.now());
                        indexes.insert(key, Held { failed_at, ..held });
                    }
                    Err(error)
                }
            }
        }
    }
}
