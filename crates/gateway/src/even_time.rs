//! Checks of MISP keys that fail after the same time, whatever the reason is.
//!
//! A closed port answers at once and a silent one never. For callers that do not get the reason, the time of the answer
//! would show it: a map of the network.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use feed_engine::FeedError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest time of a check. MISP answers the question about the user of a key in a few tenths of a second.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// Checks at the same time. Each holds a request and nothing else while it waits.
const AT_ONCE: usize = 256;

/// Checks under way, and those that found no place.
#[derive(Debug)]
pub(crate) struct EvenTime {
    places: Semaphore,
    turned_away: AtomicU64,
}

impl Default for EvenTime {
    fn default() -> Self {
        Self {
            places: Semaphore::new(AT_ONCE),
            turned_away: AtomicU64::new(0),
        }
    }
}

impl EvenTime {
    /// Runs a check for `time` at most. Its outcome comes at once if MISP took or refused the key. Every other one
    /// comes when `time` has passed.
    ///
    /// # Errors
    /// The time to wait, when too many checks are under way. It says nothing about MISP, which is not asked then.
    pub(crate) async fn check<T>(
        &self,
        time: Duration,
        check: impl Future<Output = Result<T, FeedError>>,
    ) -> Result<Result<T, FeedError>, Duration> {
        let Ok(_place) = self.places.try_acquire() else {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(time);
        };
        let end = Instant::now() + time;
        let in_time = timeout_at(end, check).await;
        let outcome = in_time.unwrap_or(Err(FeedError::TimedOut {
            seconds: time.as_secs(),
        }));
        if outcome.as_ref().is_err_and(|error| !error.is_key_refused()) {
            sleep_until(end).await;
        }
        Ok(outcome)
    }

    /// Returns the number of checks that found no place.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    /// Returns how long a check takes.
    async fn takes(check: impl Future<Output = Result<(), FeedError>>) -> Duration {
        let began = Instant::now();
        let _ = EvenTime::default().check(TIME, check).await.unwrap();
        began.elapsed()
    }

    fn failed() -> FeedError {
        FeedError::source(std::io::Error::other("connection refused"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_without_an_answer_takes_the_same_time_whatever_happened() {
        let closed = takes(ready(Err(failed()))).await;
        let late = takes(async {
            tokio::time::sleep(TIME / 2).await;
            Err(failed())
        });
        assert_eq!([closed, late.await, takes(pending()).await], [TIME; 3]);
        assert_eq!(takes(ready(Ok(()))).await, Duration::ZERO, "MISP takes the key");
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_so_many_checks_misp_is_not_asked() {
        let checks = EvenTime::default();
        let held: Vec<_> = (0..AT_ONCE)
            .map(|_| Box::pin(checks.check(TIME, pending::<Result<(), _>>())))
            .collect();
        let mut held = futures_util::future::join_all(held);
        tokio::select! {
            biased;
            _ = &mut held => panic!("they wait"),
            () = ready(()) => {}
        }
        let asked = async { panic!("MISP is asked") };
        let refused: Result<Result<(), FeedError>, Duration> = checks.check(TIME, asked).await;
        assert_eq!((refused.unwrap_err(), checks.turned_away()), (TIME, 1));
        held.await;
        assert!(checks.check(TIME, ready(Ok(()))).await.is_ok(), "places are free again");
    }
}
