//! The choice between the feed in memory and a new answer of MISP, for one caller.
//!
//! | age of the set in memory | a caller without `max_age` | a caller with `max_age` |
//! | --- | --- | --- |
//! | below the soft expiry | gets it | gets it if it is no older than `max_age`, else waits |
//! | up to twice the soft expiry | gets it while MISP is asked | the same |
//! | up to `max_stale` | waits [`PATIENCE`], then gets it as last good | the same, and waits up to the site's time-out |
//! | above, or none at all | waits up to the site's time-out, then gets the error | the same |

use std::sync::Arc;
use std::time::Duration;

use cache::{FlightError, Freshness, Moment, Verdict};
use service_kit::{TraceContext, in_trace};
use tracing::Instrument as _;

use super::FeedEngine;
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;
use crate::held_back::Doubt;
use crate::{Errand, FeedError, FeedSet, Origin, Upstream, Urgency};

/// After a failed refresh MISP is not asked again for the same feed for this long, unless a caller sets `max_age`.
pub(crate) const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How long a caller without `max_age` waits when an older answer exists: most devices give up after 30 seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a caller waits for a refresh after a failed one, when an older answer exists: a device that polls
/// must not hang for the whole time-out at every poll while MISP hangs.
pub(crate) const PATIENCE_WHILE_FAILING: Duration = Duration::from_secs(2);

/// A failure shortens the wait of later callers for this long, or for the soft expiry if that is longer.
const RECENTLY: Duration = Duration::from_secs(300);

/// One request to refresh a feed.
#[derive(Clone)]
pub(crate) struct RefreshRequest {
    /// The greatest age of a set from another replica.
    pub(super) limit: Duration,
    pub(super) errand: Errand,
}

/// The set for one caller.
pub(super) struct Answer {
    pub(super) held: HeldSet,
    pub(super) origin: Origin,
    /// The caller waited for MISP, and it did not answer.
    pub(super) in_vain: bool,
}

impl Answer {
    pub(super) fn of(held: HeldSet) -> Self {
        Self {
            origin: held.origin(),
            held,
            in_vain: false,
        }
    }

    /// Returns the answer with a fresh set out of memory.
    fn hit(held: HeldSet) -> Self {
        Self {
            held,
            origin: Origin::Hit,
            in_vain: false,
        }
    }

    fn stale(held: HeldSet) -> Self {
        Self {
            held,
            origin: Origin::Stale,
            in_vain: false,
        }
    }
}

/// Returns whether a failure at that moment still makes callers less patient.
pub(crate) fn is_recent(failed_at: Moment, now: Moment, soft_expiry: Duration) -> bool {
    now.since(failed_at) < RECENTLY.max(soft_expiry)
}

impl FeedEngine {
    pub(super) async fn held(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        max_age: Option<Duration>,
        urgency: Urgency,
    ) -> Result<Answer, FeedError> {
        let site = &upstream.site;
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        // Only for a caller that waits, since it makes a refresh that is under way more urgent.
        let asking = || RefreshRequest {
            limit: max_age.map_or(site.soft_expiry, |max_age| max_age.min(site.soft_expiry)),
            errand: self
                .inner
                .errands
                .of(key, urgency)
                .asked_by(upstream.caller())
                .confirmed_from(self.confirmed_from(key, max_age)),
        };
        let held = match self.inner.sets.get(key) {
            Some(held) if self.age(&held) < freshness.hard => held,
            seen => {
                let asking = asking();
                // Boxed, as is every wait here: an answer out of memory must not move the future of one around.
                let fresh = Box::pin(self.refreshed(upstream, key, seen.as_ref(), &asking, site.timeout));
                return Ok(Answer::of(fresh.await?));
            }
        };
        let verdict = match freshness.for_caller(max_age).verdict(self.age(&held)) {
            _ if held.forgotten.is_some() => Verdict::Wait,
            verdict => verdict,
        };
        if self.is_at_rest(&held, verdict, max_age) {
            return Ok(Answer::stale(held));
        }
        match verdict {
            Verdict::Serve if held.doubt.is_none() => Ok(Answer::hit(held)),
            Verdict::Serve | Verdict::ServeAndRefresh => {
                self.refresh_in_background(upstream, key, &held, site.soft_expiry);
                Ok(Answer::stale(held))
            }
            Verdict::Wait => {
                let patience = self.patience(upstream, &held, max_age);
                let asking = asking();
                let waiting = Box::pin(self.refreshed_or_last_good(upstream, key, held, &asking, patience));
                Ok(waiting.await)
            }
        }
    }

    /// Returns whether [`held`](Self::held) would return a sure set of this age as a hit.
    pub(super) fn is_fresh(upstream: &Upstream, age: Duration, max_age: Option<Duration>) -> bool {
        let site = &upstream.site;
        let freshness = Freshness {
            soft: site.soft_expiry,
            hard: site.max_stale,
        };
        age < freshness.hard && freshness.for_caller(max_age).verdict(age) == Verdict::Serve
    }

    /// Returns whether MISP answered too lately to be asked for this caller: with a failure, or with a set that is held
    /// back.
    fn is_at_rest(&self, held: &HeldSet, verdict: Verdict, max_age: Option<Duration>) -> bool {
        let now = self.now();
        let wants_news = max_age.is_some() || held.forgotten.is_some();
        let rests = |doubt: &Doubt| !doubt.may_be_asked(now) || !(wants_news || doubt.may_count(now));
        if held.doubt.as_ref().is_some_and(rests) {
            return true;
        }
        let failed_just_now = held.failed_at.is_some_and(|at| now.since(at) < PAUSE_AFTER_FAILURE);
        verdict == Verdict::Wait && max_age.is_none() && held.forgotten.is_none() && failed_just_now
    }

