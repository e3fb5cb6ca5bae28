//! Rules for the age of a value.

use std::time::Duration;

use crate::{Clock, Moment};

/// A value and the time at which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedValue<V> {
    /// The value.
    pub value: V,
    /// When it was made, on the clock it was stamped with.
    pub at: Moment,
}

impl<V> TimedValue<V> {
    /// Returns the value with the present moment on it.
    pub fn now(value: V, clock: &dyn Clock) -> Self {
        Self { value, at: clock.now() }
    }

    /// Returns how old the value is.
    pub fn age(&self, clock: &dyn Clock) -> Duration {
        clock.now().since(self.at)
    }
}

/// The age up to which a value is fresh (`soft`), and the age up to which it is better than none (`hard`).
///
/// Where `hard` is the shorter one it counts alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// From this age on a value should be replaced.
    pub soft: Duration,
    /// From this age on a value must not be used any more.
    pub hard: Duration,
}

/// The state of a value of some age under a [`Freshness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Younger than `soft`.
    Fresh,
    /// Should be replaced, and is better than none.
    Stale,
    /// Must not be used any more.
    Dead,
}

/// The answer to one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Answer with it.
    Serve,
    /// Answer with it, and compute another one for the next caller.
    ServeAndRefresh,
    /// Compute another one before answering. Should that fail, a value that is [`State::Stale`] is still better than
    /// none.
    Wait,
}

impl Freshness {
    /// Returns the state of a value of this age, the same for all callers.
    #[must_use]
    pub fn state(self, age: Duration) -> State {
        if age >= self.hard {
            State::Dead
        } else if age >= self.soft {
            State::Stale
        } else {
            State::Fresh
        }
    }

    /// Returns the rules for a caller that accepts answers up to the age `max_age`, or sets no limit (`None`).
    ///
    /// Without a limit the caller gets a stale value at once while it is replaced, up to twice `soft`. An older value
    /// may be a day old where a device polls daily, so from there on the caller waits. A limit decides about waiting in
    /// both directions: below `soft` the caller waits for a value that others get at once, above `soft` the caller gets
    /// a stale value at once while it is replaced. No caller gets a dead value.
    #[must_use]
    pub fn for_caller(self, max_age: Option<Duration>) -> ForCaller {
        ForCaller {
            freshness: self,
            max_age,
        }
    }
}

/// A [`Freshness`] together with the limit of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForCaller {
    freshness: Freshness,
    max_age: Option<Duration>,
}

impl ForCaller {
    /// Returns the answer to this caller for a value of this age. An age equal to the limit is still young enough.
    #[must_use]
    pub fn verdict(self, age: Duration) -> Verdict {
        let too_old = match self.max_age {
            Some(max_age) => age > max_age,
            None => age >= self.freshness.soft.saturating_mul(2),
        };
        match self.freshness.state(age) {
            State::Dead => Verdict::Wait,
            _ if too_old => Verdict::Wait,
            State::Stale => Verdict::ServeAndRefresh,
            State::Fresh => Verdict::Serve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;
    use proptest::prelude::*;

    const RULES: Freshness = Freshness {
        soft: Duration::from_secs(300),
        hard: Duration::from_secs(604_800),
    };

    fn verdict(age: u64, max_age: Option<u64>) -> Verdict {
        RULES
            .for_caller(max_age.map(Duration::from_secs))
            .verdict(Duration::from_secs(age))
    }

    #[test]
    fn an_age_is_fresh_then_stale_then_dead() {
        let state = |age| RULES.state(Duration::from_secs(age));
        assert_eq!([state(0), state(299)], [State::Fresh; 2]);
        assert_eq!([state(300), state(604_799)], [State::Stale; 2]);
        assert_eq!([state(604_800), RULES.state(Duration::MAX)], [State::Dead; 2]);
    }

    #[test]
    fn without_a_wish_a_caller_waits_from_twice_the_soft_expiry_on() {
        assert_eq!(verdict(299, None), Verdict::Serve);
        assert_eq!(verdict(300, None), Verdict::ServeAndRefresh);
        assert_eq!(verdict(599, None), Verdict::ServeAndRefresh);
        assert_eq!(verdict(600, None), Verdict::Wait);
        assert_eq!(verdict(604_800, None), Verdict::Wait);
    }

    #[test]
    fn a_wish_below_the_soft_expiry_waits_sooner() {
        assert_eq!(verdict(60, Some(60)), Verdict::Serve);
        assert_eq!(verdict(61, Some(60)), Verdict::Wait);
        assert_eq!(verdict(400, Some(60)), Verdict::Wait);
    }

    #[test]
    fn a_wish_above_the_soft_expiry_takes_the_older_answer_at_once() {
        assert_eq!(verdict(299, Some(3600)), Verdict::Serve);
        assert_eq!(verdict(3600, Some(3600)), Verdict::ServeAndRefresh);
        assert_eq!(verdict(3601, Some(3600)), Verdict::Wait);
        assert_eq!(verdict(604_800, Some(u64::MAX)), Verdict::Wait);
    }

    #[test]
    fn the_hard_expiry_counts_alone_where_it_is_shorter() {
        let rules = Freshness {
            soft: Duration::from_secs(300),
            hard: Duration::from_secs(10),
        };
        assert_eq!(rules.state(Duration::from_secs(9)), State::Fresh);
        assert_eq!(rules.state(Duration::from_secs(10)), State::Dead);
    }

    #[test]
    fn a_value_ages_with_the_clock_it_was_stamped_with() {
        let clock = ManualClock::new();
        let stamped = TimedValue::now("value", &clock);
        clock.advance(Duration::from_secs(301));
        assert_eq!(RULES.state(stamped.age(&clock)), State::Stale);
    }

    proptest! {
        #[test]
        fn growing_old_never_makes_a_value_better(
            ages in any::<[u32; 2]>(), soft in any::<u32>(), hard in any::<u32>(), wish in any::<Option<u32>>(),
        ) {
            let seconds = |seconds: u32| Duration::from_secs(seconds.into());
            let rules = Freshness { soft: seconds(soft), hard: seconds(hard) }.for_caller(wish.map(seconds));
            let rank = |age: u32| rules.verdict(seconds(age)) as u8;
            prop_assert!(rank(ages[0].min(ages[1])) <= rank(ages[0].max(ages[1])));
        }
    }
}
