//! One refresh of a feed: gathered here or by another replica, kept, and passed on to listeners.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use cache::{Lease, SharedCache};

use super::Inner;
use super::confirmed::Confirmation;
use super::current::RefreshRequest;
use super::shrinkage::Judged;
use crate::blocking_work;
use crate::event_rows::LastGood;
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;
use crate::shared_sets::{self, Label, Proof, Sharing, Wish};
use crate::value_type::of_type;
use crate::{Errand, FeedContents, FeedError, FeedSet, Upstream, Urgency};

impl Inner {
    /// Gathers a feed unless that has happened since `seen`: a flight may land between the look into the store and the
    /// next flight.
    pub(super) async fn refresh_since(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        seen: Option<u64>,
        asking: RefreshRequest,
    ) -> Result<Arc<FeedSet>, FeedError> {
        match self.sets.get(&key) {
            Some(held) if Some(held.fetch) != seen && held.forgotten.is_none() => Ok(held.set),
            // A second question too early could get the same wrong answer from the same fault.
            Some(held)
                if held
                    .doubt
                    .as_ref()
                    .is_some_and(|doubt| !doubt.may_be_asked(self.clock.now())) =>
            {
                Ok(held.set)
            }
            _ => self.refresh(upstream, key, asking).await,
        }
    }

    /// Gathers a feed, or takes the set of another replica, and keeps it. On a failure it records the failure and
    /// leaves the old set.
    async fn refresh(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        asking: RefreshRequest,
    ) -> Result<Arc<FeedSet>, FeedError> {
        let forgotten_before = self.sets.get(&key).and_then(|held| held.forgotten);
        let (asked_at, began_at) = (self.clock.now(), jiff::Timestamp::now());
        let times_wanted = self.timed.wants(&key);
        let errand = asking.errand.clone().replacing(self.last_good(&key));
        let errand = errand.with_times(times_wanted);
        let (started, sharing) = (
            Instant::now(),
            self.sharing(&upstream, &key, asking.limit, times_wanted).await,
        );
        let (outcome, shared, lease) = match sharing {
            Sharing::Found(label, gathered) => {
                self.source.answered_elsewhere(&upstream);
                (Ok(gathered), Some(label), None)
            }
            Sharing::Ours(lease) => {
                let outcome = lease.hold_while(self.gather(&upstream, &key, &errand, started)).await;
                (outcome, None, Some(lease))
            }
            Sharing::Alone => (self.gather(&upstream, &key, &errand, started).await, None, None),
        };
        match outcome {
            Ok(gathered) => {
                let mut attempt = Attempt {
                    began_at,
                    forgotten_before,
                    shared,
                    confirmed: Confirmation::of(gathered.as_of, &upstream.site, asking.errand.confirmed_since()),
                    lease,
                    is_judged: false,
                    times_wanted,
                };
                if let Some(error) = self.outlived(&upstream, &key, &attempt.confirmed) {
                    self.note_failure(&upstream, key, &error, attempt.lease).await;
                    return Err(error);
                }
                match self.judged(&upstream, &key, gathered, asked_at, &mut attempt).await? {
                    Judged::HoldBack(hold) => Ok(self.hold_back(upstream, key, *hold, attempt).await),
                    Judged::Keep(gathered) => self.keep(&upstream, key, gathered, attempt).await,
                }
            }
            Err(error) => {
                self.note_failure(&upstream, key, &error, lease).await;
                Err(error)
            }
        }
    }

