//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits between attempts: the wait doubles with each failure in a row up to a bound, and is then spread at random.
///
/// Without the spread, all agents that lost one server would return to it in the same moment. `Backoff` counts nothing
/// itself, so it can be a constant; the caller counts its failures and sets the count back to 0 after a success.
///
/// ```
/// use std::time::Duration;
/// use service_kit::{Backoff, Jitter};
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10)).jitter(Jitter::NONE);
/// let waits: Vec<u64> = (1..=6).map(|failures| backoff.wait(failures).as_secs()).collect();
/// assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// Returns a back-off that waits `first` after the first failure and never longer than `longest`, with
    /// [`Jitter::HALF_TO_WHOLE`].
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            jitter: Jitter::HALF_TO_WHOLE,
        }
    }

    /// Sets how the waits are spread. A jitter above 1 can exceed the longest wait by its factor.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Returns the wait after so many failures in a row; zero after no failure.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Duration {
        self.jitter.draw(self.step(failures))
    }

    /// Returns the wait like [`wait`](Self::wait), with a random number from 0 to 1 that the caller drew, for example
    /// in a test.
    #[must_use]
    pub fn wait_at(&self, failures: u32, chance: f64) -> Duration {
        self.jitter.at(self.step(failures), chance)
    }

    fn step(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// A random factor for a wait, evenly distributed between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    least: f64,
    most: f64,
}

impl Jitter {
    /// The wait as it is.
    pub const NONE: Self = Self::between(1.0, 1.0);

    /// Half of the wait to the whole of it.
    pub const HALF_TO_WHOLE: Self = Self::between(0.5, 1.0);

    /// Returns a factor between `least` and `most`, for example 0.9 and 1.1; negative ones count as 0.
    #[must_use]
    pub const fn between(least: f64, most: f64) -> Self {
        Self { least, most }
    }

    /// Returns the wait times a random factor.
    #[must_use]
    pub fn draw(self, wait: Duration) -> Duration {
        self.at(wait, chance())
    }

    /// Returns the wait times the factor at `chance`: 0 is the least one and 1 the most; numbers beyond them count as
    /// them.
    #[must_use]
    pub fn at(self, wait: Duration, chance: f64) -> Duration {
        let factor = self.least + (self.most - self.least) * chance.clamp(0.0, 1.0);
        // A wait beyond all durations stays the longest one.
        Duration::try_from_secs_f64(wait.as_secs_f64() * factor.max(0.0)).unwrap_or(Duration::MAX)
    }
}

/// Returns a random number from 0 to 1. When the system has no randomness it returns 1, which stands for the longest
/// wait.
#[must_use]
pub fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_and_stay_bounded() {
        let backoff = Backoff::new(SECOND, SECOND * 300);
        assert_eq!(backoff.wait(0), Duration::ZERO);
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (40, 300), (u32::MAX, 300)] {
            let whole = SECOND * whole;
            let wait = backoff.wait(failures);
            assert!((whole / 2..=whole).contains(&wait), "{failures}: {wait:?}");
            assert_eq!(backoff.wait_at(failures, 0.0), whole / 2);
            assert_eq!(backoff.wait_at(failures, 1.0), whole);
        }
    }

    #[test]
    fn the_longest_wait_of_all_is_no_overflow() {
        let backoff = Backoff::new(Duration::MAX, Duration::MAX).jitter(Jitter::between(0.5, 1.5));
        assert_eq!(backoff.wait_at(u32::MAX, 1.0), Duration::MAX);
    }

    #[test]
    fn two_clients_that_fail_together_wait_differently() {
        let backoff = Backoff::new(SECOND, SECOND);
        let waits: std::collections::BTreeSet<Duration> = (0..32).map(|_| backoff.wait(1)).collect();
        assert!(waits.len() > 1, "32 equal waits have a chance of 2^-992");
    }

    #[test]
    fn a_jitter_keeps_to_its_bounds() {
        let jitter = Jitter::between(0.9, 1.1);
        let at = |chance| jitter.at(SECOND * 100, chance).as_secs();
        assert_eq!([at(-1.0), at(0.0), at(0.5), at(1.0), at(7.0)], [90, 90, 100, 110, 110]);
    }
}
