//! The values of one feed in memory, before any format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::{Moment, Weigh};
use feed_classification::IndicatorSet;
use sha2::{Digest as _, Sha256};

use crate::digest::short_hex;
use crate::event_rows::EventRows;
use crate::held_back::Doubt;
use crate::{FeedContents, Origin, blocking_work};

/// The sorted, unique values of one feed, and the time of their last change.
#[derive(Debug)]
pub struct FeedSet {
    values: IndicatorSet,
    dropped: BTreeMap<&'static str, u64>,
    changed_at: jiff::Timestamp,
    id: String,
}

/// Numbers for fetches and for calls of `forget`.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl FeedSet {
    /// Returns the set of `gathered`, or `known` if nothing has changed. Comparing and hashing a million values takes
    /// some 20 ms: not for threads that serve sockets.
    ///
    /// A changed one is at least a second younger than `known`, though the clock stands or was set back:
    /// `If-Modified-Since` counts in seconds, and a device that holds `known` must not get a 304.
    pub(crate) fn renew(known: Option<&Arc<Self>>, gathered: FeedContents, now: jiff::Timestamp) -> Arc<Self> {
        match known {
            Some(known) if known.values == gathered.values && known.dropped == gathered.dropped => Arc::clone(known),
            Some(known) if known.values == gathered.values => Arc::new(Self::of(gathered, known.changed_at)),
            Some(known) => Arc::new(Self::of(gathered, now.max(a_second_after(known.changed_at)))),
            None => Arc::new(Self::of(gathered, now)),
        }
    }

    /// Returns the set that replicas share, with the time at which it changed for them; `known` again when nothing in
    /// it differs.
    ///
    /// It may have changed there before `known` did here, and still differ from it: then the later time counts, by the
    /// same rule as for [`renew`](Self::renew).
    pub(crate) fn shared(known: Option<&Arc<Self>>, gathered: FeedContents, changed_at: jiff::Timestamp) -> Arc<Self> {
        match known {
            Some(known) if known.values != gathered.values => {
                Arc::new(Self::of(gathered, changed_at.max(a_second_after(known.changed_at))))
            }
            Some(known) if known.dropped == gathered.dropped && known.changed_at == changed_at => Arc::clone(known),
            _ => Arc::new(Self::of(gathered, changed_at)),
        }
    }

    fn of(gathered: FeedContents, changed_at: jiff::Timestamp) -> Self {
        Self {
            id: id_of(&gathered.values),
            values: gathered.values,
            dropped: gathered.dropped,
            changed_at,
        }
    }

    /// Returns the same set with `changed_at` as the time of its last change.
    pub(crate) fn changed_earlier(self: Arc<Self>, changed_at: jiff::Timestamp) -> Arc<Self> {
        Arc::new(Self {
            values: self.values.clone(),
            dropped: self.dropped.clone(),
            changed_at,
            id: self.id.clone(),
        })
    }

    /// Returns the values.
    #[must_use]
    pub fn values(&self) -> &IndicatorSet {
        &self.values
    }

    /// Returns the name of this state of the feed: 128 bits of the SHA-256 of its values, the same on every replica and
    /// after every restart.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns how many attributes gave no value and how many values the guard kept out, by the name of the reason.
    #[must_use]
    pub fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// Returns the time of the last change of the values.
    #[must_use]
    pub fn changed_at(&self) -> jiff::Timestamp {
        self.changed_at
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.values.weight_bytes() + size_of::<Self>()
    }
}

impl Drop for FeedSet {
    fn drop(&mut self) {
        let (kind, weight) = (self.values.kind(), self.values.weight_bytes());
        let values = std::mem::replace(&mut self.values, IndicatorSet::empty(kind));
        blocking_work::free(values, weight);
    }
}

fn id_of(values: &IndicatorSet) -> String {
    let mut digest = Sha256::new();
    for value in values {
        // No value holds this byte, which is in no UTF-8 text.
        digest.update(value.as_bytes());
        digest.update([0xff]);
    }
    short_hex(&digest.finalize())
}

fn a_second_after(time: jiff::Timestamp) -> jiff::Timestamp {
    time.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(time)
}

