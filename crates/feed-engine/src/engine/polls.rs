//! The polls of feeds and indexes, and the time of the next one.
//!
//! Polls that come close together count as one visit, since one refresh serves them all. Three visits at equal
//! distances make a rhythm; several devices with the same distance make one rhythm together (`:00`, `:20`, `:00`,
//! `:20`). From a rhythm follows when the next visit is due, and a refresh just before it answers that visit without a
//! wait. At most one such refresh is made for each poll.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache::Moment;

use crate::hashed_key::HashedKeyMap;
use crate::{Upstream, used_longest_ago};

/// Visits remembered for one feed: 32 times 16 bytes.
const MAX_VISITS: usize = 32;

/// A feed without a poll in so many periods of its rhythm is forgotten, and at the latest after this time.
const MISSED_PERIODS: u32 = 3;
const LONG_AGO: Duration = Duration::from_secs(3 * 86_400);

/// The visits of everything that is polled, about one kilobyte for each.
#[derive(Debug)]
pub(crate) struct Polls<K> {
    polled: Mutex<HashedKeyMap<K, Visits>>,
    most: usize,
}

#[derive(Debug)]
struct Visits {
    /// The newest first.
    at: VecDeque<Moment>,
    polled_at: Moment,
    /// How long after the last poll it is forgotten.
    lasts: Duration,
    /// The site and key of the last poll.
    upstream: Upstream,
    /// A task waits for the next visit.
    is_watched: bool,
    /// A poll has come since the last refresh that was made ahead.
    is_paid: bool,
}

/// The task for the next visit.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Ask MISP now.
    Refresh(Upstream),
    /// Wait for this long and ask for a plan again.
    LookAgain(Duration),
    /// The polls have stopped, or have no rhythm.
    Stop,
}

impl<K: Clone + Eq + Hash> Polls<K> {
    /// Returns an empty memory for the polls of at most this many feeds. Above it, those that were polled the longest
    /// time ago are forgotten, and refreshed at their next request.
    pub(crate) fn up_to(most: usize) -> Self {
        Self {
            polled: Mutex::default(),
            most,
        }
    }

    /// Records a poll, and returns whether the caller has to start a task that waits for the next one.
    pub(crate) fn note(&self, key: &K, upstream: &Upstream, now: Moment) -> bool {
        let mut polled = self.lock();
        if let Some(visits) = polled.get_mut(key) {
            return visits.begins(upstream, now);
        }
        polled.retain(|_, visits| visits.is_watched || now.since(visits.polled_at) < visits.lasts);
        if polled.len() >= self.most {
            // A rhythm stays longer than a feed that was polled once.
            let used = |visits: &Visits| (visits.is_watched, visits.polled_at);
            let owner = |visits: &Visits| visits.upstream.caller();
            used_longest_ago::remove(&mut *polled, owner, used);
        }
        let visits = polled.entry(key.clone()).or_insert_with(|| Visits::none(upstream, now));
        visits.begins(upstream, now)
    }

    /// Returns the task for the next visit to a set that was gathered at `fetched_at`.
    ///
    /// After [`Plan::Stop`] the next poll with a rhythm begins anew.
    pub(crate) fn plan(&self, key: &K, now: Moment, fetched_at: Option<Moment>) -> Plan {
        let mut polled = self.lock();
        let Some(visits) = polled.get_mut(key) else {
            return Plan::Stop;
        };
        let plan = fetched_at.map_or(Plan::Stop, |fetched_at| visits.plan(now, fetched_at));
        visits.is_watched = !matches!(plan, Plan::Stop);
        plan
    }

    fn lock(&self) -> MutexGuard<'_, HashedKeyMap<K, Visits>> {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how long before a visit it is refreshed for.
pub(crate) fn lead(soft_expiry: Duration) -> Duration {
    soft_expiry / 5
}

impl Visits {
    fn none(upstream: &Upstream, now: Moment) -> Self {
        Self {
            at: VecDeque::new(),
            polled_at: now,
            lasts: LONG_AGO,
            upstream: upstream.clone(),
            is_watched: false,
            is_paid: false,
        }
    }

