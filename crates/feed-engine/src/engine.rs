//! Memory, freshness, and one flight per feed around a source of indicators.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use cache::{
    Clock, FlightError, Flights, Freshness, Lease, MemoryStore, Moment, MonotonicClock, SharedCache, Verdict, Weigh,
};
use feed_classification::{AGGREGABLE, Exporter, Registry};

use crate::asked::Asked;
use crate::changes::ChangeLogs;
use crate::feed_set::Held;
use crate::lookup::Lookups;
use crate::observed::Refreshes;
use crate::rendered::Body;
use crate::request::{BodyKey, FeedKey};
use crate::shared_sets::{self, Label, Sharing, Wanted};
use crate::{
    Encoding, FeedError, FeedRequest, FeedScope, FeedSet, Gathered, IndicatorSource, MispSource, Origin, RenderedFeed,
    Upstream, question,
};

/// Memory for values and rendered bodies together, unless the builder says otherwise.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// Memory for the indexes of look-ups, unless the builder says otherwise: about six million values.
const LOOKUP_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// After a failed refresh nobody asks MISP again for the same feed in the background for this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How long a caller waits for a refresh whose predecessor failed, when there is an older answer: a device that polls
/// must not hang for the whole time-out at every poll while MISP hangs.
const PATIENCE_WHILE_FAILING: Duration = Duration::from_secs(2);

/// Memory for the moments at which feeds were forgotten: some thousand.
const FORGOTTEN_BYTES: u64 = 2 * 1024 * 1024;

/// Gives feeds: out of memory while they are fresh, else from its source, once for everybody who asks at the same time.
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
    pub(crate) sets: MemoryStore<FeedKey, Held>,
    /// Held while a set is looked at and put back changed.
    changing_sets: Mutex<()>,
    pub(crate) bodies: MemoryStore<BodyKey, Arc<Body>>,
    pub(crate) counted: Refreshes,
    refreshes: Flights<FeedKey, Arc<FeedSet>, FeedError>,
    renderings: Flights<(BodyKey, u64), Arc<Body>, FeedError>,
    asked: Asked<FeedKey>,
    lookups: Lookups,
    logs: ChangeLogs,
    shared: ArcSwapOption<SharedCache>,
    /// When feeds were forgotten: what replicas gathered before that does not count.
    forgotten_at: MemoryStore<FeedKey, ForgottenAt>,
}

#[derive(Clone, Copy)]
struct ForgottenAt(jiff::Timestamp);

impl Weigh for ForgottenAt {
    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<FeedKey>()
    }
}

/// Builds a [`FeedEngine`].
#[derive(Debug)]
pub struct FeedEngineBuilder {
    source: Arc<dyn IndicatorSource>,
    clock: Arc<dyn Clock>,
    registry: Registry,
    memory_bytes: u64,
    shared: Option<SharedCache>,
    lookup_memory_bytes: u64,
}

impl FeedEngineBuilder {
    /// Sets where indicators come from (default: [`MispSource`]).
    #[must_use]
    pub fn source(mut self, source: Arc<dyn IndicatorSource>) -> Self {
        self.source = source;
        self
    }

    /// Sets the clock by which answers grow old (default: the machine's monotonic one).
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the exporters (default: the built-in ones).
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Sets how much memory values and bodies may take together, in bytes (default 256 MiB).
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Shares gathered feeds with other engines through this cache (default: none).
    #[must_use]
    pub fn shared(mut self, cache: SharedCache) -> Self {
        self.shared = Some(cache);
        self
    }

    /// Sets how much memory the indexes for look-ups may take together, in bytes (default 512 MiB).
    #[must_use]
    pub fn lookup_memory_bytes(mut self, bytes: u64) -> Self {
        self.lookup_memory_bytes = bytes;
        self
    }

    /// Returns the engine.
    #[must_use]
    pub fn build(self) -> FeedEngine {
        FeedEngine {
            inner: Arc::new(Inner {
                source: self.source,
                clock: self.clock,
                registry: self.registry,
                sets: MemoryStore::new(self.memory_bytes / 2),
                changing_sets: Mutex::default(),
                bodies: MemoryStore::new(self.memory_bytes / 2),
                counted: Refreshes::default(),
                refreshes: Flights::new(),
                renderings: Flights::new(),
                asked: Asked::default(),
                lookups: Lookups::new(self.lookup_memory_bytes),
                logs: ChangeLogs::default(),
                shared: ArcSwapOption::from_pointee(self.shared),
                forgotten_at: MemoryStore::new(FORGOTTEN_BYTES),
            }),
        }
    }
}

