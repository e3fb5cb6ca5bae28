//! The time that a mirror goes by.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// The future that [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Gives the time and waits; a test brings its own with [`ManualClock`].
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the present time.
    fn now(&self) -> Timestamp;

    /// Waits until so much time has passed on this clock.
    fn sleep(&self, time: Duration) -> Sleep;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A clock for tests: it stands still until [`advance`](Self::advance), which also ends the waits that are over then.
/// Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// Returns a clock that stands at this time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(watch::Sender::new(time))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|time| *time = later(*time, by));
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep(&self, time: Duration) -> Sleep {
        let mut watched = self.0.subscribe();
        let end = later(*watched.borrow(), time);
        Box::pin(async move {
            if watched.wait_for(|now| *now >= end).await.is_err() {
                // The clock is gone, so this time never passes.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wait_on_a_manual_clock_ends_when_its_time_has_passed() {
        let clock = ManualClock::at(Timestamp::from_second(100).unwrap());
        let wait = clock.sleep(Duration::from_secs(10));
        clock.clone().advance(Duration::from_secs(10));
        wait.await;
        assert_eq!(clock.now().as_second(), 110);
    }
}
