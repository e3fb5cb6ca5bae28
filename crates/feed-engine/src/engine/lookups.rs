//! Indexes for look-ups: a fresh one at once, an older one while MISP is asked, and one question for all callers that
//! wait.

use std::time::Duration;

use cache::{Freshness, Moment, Verdict, Weigh as _};
use catalogue::LOOKED_UP_FEEDS;
use service_kit::{TraceContext, in_trace};
use site_config::SiteName;
use tracing::Instrument as _;

use super::FeedEngine;
use super::confirmed::Confirmation;
use super::current::{PATIENCE, PATIENCE_WHILE_FAILING, is_recent};
use super::held_indexes::{HeldIndex, LookupKey, LookupKeyParts, PresentIndex};
use super::polls::Polls;
use super::prefetch::{Polled, note_poll};
use crate::{ChangeHint, FeedError, LookupIndex, LookupScope, Upstream, Urgency};

impl FeedEngine {
    /// Returns the index over one feed, and how much longer it counts as fresh.
    ///
    /// With a mirror, the index is its present state, and fresh as long after the last confirmation of MISP as a feed.
    /// Otherwise, as with feeds, a fresh index comes from memory, and so does one up to twice the soft expiry, while
    /// MISP is asked. After that the caller waits for MISP, at most 20 seconds and never longer than the site's
    /// time-out, and gets the old index only if MISP does not answer, until `max_stale`. Without an old index the
    /// caller waits up to the site's time-out.
    ///
    /// While a smaller set of a feed is [held back](crate::HeldBack), the index also finds the values of the feed that
    /// the smaller set has not, without their events.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn lookup_index(
        &self,
        upstream: &Upstream,
        scope: LookupScope,
    ) -> Result<(LookupIndex, Duration), FeedError> {
        let (index, fresh_for) = self.gathered_index(upstream, scope).await?;
        Ok((self.with_held_values(upstream, scope, index), fresh_for))
    }

    async fn gathered_index(
        &self,
        upstream: &Upstream,
        scope: LookupScope,
    ) -> Result<(LookupIndex, Duration), FeedError> {
        let key = LookupKey::new(LookupKeyParts {
            upstream: upstream.id(),
            scope,
            rules: self.lookups().rules.of(upstream),
        });
        let (now, site) = (self.now(), &upstream.site);
        self.lookups().asked.note(&key, upstream, now);
        note_poll(self, upstream, &key, now);
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        let held = self.lookups().indexes.get(&key);
        let held = held.and_then(|held| Some((held.present(upstream, now)?, held)));
        // The rules have moments in them, for example the one from which on attributes are young enough.
        let age = |present: &PresentIndex, held: &HeldIndex| present.age.max(now.since(held.made_at));
        let Some((present, held)) = held.filter(|(present, held)| age(present, held) < site.max_stale) else {
            let made = self.made_index(upstream, &key, site.timeout).await?;
            let fresh_for = made.fresh_for(upstream);
            return Ok((made.index, fresh_for));
        };
        let served = match freshness.for_caller(None).verdict(age(&present, &held)) {
            Verdict::Serve => present,
            Verdict::Wait if !held.failed_just_now(now) => {
                return Ok(self.made_or_last_good(upstream, &key, held, present).await);
            }
            Verdict::ServeAndRefresh | Verdict::Wait => {
                self.refresh_index(upstream, &key, &held);
                present
            }
        };
        let fresh_for = served.fresh_for(upstream);
        Ok((served.index, fresh_for))
    }

    async fn made_or_last_good(
        &self,
        upstream: &Upstream,
        key: &LookupKey,
        held: HeldIndex,
        last_good: PresentIndex,
    ) -> (LookupIndex, Duration) {
        let (now, site) = (self.now(), &upstream.site);
        let recent = |at| is_recent(at, now, site.soft_expiry);
        let patience = match held.in_vain_at.is_some_and(recent) {
            true => PATIENCE_WHILE_FAILING,
            false => PATIENCE,
        };
        match self.made_index(upstream, key, patience.min(site.timeout)).await {
            Ok(made) => {
                let fresh_for = made.fresh_for(upstream);
                (made.index, fresh_for)
            }
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

    /// Waits for a new index, which may be on its way already; it is kept even if this caller leaves.
    async fn made_index(
        &self,
        upstream: &Upstream,
        key: &LookupKey,
        patience: Duration,
    ) -> Result<PresentIndex, FeedError> {
        let work = self.make_index(upstream.clone(), key.clone(), Urgency::Awaited);
        let work = in_trace(TraceContext::current(), work.in_current_span());
        let flight = self.lookups().flights.fly(key.clone(), move || work);
        match tokio::time::timeout(patience, flight).await {
            Ok(outcome) => outcome.map_err(FeedError::from),
            Err(_) => Err(FeedError::TimedOut {
                seconds: patience.as_secs(),
            }),
        }
    }

    fn refresh_index(&self, upstream: &Upstream, key: &LookupKey, held: &HeldIndex) {
        if !held.failed_just_now(self.now()) {
            let work = self.make_index(upstream.clone(), key.clone(), Urgency::Unhurried);
            self.lookups().flights.start(key.clone(), move || work);
        }
    }

    /// Returns the lately used indexes of a site that were gathered and that this change may concern.
    pub(crate) fn touched_indexes(&self, site: &SiteName, touched: &ChangeHint) -> Vec<(LookupKey, Upstream)> {
        // One that follows a catalogue has the change already.
        let is_gathered = |key: &LookupKey| {
            self.lookups()
                .indexes
                .get(key)
                .is_none_or(|held| !held.index.is_following())
        };
        self.lookups().asked.touched(site, self.now(), |key, upstream| {
            LOOKED_UP_FEEDS.iter().any(|kind| touched.concerns(kind, upstream)) && is_gathered(key)
        })
    }

    /// Gathers an index anew; an answer that was on its way before does not count.
    pub(crate) async fn refresh_index_now(&self, upstream: Upstream, key: LookupKey) {
        let flights = &self.lookups().flights;
        let joined = flights.in_flight(&key);
        for _ in 0..=usize::from(joined) {
            let work = self.make_index(upstream.clone(), key.clone(), Urgency::Round);
            // A failure is recorded with the index.
            let _ = flights.fly(key.clone(), move || work).await;
        }
    }

    /// Returns the index as it is kept, which may be as of an earlier moment, with its age.
    ///
    /// # Errors
    /// If it is older than the one in memory, or too old to answer from.
    fn held_index(
        &self,
        upstream: &Upstream,
        key: &LookupKey,
        index: LookupIndex,
    ) -> Result<(HeldIndex, PresentIndex), FeedError> {
        let (now, site) = (self.now(), &upstream.site);
        let confirmed = Confirmation::of(index.as_of(), site, None);
        if confirmed.is_late {
            let held = self.lookups().indexes.get(key);
            let held = held.and_then(|held| held.present(upstream, now));
            let is_older = held.is_some_and(|held| held.age < confirmed.age);
            if is_older || confirmed.age >= site.max_stale {
                return Err(confirmed.error());
            }
            tracing::warn!(
                site = site.name.as_str(),
                error = confirmed.error().chain(),
                "an index for look-ups could not be refreshed"
            );
        }
        let held = HeldIndex {
            index: index.clone().into(),
            made_at: now.before(confirmed.age),
            in_vain_at: confirmed.is_late.then_some(now),
        };
        let age = confirmed.age;
        Ok((held, PresentIndex { index, age }))
    }

    fn make_index(
        &self,
        upstream: Upstream,
        key: LookupKey,
        urgency: Urgency,
    ) -> impl Future<Output = Result<PresentIndex, FeedError>> + Send + use<> {
        let (engine, mut errand) = (self.clone(), self.lookups().errands.of(&key, urgency));
        if urgency == Urgency::Awaited {
            errand = errand.asked_by(upstream.caller());
        }
        async move {
            let site = upstream.site.name.as_str();
            let made = engine.source().index(&upstream, key.scope, &errand).await;
            match made.and_then(|index| engine.held_index(&upstream, &key, index)) {
                Ok((held, present)) => {
                    let bytes = held.weight_bytes();
                    engine.lookups().put(key.clone(), held);
                    if engine.lookups().indexes.get(&key).is_none() {
                        tracing::warn!(
                            site,
                            bytes,
                            "an index for look-ups is larger than lookup_memory_bytes and cannot be kept: MISP is asked at every look-up; raise it"
                        );
                    }
                    Ok(present)
                }
                Err(error) => {
                    tracing::warn!(
                        site,
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
        engine.lookups().indexes.get(self).map(|held| held.made_at)
    }

    fn refresh(&self, engine: &FeedEngine, upstream: &Upstream) {
        if let Some(held) = engine.lookups().indexes.get(self) {
            engine.refresh_index(upstream, self, &held);
        }
    }
}