impl Default for FeedEngine {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl FeedEngine {
    /// Returns a builder with a [`MispSource`] and the built-in exporters.
    #[must_use]
    pub fn builder() -> FeedEngineBuilder {
        FeedEngineBuilder {
            source: Arc::new(MispSource::new()),
            clock: Arc::new(MonotonicClock),
            registry: Registry::builtin(),
            memory_bytes: MEMORY_BYTES,
            shared: None,
            lookup_memory_bytes: LOOKUP_MEMORY_BYTES,
        }
    }

    /// Returns the exporters.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Shares gathered feeds through this cache from now on, in place of the one before; with none nothing is shared.
    pub fn share_through(&self, cache: Option<SharedCache>) {
        self.inner.shared.store(cache.map(Arc::new));
    }

    /// Returns the cache through which gathered feeds are shared.
    #[must_use]
    pub fn shared_cache(&self) -> Option<SharedCache> {
        self.inner.shared_cache()
    }

    /// Returns the feed that is asked for, complete and right, or says why there is none.
    ///
    /// Fresh ones come out of memory. Past the site's soft expiry the old one is given while MISP is asked in the background; a caller
    /// that sets `max_age` waits for MISP, at most for the site's time-out. While MISP fails the last good one is given, until
    /// `max_stale`.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn feed(&self, upstream: &Upstream, request: &FeedRequest) -> Result<RenderedFeed, FeedError> {
        let exporter = self.exporter(request)?;
        question::for_feed(upstream, request.scope, jiff::Timestamp::now())?;
        let key = feed_key(upstream, request.scope);
        self.inner.asked.note(&key, upstream, self.now());
        let (held, origin) = self.held(upstream, &key, request.max_age).await?;
        let body = self.body(&key, &held.set, request, exporter).await?;
        let age = self.age(&held);
        Ok(RenderedFeed {
            body: body.bytes.clone(),
            encoding: request.encoding,
            content_type: body.content_type,
            etag: body.etag.clone(),
            count: body.count,
            dropped: body.quarantined + held.set.dropped().values().sum::<u64>(),
            changed_at: held.set.changed_at(),
            age,
            fresh_for: upstream.site.soft_expiry.saturating_sub(age),
            origin,
            refresh_failing: held.failed_at.is_some(),
        })
    }

    /// Makes the next request for this feed ask MISP, in every output; an answer that is on its way already does not count.
    ///
    /// The values stay at hand in case MISP cannot be asked then: clearing a cache must not empty a firewall.
    pub fn forget(&self, upstream: &Upstream, scope: FeedScope) {
        let key = feed_key(upstream, scope);
        let now = ForgottenAt(jiff::Timestamp::now());
        self.inner.forgotten_at.insert(key.clone(), now);
        self.inner.change_set(key, |held| held.map(Held::forget));
    }

    /// Returns the feed's values as a caller without a wish gets them.
    pub(crate) async fn current(&self, upstream: &Upstream, key: &FeedKey) -> Result<Arc<FeedSet>, FeedError> {
        self.inner.asked.note(key, upstream, self.now());
        let (held, _) = self.held(upstream, key, None).await?;
        Ok(held.set)
    }