/// A set in the store, and the outcome of refreshes since.
#[derive(Clone, Debug)]
pub(crate) struct HeldSet {
    pub(crate) set: Arc<FeedSet>,
    /// When the last refresh failed.
    pub(crate) failed_at: Option<Moment>,
    /// When a caller last waited in vain for a refresh.
    pub(crate) late_at: Option<Moment>,
    /// The smaller set that is held back.
    pub(crate) doubt: Option<Doubt>,
    /// The events that its values come from, where the source knows them.
    pub(crate) events: Option<Arc<EventRows>>,
    /// The number of the call that made it forgotten: the next caller has it fetched anew, and it stays only in case
    /// MISP fails.
    pub(crate) forgotten: Option<u64>,
    pub(crate) fetched_at: Moment,
    /// The number of this fetch.
    pub(crate) fetch: u64,
    /// When it was gathered, by the wall clock of the replica that did it.
    pub(crate) made_at: jiff::Timestamp,
    /// Another replica gathered it.
    pub(crate) is_shared: bool,
    /// It was confirmed before it was gathered here: by another replica, or by a source with a copy.
    pub(crate) is_second_hand: bool,
}

impl HeldSet {
    pub(crate) fn new(set: Arc<FeedSet>, now: Moment) -> Self {
        Self {
            set,
            failed_at: None,
            late_at: None,
            doubt: None,
            events: None,
            forgotten: None,
            fetched_at: now,
            fetch: COUNTER.fetch_add(1, Ordering::Relaxed),
            made_at: jiff::Timestamp::now(),
            is_shared: false,
            is_second_hand: false,
        }
    }

    /// Returns the origin of an answer whose caller waited for this set.
    pub(crate) fn origin(&self) -> Origin {
        match &self.doubt {
            Some(_) => Origin::Stale,
            None if self.failed_at.is_some() => Origin::Stale,
            None if self.is_shared => Origin::Hit,
            None => Origin::Miss,
        }
    }

    /// Returns the same set, to be fetched anew for the next caller.
    pub(crate) fn forget(self) -> Self {
        Self {
            forgotten: Some(COUNTER.fetch_add(1, Ordering::Relaxed)),
            ..self
        }
    }
}

impl Weigh for HeldSet {
    fn weight_bytes(&self) -> usize {
        let events = self.events.as_ref().map_or(0, |events| events.weight_bytes());
        self.set.weight_bytes() + events
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::IndicatorType;

    use super::*;

    fn gathered(value: &str) -> FeedContents {
        FeedContents::new(IndicatorSet::of(IndicatorType::Domain, [value]), BTreeMap::new())
    }

    fn at(time: &str) -> jiff::Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_set_of_another_replica_has_its_time_unless_an_older_set_would_seem_up_to_date() {
        let shared = FeedSet::shared(None, gathered("a.example"), at("2026-11-22T08:00:00Z"));
        assert_eq!(shared.changed_at(), at("2026-11-22T08:00:00Z"));
        let other = FeedSet::shared(Some(&shared), gathered("b.example"), at("2026-11-22T07:00:00Z"));
        assert_eq!(other.changed_at(), at("2026-11-22T08:00:01Z"));
        let same = FeedSet::shared(Some(&shared), gathered("a.example"), at("2026-11-22T07:00:00Z"));
        assert_eq!(same.changed_at(), at("2026-11-22T07:00:00Z"));
    }

    /// `If-Modified-Since` counts whole seconds: a set that changed must be younger by one.
    #[test]
    fn a_changed_set_is_a_second_younger_by_any_wall_clock() {
        let first = FeedSet::renew(None, gathered("a.example"), at("2026-11-22T08:00:00.1Z"));
        for now in ["2026-11-22T08:00:00.9Z", "2026-11-22T07:00:00Z"] {
            let second = FeedSet::renew(Some(&first), gathered("b.example"), at(now));
            assert!(
                second.changed_at().as_second() > first.changed_at().as_second(),
                "{now}"
            );
        }
    }

    #[test]
    fn an_unchanged_set_keeps_its_time() {
        let first = FeedSet::renew(None, gathered("a.example"), at("2026-11-22T08:00:00Z"));
        let again = FeedSet::renew(Some(&first), gathered("a.example"), at("2026-11-22T09:00:00Z"));
        assert_eq!(again.changed_at(), first.changed_at());
    }
}