    /// Returns whether a task has to wait for the next visit from this poll on.
    fn begins(&mut self, upstream: &Upstream, now: Moment) -> bool {
        let begins = self.note(upstream, now) && !self.is_watched;
        self.is_watched |= begins;
        begins
    }

    /// Returns whether this poll is a new visit in a rhythm.
    fn note(&mut self, upstream: &Upstream, now: Moment) -> bool {
        if !self.upstream.is_copy_of(upstream) {
            self.upstream = upstream.clone();
        }
        (self.polled_at, self.is_paid) = (now, true);
        let apart = upstream.site.soft_expiry / 2;
        if self.at.front().is_some_and(|last| now.since(*last) < apart) {
            return false;
        }
        self.at.push_front(now);
        self.at.truncate(MAX_VISITS);
        let rhythm = self.rhythm();
        let periods = |rhythm: &Rhythm| rhythm.period.saturating_mul(MISSED_PERIODS).min(LONG_AGO);
        self.lasts = rhythm.as_ref().map_or(LONG_AGO, periods);
        rhythm.is_some()
    }

    fn rhythm(&self) -> Option<Rhythm> {
        let newest = *self.at.front()?;
        let ages: Vec<Duration> = self.at.iter().map(|at| newest.since(*at)).collect();
        Rhythm::of(&ages, self.upstream.site.soft_expiry)
    }

    fn plan(&mut self, now: Moment, fetched_at: Moment) -> Plan {
        let (Some(newest), Some(rhythm)) = (self.at.front().copied(), self.rhythm()) else {
            return Plan::Stop;
        };
        let soft = self.upstream.site.soft_expiry;
        let elapsed = now.since(newest);
        let missed = rhythm.next(Duration::ZERO) + rhythm.tolerance;
        if elapsed > missed {
            return Plan::Stop;
        }
        let stale = (soft + fetched_at.since(newest)).saturating_sub(newest.since(fetched_at));
        // Visits that are closer than that stand for more polls, any of which may be the next.
        let expected = if rhythm.period < soft {
            stale
        } else {
            rhythm.next(stale)
        };
        let due = expected.saturating_sub(lead(soft));
        if due > elapsed {
            Plan::LookAgain(due - elapsed)
        } else if self.is_paid {
            self.is_paid = false;
            Plan::Refresh(self.upstream.clone())
        } else {
            // Until the visit that the last refresh was for has come, or is missed.
            Plan::LookAgain(missed - elapsed + Duration::from_secs(1))
        }
    }
}

/// A period, and where in it visits fall.
#[derive(Debug, PartialEq)]
struct Rhythm {
    period: Duration,
    /// How long before the newest visit those of the last period were; the newest itself is the first.
    phases: Vec<Duration>,
    tolerance: Duration,
}

impl Rhythm {
    /// `ages` says how long before the newest visit each visit was, the newest first.
    fn of(ages: &[Duration], soft_expiry: Duration) -> Option<Self> {
        ages.iter().skip(1).find_map(|&period| {
            let tolerance = (period / 10).clamp(soft_expiry / 60, soft_expiry / 4);
            let was_there = |at: Duration| ages.iter().any(|age| age.abs_diff(at) <= tolerance);
            let phases: Vec<Duration> = ages
                .iter()
                .copied()
                .take_while(|age| *age + tolerance < period)
                .collect();
            let comes_again = was_there(period * 2) && phases.iter().all(|phase| was_there(*phase + period));
            comes_again.then_some(Self {
                period,
                phases,
                tolerance,
            })
        })
    }

    /// Returns how long after the newest visit the next one is due that is not earlier than `from`.
    fn next(&self, from: Duration) -> Duration {
        let each = self.phases.iter().map(|phase| {
            let periods = (from + *phase)
                .as_nanos()
                .div_ceil(self.period.as_nanos().max(1))
                .max(1);
            let periods = u32::try_from(periods).unwrap_or(u32::MAX);
            self.period.saturating_mul(periods).saturating_sub(*phase)
        });
        each.min().unwrap_or(self.period)
    }
}

#[cfg(test)]
mod tests {
    use cache::Clock as _;