    /// Has the feed gathered anew, and waits for it: an answer that was on its way before does not count. Whoever asks meanwhile gets
    /// what there is.
    pub(crate) async fn refresh_now(&self, upstream: &Upstream, key: &FeedKey) -> Result<(), FeedError> {
        let patience = upstream.site.timeout;
        let gathering = async {
            let joined = self.inner.refreshes.in_flight(key);
            let outcome = self
                .flight(upstream, key, self.inner.sets.get(key).as_ref(), Duration::ZERO)
                .await;
            if joined {
                return self
                    .flight(upstream, key, self.inner.sets.get(key).as_ref(), Duration::ZERO)
                    .await;
            }
            outcome
        };
        match tokio::time::timeout(patience, gathering).await {
            Ok(outcome) => outcome.map(|_| ()).map_err(landed),
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

    pub(crate) fn asked(&self) -> &Asked<FeedKey> {
        &self.inner.asked
    }

    pub(crate) fn logs(&self) -> &ChangeLogs {
        &self.inner.logs
    }

    pub(crate) fn now(&self) -> Moment {
        self.inner.clock.now()
    }

    fn exporter(&self, request: &FeedRequest) -> Result<Arc<dyn Exporter>, FeedError> {
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
        Ok(Arc::clone(exporter))
    }

    async fn held(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        max_age: Option<Duration>,
    ) -> Result<(Held, Origin), FeedError> {
        let site = &upstream.site;
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        let limit = max_age.map_or(site.soft_expiry, |max_age| max_age.min(site.soft_expiry));
        let seen = self.inner.sets.get(key);
        let held = match seen {
            Some(held) if self.age(&held) < freshness.hard => held,
            seen => {
                let fresh = self
                    .refreshed(upstream, key, seen.as_ref(), limit, site.timeout)
                    .await?;
                return Ok((fresh.clone(), fresh.origin()));
            }
        };
        match freshness.for_caller(max_age).verdict(self.age(&held)) {
            Verdict::Serve if held.forgotten.is_none() => Ok((held, Origin::Hit)),
            Verdict::ServeAndRefresh if held.forgotten.is_none() => {
                self.refresh_in_background(upstream, key, &held);
                Ok((held, Origin::Stale))
            }
            _ => Ok(self.refreshed_or_last_good(upstream, key, held, limit).await),
        }
    }

    async fn refreshed_or_last_good(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        last_good: Held,
        limit: Duration,
    ) -> (Held, Origin) {
        let site = &upstream.site;
        let patience = if last_good.failed_at.is_some() {
            site.timeout.min(PATIENCE_WHILE_FAILING)
        } else {
            site.timeout
        };
        match self.refreshed(upstream, key, Some(&last_good), limit, patience).await {
            Ok(fresh) => (fresh.clone(), fresh.origin()),
            Err(error) => {
                tracing::warn!(site = site.name.as_str(), feed = ?key.scope, error = error.chain(), "MISP cannot be asked; serving the last good feed");
                (self.inner.sets.get(key).unwrap_or(last_good), Origin::Stale)
            }
        }
    }

    fn age(&self, held: &Held) -> Duration {
        self.inner.clock.now().since(held.fetched_at)
    }

    /// Waits for MISP's answer, which may be on its way already; it is awaited and kept even if this caller leaves.
    async fn refreshed(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&Held>,
        limit: Duration,
        patience: Duration,
    ) -> Result<Held, FeedError> {
        // The wait of all tries together is what the caller has patience for.
        let tries = async {
            let joined = self.inner.refreshes.in_flight(key);
            match self.flight(upstream, key, seen, limit).await {
                // It had begun before this caller came, perhaps before MISP was back.
                Err(_) if joined => self.flight(upstream, key, seen, limit).await,
                // And perhaps before the feed was forgotten.
                Ok(_) if joined && self.is_forgotten(key) => self.flight(upstream, key, seen, limit).await,
                // Or it brought what another replica had gathered, and that is too old for this caller.
                Ok(_) if joined && self.is_shared_and_older(key, limit) => {
                    let seen = self.inner.sets.get(key);
                    self.flight(upstream, key, seen.as_ref(), limit).await
                }
                outcome => outcome,
            }
        };
        match tokio::time::timeout(patience, tries).await {
            // Larger than the store may hold, it is not in it; then it is served all the same.
            Ok(Ok(set)) => Ok(self
                .inner
                .sets
                .get(key)
                .unwrap_or_else(|| Held::new(set, self.inner.clock.now()))),
            Ok(Err(error)) => Err(landed(error)),
            Err(_) => Err(FeedError::TimedOut {
                seconds: patience.as_secs(),
            }),
        }
    }

    fn is_forgotten(&self, key: &FeedKey) -> bool {
        self.inner.sets.get(key).is_some_and(|held| held.forgotten.is_some())
    }

    fn is_shared_and_older(&self, key: &FeedKey, limit: Duration) -> bool {
        let held = self.inner.sets.get(key);
        held.is_some_and(|held| held.is_shared && self.age(&held) > limit)
    }

    /// `limit` is the oldest set of another replica that will do.
    async fn flight(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&Held>,
        limit: Duration,
    ) -> Result<Arc<FeedSet>, FlightError<FeedError>> {
        let work = self.refresh(upstream, key, seen, limit);
        self.inner.refreshes.fly(key.clone(), move || work).await
    }

    fn refresh_in_background(&self, upstream: &Upstream, key: &FeedKey, held: &Held) {
        if held
            .failed_at
            .is_some_and(|at| self.inner.clock.now().since(at) < PAUSE_AFTER_FAILURE)
        {
            return;
        }
        let work = self.refresh(upstream, key, Some(held), upstream.site.soft_expiry);
        self.inner.refreshes.start(key.clone(), move || work);
    }

    fn refresh(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&Held>,
        limit: Duration,
    ) -> impl Future<Output = Result<Arc<FeedSet>, FeedError>> + Send + use<> {
        let (inner, seen) = (Arc::clone(&self.inner), seen.map(|held| held.fetch));
        inner.refresh_since(upstream.clone(), key.clone(), seen, limit)
    }

    async fn body(
        &self,
        key: &FeedKey,
        set: &Arc<FeedSet>,
        request: &FeedRequest,
        exporter: Arc<dyn Exporter>,
    ) -> Result<Arc<Body>, FeedError> {
        let plain = self.plain_body(key, set, request, exporter).await?;
        if request.encoding == Encoding::Identity {
            return Ok(plain);
        }
        let encoding = request.encoding;
        self.rendering(body_key(key, request, encoding), set.generation(), move || {
            plain.compressed(encoding)
        })
        .await
    }

    async fn plain_body(
        &self,
        key: &FeedKey,
        set: &Arc<FeedSet>,
        request: &FeedRequest,
        exporter: Arc<dyn Exporter>,
    ) -> Result<Arc<Body>, FeedError> {
        let (set, aggregate, name) = (Arc::clone(set), request.aggregate, request.scope.selection.name());
        let generation = set.generation();
        self.rendering(body_key(key, request, Encoding::Identity), generation, move || {
            Body::render(&set, &name, &*exporter, aggregate)
        })
        .await
    }

    /// Returns the body of this generation out of memory, or makes it: once, off the threads that serve sockets.
    async fn rendering(
        &self,
        key: BodyKey,
        generation: u64,
        make: impl FnOnce() -> Result<Body, FeedError> + Send + 'static,
    ) -> Result<Arc<Body>, FeedError> {
        if let Some(body) = self.inner.bodies.get(&key).filter(|body| body.generation == generation) {
            return Ok(body);
        }
        let flight = (key.clone(), generation);
        let inner = Arc::clone(&self.inner);
        let work = async move {
            let body = tokio::task::spawn_blocking(make)
                .await
                .map_err(|error| FeedError::internal("rendering the feed", error))??;
            let body = Arc::new(body);
            inner.bodies.insert(key, Arc::clone(&body));
            Ok(body)
        };
        self.inner.renderings.fly(flight, move || work).await.map_err(landed)
    }
}

impl Inner {
    /// Gathers a feed unless somebody has done so since `seen`: a flight may land between the look into the store and the next flight.
    async fn refresh_since(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        seen: Option<u64>,
        limit: Duration,
    ) -> Result<Arc<FeedSet>, FeedError> {
        match self.sets.get(&key) {
            Some(held) if Some(held.fetch) != seen && held.forgotten.is_none() => Ok(held.set),
            _ => self.refresh(upstream, key, limit).await,
        }
    }

    /// Gathers a feed, or takes what another replica has gathered, and keeps it; or notes that it could not be had: what was kept
    /// before stays.
    async fn refresh(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        limit: Duration,
    ) -> Result<Arc<FeedSet>, FeedError> {
        let forgotten_before = self.sets.get(&key).and_then(|held| held.forgotten);
        let began_at = jiff::Timestamp::now();
        let (started, sharing) = (Instant::now(), self.sharing(&upstream, &key, limit).await);
        let (outcome, shared, lease) = match sharing {
            Sharing::Found(label, gathered) => (Ok(gathered), Some(label), None),
            Sharing::Ours(lease) => {
                let outcome = lease.hold_while(self.gather(&upstream, &key, started)).await;
                (outcome, None, Some(lease))
            }
            Sharing::Alone => (self.gather(&upstream, &key, started).await, None, None),
        };
        match outcome {
            Ok(gathered) => {
                let known = self.sets.get(&key).map(|held| held.set);
                let before = lease.as_ref().and_then(|lease| Label::read(lease.label_before()?));
                let set = match shared {
                    Some(label) => FeedSet::shared(known.as_ref(), gathered, label.changed_at),
                    None => renewed(known.as_ref(), gathered, before),
                };
                let fresh = self.fresh(&set, shared);
                self.change_set(key.clone(), |held| {
                    // Forgotten meanwhile: MISP has to be asked once more.
                    let forgotten = held.and_then(|held| held.forgotten);
                    Some(Held {
                        forgotten: forgotten.filter(|_| forgotten != forgotten_before),
                        ..fresh
                    })
                });
                if let Some(log) = self.logs.known(&key) {
                    let newest = Arc::clone(&set);
                    tokio::task::spawn_blocking(move || log.note(&newest))
                        .await
                        .map_err(|error| FeedError::internal("comparing the feed", error))?;
                }
                if self.sets.get(&key).is_none() {
                    let (site, bytes) = (upstream.site.name.as_str(), set.weight_bytes());
                    tracing::warn!(site, feed = ?key.scope, bytes, "a feed is larger than half of memory_bytes and cannot be kept: MISP is asked at every request, and there is no last good feed; raise memory_bytes");
                }
                self.share(&upstream, key, began_at, &set, lease);
                Ok(set)
            }
            Err(error) => {
                tracing::warn!(site = upstream.site.name.as_str(), feed = ?key.scope, error = error.chain(), "a feed could not be refreshed");
                let failed_at = Some(self.clock.now());
                self.change_set(key, |held| held.map(|held| Held { failed_at, ..held }));
                // Another replica may have a better way to MISP.
                if let Some(lease) = lease {
                    lease.release().await;
                }
                Err(error)
            }
        }
    }

    fn shared_cache(&self) -> Option<SharedCache> {
        self.shared.load().as_deref().cloned()
    }

    async fn gather(&self, upstream: &Upstream, key: &FeedKey, started: Instant) -> Result<Gathered, FeedError> {
        let outcome = self.source.gather(upstream, key.scope).await;
        self.counted
            .count(upstream.site.name.as_str(), outcome.as_ref().err(), started.elapsed());
        outcome
    }

    /// Looks whether another replica has gathered this feed, or does so now.
    async fn sharing(&self, upstream: &Upstream, key: &FeedKey, max_age: Duration) -> Sharing {
        let Some(cache) = self.shared_cache() else {
            return Sharing::Alone;
        };
        let wanted = Wanted {
            max_age,
            asked_at: jiff::Timestamp::now(),
            newer_than: self.sets.get(key).map(|held| held.made_at),
            forgotten_at: self.forgotten_at.get(key).map(|at| at.0),
        };
        shared_sets::find(&cache, upstream, key, wanted).await
    }

    fn fresh(&self, set: &Arc<FeedSet>, shared: Option<Label>) -> Held {
        let now = self.clock.now();
        match shared {
            None => Held::new(Arc::clone(set), now),
            Some(label) => Held {
                made_at: label.made_at,
                is_shared: true,
                ..Held::new(
                    Arc::clone(set),
                    now.before(shared_sets::age(label.made_at, jiff::Timestamp::now())),
                )
            },
        }
    }

    /// Gives the set to the other replicas; no caller waits for that.
    fn share(
        &self,
        upstream: &Upstream,
        key: FeedKey,
        began_at: jiff::Timestamp,
        set: &Arc<FeedSet>,
        lease: Option<Lease>,
    ) {
        let (Some(cache), Some(lease)) = (self.shared_cache(), lease) else {
            return;
        };
        // For twice as long as it is fresh, so that its label tells whoever gathers next what has changed.
        let (set, life) = (Arc::clone(set), upstream.site.soft_expiry * 2);
        tokio::spawn(async move { shared_sets::put(cache, lease, key, began_at, &set, life).await });
    }

    /// Puts what `change` makes of a set in its place; nobody changes a set in between.
    fn change_set(&self, key: FeedKey, change: impl FnOnce(Option<Held>) -> Option<Held>) {
        let _changing = self.changing_sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = change(self.sets.get(&key)) {
            self.sets.insert(key, held);
        }
    }
}

impl fmt::Debug for FeedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedEngine")
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

pub(crate) fn feed_key(upstream: &Upstream, scope: FeedScope) -> FeedKey {
    FeedKey {
        upstream: upstream.id(),
        scope,
        rules: question::rules(upstream, scope.kind),
    }
}

/// Returns the set with the time at which it changed; another replica may have told since when these values are what they are.
fn renewed(known: Option<&Arc<FeedSet>>, gathered: Gathered, before: Option<Label>) -> Arc<FeedSet> {
    let set = FeedSet::renew(known, gathered, jiff::Timestamp::now());
    match before {
        Some(label) if known.is_none() && label.values == shared_sets::values_id(&set) => {
            set.changed_earlier(label.changed_at)
        }
        _ => set,
    }
}

fn body_key(feed: &FeedKey, request: &FeedRequest, encoding: Encoding) -> BodyKey {
    BodyKey {
        feed: feed.clone(),
        output: request.output.clone(),
        aggregate: request.aggregate,
        encoding,
    }
}

pub(crate) fn landed(error: FlightError<FeedError>) -> FeedError {
    match error {
        FlightError::Failed(error) => FeedError::clone(&error),
        error => FeedError::internal("a task of ours", error),
    }
}