    /// Returns since when a source with a copy must be confirmed for a caller with this `max_age`: not before the feed
    /// was forgotten.
    fn confirmed_from(&self, key: &FeedKey, max_age: Option<Duration>) -> Option<jiff::Timestamp> {
        let forgotten_at = self.inner.forgotten_at.get(key).map(|at| at.0);
        let asked_for = max_age.and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
        forgotten_at.max(asked_for)
    }

    /// Returns how long a caller with an older answer waits.
    pub(super) fn patience(&self, upstream: &Upstream, held: &HeldSet, max_age: Option<Duration>) -> Duration {
        let (site, now) = (&upstream.site, self.now());
        let mut in_vain = [held.failed_at, held.late_at].into_iter().flatten();
        let patience = if in_vain.any(|at| is_recent(at, now, site.soft_expiry)) {
            PATIENCE_WHILE_FAILING
        } else if max_age.is_some() {
            site.timeout
        } else {
            PATIENCE
        };
        patience.min(site.timeout)
    }

    async fn refreshed_or_last_good(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        last_good: HeldSet,
        asking: &RefreshRequest,
        patience: Duration,
    ) -> Answer {
        let site = &upstream.site;
        match self.refreshed(upstream, key, Some(&last_good), asking, patience).await {
            Ok(fresh) => Answer::of(fresh),
            Err(error) => {
                tracing::warn!(site = site.name.as_str(), feed = %key.scope, error = error.chain(), "MISP cannot be asked; serving the last good feed");
                if matches!(error, FeedError::TimedOut { .. }) {
                    // The refresh goes on. Callers who come meanwhile need not wait as long.
                    let late_at = Some(self.now());
                    self.inner
                        .change_set(key.clone(), |held| held.map(|held| HeldSet { late_at, ..held }));
                }
                Answer {
                    in_vain: true,
                    ..Answer::stale(self.inner.sets.get(key).unwrap_or(last_good))
                }
            }
        }
    }

    pub(super) fn age(&self, held: &HeldSet) -> Duration {
        self.inner.clock.now().since(held.fetched_at)
    }

    /// Waits for MISP's answer, which may already be on its way; the engine keeps it even if this caller leaves.
    pub(super) async fn refreshed(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&HeldSet>,
        asking: &RefreshRequest,
        patience: Duration,
    ) -> Result<HeldSet, FeedError> {
        // The patience of the caller covers all tries together.
        let tries = async {
            let joined = self.inner.refreshes.in_flight(key);
            match self.flight(upstream, key, seen, asking).await {
                // It had begun before this caller came, perhaps before MISP was back.
                Err(_) if joined => self.flight(upstream, key, seen, asking).await,
                // And perhaps before the feed was forgotten.
                Ok(_) if joined && self.is_forgotten(key) => self.flight(upstream, key, seen, asking).await,
                // Or it brought what another replica or the source had before, and that is too old for this caller.
                Ok(_) if joined && self.is_second_hand_and_older(key, asking.limit) => {
                    let seen = self.inner.sets.get(key);
                    self.flight(upstream, key, seen.as_ref(), asking).await
                }
                outcome => outcome,
            }
        };
        match tokio::time::timeout(patience, tries).await {
            // A set larger than the store is not in it, and is served from here.
            Ok(Ok(set)) => Ok(self
                .inner
                .sets
                .get(key)
                .unwrap_or_else(|| HeldSet::new(set, self.inner.clock.now()))),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(FeedError::TimedOut {
                seconds: patience.as_secs(),
            }),
        }
    }

    fn is_forgotten(&self, key: &FeedKey) -> bool {
        self.inner.sets.get(key).is_some_and(|held| held.forgotten.is_some())
    }

    fn is_second_hand_and_older(&self, key: &FeedKey, limit: Duration) -> bool {
        let held = self.inner.sets.get(key);
        held.is_some_and(|held| held.is_second_hand && self.age(&held) > limit)
    }

    pub(super) async fn flight(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&HeldSet>,
        asking: &RefreshRequest,
    ) -> Result<Arc<FeedSet>, FlightError<FeedError>> {
        let work = self.refresh(upstream, key, seen, asking.clone()).in_current_span();
        let work = in_trace(TraceContext::current(), work);
        self.inner.refreshes.fly(key.clone(), move || work).await
    }

    pub(super) fn refresh_in_background(&self, upstream: &Upstream, key: &FeedKey, held: &HeldSet, limit: Duration) {
        if held
            .failed_at
            .is_some_and(|at| self.inner.clock.now().since(at) < PAUSE_AFTER_FAILURE)
        {
            return;
        }
        let errand = self.inner.errands.of(key, self.inner.urgency_without_callers(key));
        let work = self.refresh(upstream, key, Some(held), RefreshRequest { limit, errand });
        self.inner.refreshes.start(key.clone(), move || work);
    }

    fn refresh(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        seen: Option<&HeldSet>,
        asking: RefreshRequest,
    ) -> impl Future<Output = Result<Arc<FeedSet>, FeedError>> + Send + use<> {
        let (inner, seen) = (Arc::clone(&self.inner), seen.map(|held| held.fetch));
        inner.refresh_since(upstream.clone(), key.clone(), seen, asking)
    }
}