    /// Puts the new values in the place of the old ones, wakes listeners, and shares the set with other replicas.
    async fn keep(
        &self,
        upstream: &Upstream,
        key: FeedKey,
        gathered: FeedContents,
        attempt: Attempt,
    ) -> Result<Arc<FeedSet>, FeedError> {
        let events = gathered.events.clone();
        let known = self.sets.get(&key).map(|held| held.set);
        let (shared, before) = (attempt.shared, attempt.label_before());
        let set = blocking_work::run("comparing the feed", move || match shared {
            Some(label) => FeedSet::shared(known.as_ref(), gathered, (label.changed_at, label.ordered_at)),
            None => renewed(known.as_ref(), gathered, before),
        })
        .await?;
        let fresh = self.fresh(&set, &attempt);
        self.change_set(key.clone(), |held| {
            // If the feed was forgotten meanwhile, or was not confirmed since, MISP has to be asked once more.
            let forgotten = held.and_then(|held| held.forgotten);
            let stays = attempt.confirmed.is_late || forgotten != attempt.forgotten_before;
            Some(HeldSet {
                forgotten: forgotten.filter(|_| stays),
                events,
                ..fresh
            })
        });
        if let Some(log) = self.logs.known(&key) {
            let newest = Arc::clone(&set);
            blocking_work::run("comparing the feed", move || log.note(&newest)).await?;
            self.logs.settle();
        }
        if self.sets.get(&key).is_none() {
            let (site, bytes) = (upstream.site.name.as_str(), set.weight_bytes());
            tracing::warn!(site, feed = %key.scope, bytes, "a feed is larger than half of memory_bytes and cannot be kept: MISP is asked at every request, and there is no last good feed; raise memory_bytes");
        }
        self.share(upstream, key, attempt, &set).await;
        Ok(set)
    }

    /// Records a failure; the old set stays.
    async fn note_failure(&self, upstream: &Upstream, key: FeedKey, error: &FeedError, lease: Option<Lease>) {
        tracing::warn!(site = upstream.site.name.as_str(), feed = %key.scope, error = error.chain(), "a feed could not be refreshed");
        let failed_at = Some(self.clock.now());
        self.change_set(key, |held| held.map(|held| HeldSet { failed_at, ..held }));
        // Another replica may have a better way to MISP.
        if let Some(lease) = lease {
            lease.release().await;
        }
    }

    pub(super) fn shared_cache(&self) -> Option<SharedCache> {
        self.shared.load().as_deref().cloned()
    }

    /// Returns the urgency of a refresh without a waiting caller.
    pub(super) fn urgency_without_callers(&self, key: &FeedKey) -> Urgency {
        if self.logs.is_followed(key) {
            Urgency::Followed
        } else {
            Urgency::Unhurried
        }
    }

    async fn gather(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        errand: &Errand,
        started: Instant,
    ) -> Result<FeedContents, FeedError> {
        let outcome = self
            .source
            .gather(upstream, key.scope, errand)
            .await
            .and_then(|gathered| of_type(gathered, key.scope.kind));
        let outcome = match outcome {
            Ok(gathered) => self.guarded(upstream, key, gathered).await,
            failed => failed,
        };
        let late = outcome.as_ref().ok().and_then(|gathered| {
            let confirmed = Confirmation::of(gathered.as_of, &upstream.site, errand.confirmed_since());
            confirmed.is_late.then(|| confirmed.error())
        });
        if let Some(error) = &late {
            tracing::warn!(site = upstream.site.name.as_str(), feed = %key.scope, error = error.chain(), "a feed could not be refreshed");
        }
        let error = outcome.as_ref().err().or(late.as_ref());
        self.counted.count(upstream, error, started.elapsed(), self.clock.now());
        outcome
    }

    /// Looks whether another replica has gathered this feed, or does so now.
    async fn sharing(&self, upstream: &Upstream, key: &FeedKey, max_age: Duration, wants_times: bool) -> Sharing {
        let Some(cache) = self.shared_cache() else {
            return Sharing::Alone;
        };
        let held = self.sets.get(key);
        let doubted_at = held
            .as_ref()
            .and_then(|held| held.doubt.as_ref())
            .map(|doubt| doubt.told_at);
        let wanted = Wish {
            max_age,
            asked_at: jiff::Timestamp::now(),
            newer_than: held.map(|held| held.made_at),
            // Only an answer that MISP gave after the doubtful one can confirm that.
            forgotten_at: self.forgotten_at.get(key).map(|at| at.0).max(doubted_at),
            wants_times,
        };
        shared_sets::find(&cache, upstream, key, wanted).await
    }

    fn last_good(&self, key: &FeedKey) -> Option<LastGood> {
        let held = self.sets.get(key)?;
        Some(LastGood {
            values: held.set.values().len(),
            made_at: held.made_at,
            is_of_copy: held.is_second_hand,
            events: held.events,
        })
    }