    use super::*;

    const SOFT: Duration = Duration::from_secs(300);

    fn rhythm(ages: &[u64]) -> Option<Rhythm> {
        let ages: Vec<Duration> = ages.iter().map(|age| Duration::from_secs(*age)).collect();
        Rhythm::of(&ages, SOFT)
    }

    fn period(ages: &[u64]) -> Option<u64> {
        rhythm(ages).map(|rhythm| rhythm.period.as_secs())
    }

    #[test]
    fn three_visits_at_equal_distances_make_a_rhythm() {
        assert_eq!(period(&[0, 3_600]), None);
        assert_eq!(period(&[0, 3_600, 7_200]), Some(3_600));
        assert_eq!(period(&[0, 3_590, 7_215]), Some(3_590));
        assert_eq!(period(&[0, 86_400, 172_800]), Some(86_400));
        assert_eq!(period(&[0, 1_000, 7_200]), None);
    }

    #[test]
    fn two_devices_make_one_rhythm_together() {
        let both = rhythm(&[0, 2_400, 3_600, 6_000, 7_200]).unwrap();
        assert_eq!(both.period.as_secs(), 3_600);
        let next = |from| both.next(Duration::from_secs(from)).as_secs();
        assert_eq!((next(0), next(1_201), next(3_601)), (1_200, 3_600, 4_800));
    }

    #[test]
    fn a_refresh_ahead_of_a_visit_is_made_with_the_rules_of_the_last_poll() {
        let (clock, polls) = (cache::ManualClock::new(), Polls::up_to(8));
        let upstream = |stale: u32| {
            Upstream::named("list")
                .unwrap()
                .soft_expiry(SOFT)
                .max_stale(SOFT * stale)
        };
        for stale in [2, 2, 3] {
            clock.advance(Duration::from_secs(3_600));
            polls.note(&7, &upstream(stale), clock.now());
        }
        let fetched_at = Some(clock.now());
        clock.advance(Duration::from_secs(3_600));
        let Plan::Refresh(asked) = polls.plan(&7, clock.now(), fetched_at) else {
            panic!("the visit is due")
        };
        assert_eq!(asked.site.max_stale, SOFT * 3);
    }

    #[test]
    fn a_feed_that_devices_no_longer_poll_is_forgotten_when_another_one_comes() {
        let upstream = Upstream::named("list").unwrap().soft_expiry(SOFT);
        let (clock, polls) = (cache::ManualClock::new(), Polls::up_to(4_096));
        let poll = |number: u32| {
            polls.note(&number, &upstream, clock.now());
            polls.lock().len()
        };
        for number in 0..500 {
            for _ in 0..4 {
                poll(number);
                clock.advance(SOFT);
            }
            // The device has another MISP key from now on.
            clock.advance(SOFT * 2);
            let _ = polls.plan(&number, clock.now(), Some(clock.now()));
        }
        assert_eq!(poll(500), 1);
        clock.advance(LONG_AGO);
        assert_eq!(poll(501), 1, "one without a rhythm lasts longer");
    }

    #[test]
    fn a_new_feed_takes_the_place_of_the_one_that_was_polled_the_longest_time_ago() {
        let upstream = Upstream::named("list").unwrap().soft_expiry(SOFT);
        let (clock, polls) = (cache::ManualClock::new(), Polls::up_to(8));
        for number in [0, 1, 2, 3, 4, 5, 6, 7, 0, 8] {
            clock.advance(SOFT);
            polls.note(&number, &upstream, clock.now());
        }
        let polled = polls.lock();
        assert_eq!(polled.len(), 8);
        assert!(polled.contains_key(&0) && polled.contains_key(&8) && !polled.contains_key(&1));
    }

    #[test]
    fn a_visit_at_the_very_moment_of_expiry_counts() {
        let every_five_minutes = rhythm(&[0, 300, 600]).unwrap();
        assert_eq!(every_five_minutes.next(SOFT), SOFT);
    }
}
