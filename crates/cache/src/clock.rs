//! Time that only goes forward.

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A point on one clock; means nothing on another, and nothing after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

/// What clocks begin with, so that there are moments before the start of the process: what another one made is older.
const BEGINNING: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Moment {
    /// Returns the moment that was so long before this one; at most a hundred years before the clock began.
    #[must_use]
    pub fn before(self, distance: Duration) -> Self {
        Self(self.0.saturating_sub(distance))
    }

    /// Returns how long before this moment `earlier` was; zero if it was not before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Tells the time for ages and expiries.
///
/// Wall clocks jump: one that is set back would keep old entries for as long. So a clock here has no date, only
/// distances, and never goes back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the present moment, never before one that was returned earlier.
    fn now(&self) -> Moment;
}

/// The clock of the operating system that nobody can set. It may stand still while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Moment {
        // One origin for the process, so that moments of all copies of this clock compare.
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Moment(BEGINNING + ORIGIN.elapsed())
    }
}

/// A clock for tests: stands still until it is moved on.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanoseconds: AtomicU64,
}

impl ManualClock {
    /// Returns a clock that stands at its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on; it reaches 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let moved_on = |now: u64| Some(now.saturating_add(by));
        // The closure never declines, so there is no error to look at.
        let _ = self
            .nanoseconds
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved_on);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(BEGINNING + Duration::from_nanos(self.nanoseconds.load(Ordering::SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now().since(before), Duration::from_secs(3));
        assert_eq!(before.since(clock.now()), Duration::ZERO);
        clock.advance(Duration::MAX);
        assert!(clock.now() > before);
    }

    #[test]
    fn there_are_moments_before_the_clock_began() {
        let now = ManualClock::new().now();
        let day = Duration::from_secs(86_400);
        assert_eq!(now.since(now.before(day)), day);
    }

    #[test]
    fn the_monotonic_clock_never_goes_back() {
        let moments: Vec<_> = (0..100).map(|_| MonotonicClock.now()).collect();
        assert!(moments.is_sorted());
    }
}