    /// Returns why the values of this attempt are of no use: they are older than those in memory, or too old to serve.
    fn outlived(&self, upstream: &Upstream, key: &FeedKey, confirmed: &Confirmation) -> Option<FeedError> {
        if !confirmed.is_late {
            return None;
        }
        let held = self.sets.get(key).map(|held| self.clock.now().since(held.fetched_at));
        let is_outlived = confirmed.age >= upstream.site.max_stale || held.is_some_and(|age| age < confirmed.age);
        is_outlived.then(|| confirmed.error())
    }

    fn fresh(&self, set: &Arc<FeedSet>, attempt: &Attempt) -> HeldSet {
        let (now, confirmed) = (self.clock.now(), &attempt.confirmed);
        let fresh = match (attempt.shared, confirmed.at) {
            (None, None) => HeldSet::new(Arc::clone(set), now),
            (None, Some(at)) => HeldSet {
                made_at: at,
                failed_at: confirmed.is_late.then_some(now),
                is_second_hand: true,
                ..HeldSet::new(Arc::clone(set), now.before(confirmed.age))
            },
            (Some(label), _) => HeldSet {
                made_at: label.made_at,
                is_shared: true,
                is_second_hand: true,
                ..HeldSet::new(
                    Arc::clone(set),
                    now.before(shared_sets::age(label.made_at, jiff::Timestamp::now())),
                )
            },
        };
        HeldSet {
            times_wanted: attempt.times_wanted,
            ..fresh
        }
    }

    /// Shares the set with the other replicas; no caller waits for that. A late one is not shared: another replica may
    /// have a better way to MISP.
    pub(super) async fn share(&self, upstream: &Upstream, key: FeedKey, attempt: Attempt, set: &Arc<FeedSet>) {
        let (Some(cache), Some(lease)) = (self.shared_cache(), attempt.lease) else {
            return;
        };
        if attempt.confirmed.is_late {
            return lease.release().await;
        }
        let made_at = attempt.confirmed.at;
        let proof = Proof {
            began_at: made_at.map_or(attempt.began_at, |at| attempt.began_at.min(at)),
            made_at,
            is_judged: attempt.is_judged,
            is_timed: attempt.times_wanted || set.times().is_some(),
        };
        // For twice as long as it is fresh, so that the next replica that gathers the feed finds the time of the last
        // change.
        let (set, life) = (Arc::clone(set), upstream.site.soft_expiry * 2);
        tokio::spawn(async move { shared_sets::put(cache, lease, key, proof, set, life).await });
    }

    /// Replaces a set by the result of `change`, under a lock.
    pub(super) fn change_set(&self, key: FeedKey, change: impl FnOnce(Option<HeldSet>) -> Option<HeldSet>) {
        let _changing = self.changing_sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = change(self.sets.get(&key)) {
            if held.doubt.is_none() {
                self.no_longer_held(&key);
            }
            self.sets.insert(key, held);
            // After it: a caller that sees the number sees the set.
            self.set_changes.fetch_add(1, Ordering::Release);
        }
    }
}

/// The circumstances of one attempt to gather a feed.
pub(super) struct Attempt {
    began_at: jiff::Timestamp,
    /// The mark of `clear_cache` that stood before it began.
    pub(super) forgotten_before: Option<u64>,
    /// The label of the set, if another replica gathered it.
    pub(super) shared: Option<Label>,
    pub(super) confirmed: Confirmation,
    /// There was an older set to hold this one against, or the source is sure.
    pub(super) is_judged: bool,
    /// The source was asked for the times of the values.
    pub(super) times_wanted: bool,
    /// The lease, if this replica gathered the feed for all.
    pub(super) lease: Option<Lease>,
}

impl Attempt {
    /// Returns the label of the set that the replicas shared before.
    pub(super) fn label_before(&self) -> Option<Label> {
        self.lease.as_ref().and_then(|lease| Label::read(lease.label_before()?))
    }
}

/// Returns the set with the time of its last change, which the label of another replica may give.
fn renewed(known: Option<&Arc<FeedSet>>, gathered: FeedContents, before: Option<Label>) -> Arc<FeedSet> {
    let set = FeedSet::renew(known, gathered, jiff::Timestamp::now());
    match before {
        Some(label) if known.is_none() && label.values == shared_sets::values_id(&set) => {
            set.changed_earlier(label.changed_at)
        }
        _ => set,
    }
}
