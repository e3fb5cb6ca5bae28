//! The values of one feed in memory, before any format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::{Moment, Weigh};
use feed_classification::{IndicatorSet, ValueTimes};
use sha2::{Digest as _, Sha256};

use crate::digest::short_hex;
use crate::event_rows::EventRows;
use crate::held_back::Doubt;
use crate::{FeedContents, Origin, blocking_work};

/// The sorted, unique values of one feed, and the time of their last change.
#[derive(Debug)]
pub struct FeedSet {
    values: IndicatorSet,
    times: Option<KnownTimes>,
    dropped: BTreeMap<&'static str, u64>,
    changed_at: jiff::Timestamp,
    id: String,
}

/// The times of the values, where a body needs them.
#[derive(Clone, Debug)]
struct KnownTimes {
    times: ValueTimes,
    /// The time of the last change of values or times.
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
        let Some(known) = known else {
            return Arc::new(Self::of(gathered, now, now));
        };
        let later = now.max(a_second_after(known.ordered_at()));
        match known.difference(&gathered) {
            Difference::Values => Arc::new(Self::of(gathered, later, later)),
            Difference::Times => Arc::new(Self::of(gathered, known.changed_at, later)),
            Difference::Nothing if known.dropped == gathered.dropped => Arc::clone(known),
            Difference::Nothing => Arc::new(Self::of(gathered, known.changed_at, known.ordered_at())),
        }
    }

    /// Returns the set that replicas share, with the times at which it changed for them; `known` again when nothing in
    /// it differs.
    ///
    /// It may have changed there before `known` did here, and still differ from it: then the later time counts, by the
    /// same rule as for [`renew`](Self::renew). The first time is that of the values, the second one that of the values
    /// and their times.
    pub(crate) fn shared(
        known: Option<&Arc<Self>>,
        gathered: FeedContents,
        (changed_at, ordered_at): (jiff::Timestamp, jiff::Timestamp),
    ) -> Arc<Self> {
        let Some(known) = known else {
            return Arc::new(Self::of(gathered, changed_at, ordered_at));
        };
        let later = |time: jiff::Timestamp| time.max(a_second_after(known.ordered_at()));
        match known.difference(&gathered) {
            Difference::Values => Arc::new(Self::of(gathered, later(changed_at), later(ordered_at))),
            Difference::Times => Arc::new(Self::of(gathered, changed_at, later(ordered_at))),
            Difference::Nothing
                if known.dropped == gathered.dropped
                    && (known.changed_at, known.ordered_at()) == (changed_at, ordered_at) =>
            {
                Arc::clone(known)
            }
            Difference::Nothing => Arc::new(Self::of(gathered, changed_at, ordered_at)),
        }
    }

    fn of(gathered: FeedContents, changed_at: jiff::Timestamp, ordered_at: jiff::Timestamp) -> Self {
        let is_timed = gathered.known_times().is_some();
        let times = gathered.times.filter(|_| is_timed);
        Self {
            id: id_of(&gathered.values),
            times: times.map(|times| KnownTimes {
                id: id_of_times(&times),
                times,
                changed_at: ordered_at,
            }),
            values: gathered.values,
            dropped: gathered.dropped,
            changed_at,
        }
    }

    fn difference(&self, gathered: &FeedContents) -> Difference {
        if self.values != gathered.values {
            Difference::Values
        } else if self.times() != gathered.known_times() {
            Difference::Times
        } else {
            Difference::Nothing
        }
    }

    /// Returns the same set with `changed_at` as the time of its last change.
    pub(crate) fn changed_earlier(self: Arc<Self>, changed_at: jiff::Timestamp) -> Arc<Self> {
        Arc::new(Self {
            values: self.values.clone(),
            times: self.times.clone(),
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

    /// Returns when the newest attribute of each value changed; nothing where no output with a length limit was asked
    /// for lately, and where the source does not know it.
    #[must_use]
    pub fn times(&self) -> Option<&ValueTimes> {
        self.times.as_ref().map(|known| &known.times)
    }

    /// Returns a name of the times, the same on every replica and after every restart; empty without times.
    pub(crate) fn times_id(&self) -> &str {
        self.times.as_ref().map_or("", |known| &known.id)
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

    /// Returns the time of the last change of the values or of their times: no body with a length limit has changed
    /// since.
    pub(crate) fn ordered_at(&self) -> jiff::Timestamp {
        self.times.as_ref().map_or(self.changed_at, |known| known.changed_at)
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        let times = self.times().map_or(0, ValueTimes::weight_bytes);
        self.values.weight_bytes() + times + size_of::<Self>()
    }
}

/// How a new answer differs from a set.
enum Difference {
    Values,
    /// The values are the same.
    Times,
    Nothing,
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

fn id_of_times(times: &ValueTimes) -> String {
    let mut digest = Sha256::new();
    times.iter().for_each(|time| digest.update(time.to_be_bytes()));
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
    /// The source was asked for the times of the values.
    pub(crate) times_wanted: bool,
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
            times_wanted: false,
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

    fn timed(values: &[(&str, i64)]) -> FeedContents {
        let mut builder = feed_classification::IndicatorSetBuilder::timed(IndicatorType::Domain);
        values.iter().for_each(|(value, time)| builder.push_at(value, *time));
        let (values, times) = builder.finish_timed();
        FeedContents {
            times,
            ..FeedContents::new(values, BTreeMap::new())
        }
    }

    fn at(time: &str) -> jiff::Timestamp {
        time.parse().unwrap()
    }

    fn both(changed_at: &str) -> (jiff::Timestamp, jiff::Timestamp) {
        (at(changed_at), at(changed_at))
    }

    #[test]
    fn a_set_of_another_replica_has_its_time_unless_an_older_set_would_seem_up_to_date() {
        let shared = FeedSet::shared(None, gathered("a.example"), both("2026-11-22T08:00:00Z"));
        assert_eq!(shared.changed_at(), at("2026-11-22T08:00:00Z"));
        let other = FeedSet::shared(Some(&shared), gathered("b.example"), both("2026-11-22T07:00:00Z"));
        assert_eq!(other.changed_at(), at("2026-11-22T08:00:01Z"));
        let same = FeedSet::shared(Some(&shared), gathered("a.example"), both("2026-11-22T07:00:00Z"));
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

    /// A body with a length limit may have other values then, and `If-Modified-Since` must not hide them.
    #[test]
    fn changed_times_make_another_order_of_the_same_values() {
        let now = at("2026-11-22T08:00:00Z");
        let first = FeedSet::renew(None, timed(&[("a.example", 1), ("b.example", 2)]), now);
        let same = FeedSet::renew(Some(&first), timed(&[("a.example", 1), ("b.example", 2)]), now);
        assert!(Arc::ptr_eq(&first, &same));
        let edited = FeedSet::renew(Some(&first), timed(&[("a.example", 3), ("b.example", 2)]), now);
        assert_eq!((edited.id(), edited.changed_at()), (first.id(), first.changed_at()));
        assert_eq!(edited.ordered_at(), at("2026-11-22T08:00:01Z"));
        assert_ne!(edited.times_id(), first.times_id());
        let other = FeedSet::renew(Some(&edited), timed(&[("a.example", 3)]), now);
        assert_eq!(
            (other.changed_at(), other.ordered_at()),
            (at("2026-11-22T08:00:02Z"), at("2026-11-22T08:00:02Z"))
        );
    }

    #[test]
    fn times_of_another_number_than_the_values_are_not_known() {
        let mut wrong = timed(&[("a.example", 1)]);
        wrong.values = IndicatorSet::of(IndicatorType::Domain, ["a.example", "b.example"]);
        let set = FeedSet::renew(None, wrong, at("2026-11-22T08:00:00Z"));
        assert_eq!((set.times(), set.times_id()), (None, ""));
    }

    #[test]
    fn an_unchanged_set_keeps_its_time() {
        let first = FeedSet::renew(None, gathered("a.example"), at("2026-11-22T08:00:00Z"));
        let again = FeedSet::renew(Some(&first), gathered("a.example"), at("2026-11-22T09:00:00Z"));
        assert_eq!(again.changed_at(), first.changed_at());
    }
}
