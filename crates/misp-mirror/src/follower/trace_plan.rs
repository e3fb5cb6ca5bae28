//! When each check of what leaves no trace is due, so that each is done in time and few fall into one look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

/// One check: one light question, unless it finds a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    /// A part of the events that the index does not list.
    Hidden(u64),
    Rights,
    Warninglists,
    Sightings,
    /// The use of the watched tags that the question at this place finds.
    TagCounts(usize),
    /// The events that have the watched tag at this place.
    EventTag(usize),
    /// The attributes that have a tag whose use has changed.
    TaggedRows,
}

/// How often the mirror looks, and how late a check may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) poll: Duration,
    pub(super) interval: Duration,
}

/// When each check was last done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The first look. A check that was never done counts from here.
    begun: Option<Timestamp>,
    done: BTreeMap<Check, Timestamp>,
    /// Checks that failed the last time.
    failing: BTreeSet<Check>,
}

impl Plan {
    /// Returns which of these checks a look has to do now, so that each is done once in the interval. A busy look has
    /// asked much already, so it puts off the checks that can wait.
    pub(super) fn due(&mut self, checks: &[Check], now: Timestamp, pace: Pace, is_busy: bool) -> Vec<Check> {
        self.begun.get_or_insert(now);
        let mut sound: Vec<(Timestamp, Check)> = Vec::new();
        let mut failing: Vec<(Timestamp, Check)> = Vec::new();
        for check in checks {
            let list = if self.failing.contains(check) {
                &mut failing
            } else {
                &mut sound
            };
            list.push((self.deadline(*check, now, pace.interval), *check));
        }
        sound.sort_unstable();
        failing.sort_unstable();
        // A quiet look does a check one look early, since the next look may be busy.
        let early = u128::from(!is_busy);
        let needed = needed(&sound, now, pace, early);
        let mut due: Vec<Check> = sound.iter().take(needed).map(|(_, check)| *check).collect();
        // A check that fails must not keep the others waiting, and is tried at each look.
        let late = failing.iter().filter(|(deadline, _)| *deadline <= now).count().max(1);
        due.extend(failing.iter().take(late).map(|(_, check)| *check));
        due
    }

    /// Returns a check that may be done early in a look that has room: one that was never done, or whose deadline comes
    /// within a quarter of the interval.
    pub(super) fn early(&self, checks: &[Check], now: Timestamp, interval: Duration) -> Option<Check> {
        let is_near = |check: &&Check| self.age(**check, now).is_none_or(|age| age >= interval.mul_f64(0.75));
        checks
            .iter()
            .filter(is_near)
            .min_by_key(|check| self.done.get(check))
            .copied()
    }

    /// Returns how long ago a check was done.
    pub(super) fn age(&self, check: Check, now: Timestamp) -> Option<Duration> {
        let done = self.done.get(&check)?;
        Some(now.duration_since(*done).unsigned_abs())
    }

    /// Makes every check due at once.
    pub(super) fn begin_anew(&mut self) {
        self.begun = Some(Timestamp::UNIX_EPOCH);
        self.done.clear();
    }

    pub(super) fn done(&mut self, check: Check, now: Timestamp) {
        self.failing.remove(&check);
        self.done.insert(check, now);
    }

    /// Notes that a check failed; returns whether it did not fail the time before.
    pub(super) fn failed(&mut self, check: Check) -> bool {
        self.failing.insert(check)
    }

    /// Returns whether a check was last done longer ago than it may be.
    pub(super) fn is_overdue(&self, check: Check, now: Timestamp, interval: Duration) -> bool {
        self.deadline(check, now, interval) <= now
    }

    fn deadline(&self, check: Check, now: Timestamp, interval: Duration) -> Timestamp {
        let last = self.done.get(&check).copied().or(self.begun).unwrap_or(now);
        last.saturating_add(interval).unwrap_or(Timestamp::MAX)
    }
}

