//! Time that only goes forward.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A point on one clock. It has no meaning on another clock or after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

/// The reading of each clock at its start, so that moments before the start of the process exist: another process may
/// have made a value.
const BEGINNING: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Moment {
    /// Returns the moment that was so long before this one; at most a hundred years before the clock began.
    #[must_use]
    pub fn before(self, distance: Duration) -> Self {
        Self(self.0.saturating_sub(distance))
    }

    /// Returns the time from `earlier` to this moment; zero if `earlier` was not before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// The future that [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Gives the time for ages, expiries and waits.
///
/// A wall clock jumps: one that is set back by an hour would keep old entries for an hour longer. So this clock has no
/// date, only distances, and never goes back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the present moment, never before one that was returned earlier.
    fn now(&self) -> Moment;

    /// Waits until so much time has passed on this clock; on tokio's clock unless an implementation has its own.
    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}

/// The monotonic clock of the operating system. It may stand still while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Moment {
        // One origin for the process, so that moments of all copies of this clock compare.
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Moment(BEGINNING + ORIGIN.elapsed())
    }
}

/// A clock for tests: it stands still until a test calls [`advance`](Self::advance), which also ends the waits that are
/// over then.
///
/// ```
/// use std::time::Duration;
///
/// use cache::{Clock, ManualClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = ManualClock::new();
/// let hour = clock.sleep(Duration::from_secs(3_600));
/// clock.advance(Duration::from_secs(3_600));
/// hour.await; // without a real hour
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(watch::Sender<Duration>);

impl ManualClock {
    /// Returns a clock that stands at its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|elapsed| *elapsed = elapsed.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(BEGINNING.saturating_add(*self.0.borrow()))
    }

    fn sleep(&self, time: Duration) -> Sleep {
        let mut elapsed = self.0.subscribe();
        let end = elapsed.borrow().saturating_add(time);
        Box::pin(async move {
            if elapsed.wait_for(|elapsed| *elapsed >= end).await.is_err() {
                // The clock is gone, so this time never passes.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::new();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now().since(before), Duration::from_secs(3));
        assert_eq!(before.since(clock.now()), Duration::ZERO);
        clock.advance(Duration::MAX);
        assert!(clock.now() > before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_its_time_has_passed_on_the_clock_and_not_before() {
        let day = Duration::from_secs(86_400);
        let clock = ManualClock::new();
        let mut wait = clock.sleep(Duration::from_secs(10));
        assert!(timeout(day, &mut wait).await.is_err(), "no real time counts");
        clock.advance(Duration::from_secs(9));
        assert!(timeout(day, &mut wait).await.is_err());
        clock.advance(Duration::from_secs(1));
        assert!(timeout(day, wait).await.is_ok());
        let later = clock.sleep(Duration::from_secs(1));
        assert!(timeout(day, later).await.is_err(), "a wait counts from its beginning");
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