/// Returns how many checks of this list, the most urgent first, have to be done now, if each later look does one: or
/// several, where there are more checks than looks in an interval.
fn needed(sorted: &[(Timestamp, Check)], now: Timestamp, pace: Pace, early: u128) -> usize {
    let poll = pace.poll.as_millis().max(1);
    let looks = usize::try_from(pace.interval.as_millis() / poll).unwrap_or(usize::MAX);
    let each = sorted.len().div_ceil(looks.max(1)).max(1);
    let must = sorted.iter().enumerate().map(|(place, (deadline, _))| {
        let left = deadline.duration_since(now).as_millis().max(0).unsigned_abs();
        let later = usize::try_from((left / poll).saturating_sub(early)).unwrap_or(usize::MAX);
        (place + 1).saturating_sub(each.saturating_mul(later))
    });
    must.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Runs an hour of looks, and returns the most checks of a look and the longest time between two of one check.
    fn hour(count: usize, pace: Pace, is_busy: impl Fn(usize) -> bool) -> (usize, u64) {
        let checks: Vec<Check> = (0..count).map(Check::TagCounts).collect();
        let (mut plan, mut most, mut longest) = (Plan::default(), 0, 0);
        let mut last: BTreeMap<Check, i64> = BTreeMap::new();
        let step = usize::try_from(pace.poll.as_secs()).unwrap();
        for (look, second) in (0..3_600).step_by(step).enumerate() {
            let due = plan.due(&checks, at(second), pace, is_busy(look));
            most = most.max(due.len());
            for check in due {
                plan.done(check, at(second));
                let before = last.insert(check, second).unwrap_or(0);
                longest = longest.max(u64::try_from(second - before).unwrap());
            }
        }
        assert_eq!(last.len(), count, "every check is done");
        (most, longest)
    }

    #[test]
    fn each_check_is_done_in_time_and_one_a_look_where_that_is_enough() {
        let pace = |interval| Pace {
            poll: Duration::from_secs(15),
            interval: Duration::from_secs(interval),
        };
        for count in [1, 7, 19] {
            let (most, longest) = hour(count, pace(300), |_| false);
            assert!(most == 1 && longest <= 300, "{count}: {most} {longest}");
        }
        let (most, longest) = hour(7, pace(120), |_| false);
        assert!(most == 1 && longest <= 120, "{most} {longest}");
        for is_busy in [|_| true, |look: usize| !look.is_multiple_of(3)] {
            let (_, longest) = hour(7, pace(300), is_busy);
            assert!(longest <= 300, "{longest}");
        }
        // More checks than looks in an interval: in time all the same.
        let (most, longest) = hour(7, pace(30), |_| false);
        assert!(most <= 7 && longest <= 30, "{most} {longest}");
    }

    #[test]
    fn check_that_fails_is_tried_at_each_look_and_keeps_no_other_waiting() {
        let pace = Pace {
            poll: Duration::from_secs(15),
            interval: Duration::from_secs(60),
        };
        let checks = [Check::Rights, Check::Sightings];
        let mut plan = Plan::default();
        plan.due(&checks, at(0), pace, false);
        assert!(plan.failed(Check::Rights) && !plan.failed(Check::Rights));
        for second in [15, 30] {
            assert_eq!(plan.due(&checks, at(second), pace, false), [Check::Rights]);
        }
        assert_eq!(
            plan.due(&checks, at(45), pace, false),
            [Check::Sightings, Check::Rights]
        );
        assert!(plan.is_overdue(Check::Rights, at(60), pace.interval));
    }

    #[test]
    fn of_several_checks_that_fail_all_that_are_late_are_tried_and_otherwise_one() {
        let pace = Pace {
            poll: Duration::from_secs(15),
            interval: Duration::from_secs(60),
        };
        let checks = [Check::Rights, Check::Sightings, Check::TagCounts(0)];
        let mut plan = Plan::default();
        plan.due(&checks, at(0), pace, false);
        for check in checks {
            plan.failed(check);
        }
        assert_eq!(plan.due(&checks, at(59), pace, false).len(), 1);
        assert_eq!(plan.due(&checks, at(60), pace, false).len(), 3);
    }
}
