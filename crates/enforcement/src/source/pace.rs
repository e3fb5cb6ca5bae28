//! The time of the next poll: at intervals that differ between hosts, and later with each failure.

use std::time::Duration;

use service_kit::{Backoff, Jitter};

/// The first pause after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The longest pause, whatever a server asks for.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The spread of the interval, so that hosts that were started together do not ask at the same moment.
const SPREAD: Jitter = Jitter::between(0.9, 1.1);

/// The pauses between the polls of one feed.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// Returns the pause after an answer. `chance` is from 0 to 1.
    pub(super) fn after_answer(&mut self, chance: f64) -> Duration {
        self.failures = 0;
        SPREAD.at(self.interval, chance)
    }

    /// Returns the pause after a failure. It doubles each time and is at least the `Retry-After` of the server.
    pub(super) fn after_failure(&mut self, retry_after: Option<Duration>, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let longest = LONGEST.max(self.interval);
        let bound = self.interval.max(FIRST_RETRY).saturating_mul(4).min(longest);
        let backoff = Backoff::new(FIRST_RETRY, bound).jitter(SPREAD);
        let asked = retry_after.unwrap_or_default().min(longest);
        // Never sooner than the server asks for; the chance only adds to that.
        asked.max(backoff.wait_at(self.failures, chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_asked_about_soon_and_then_more_and_more_seldom() {
        let mut pace = Pace::new(Duration::from_secs(60));
        let pauses: Vec<u64> = (0..7).map(|_| pace.after_failure(None, 0.5).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 240]);
        assert_eq!(pace.after_answer(0.5).as_secs(), 60);
        assert_eq!(pace.after_failure(None, 0.5).as_secs(), 5, "an answer begins anew");
    }

    #[test]
    fn a_server_is_not_asked_before_it_wants_nor_kept_waiting_for_ever() {
        let mut pace = Pace::new(Duration::from_secs(60));
        assert_eq!(pace.after_failure(Some(Duration::from_secs(90)), 0.5).as_secs(), 90);
        assert_eq!(pace.after_failure(Some(Duration::from_secs(u64::MAX)), 0.5), LONGEST);
    }

    #[test]
    fn hosts_part() {
        let mut pace = Pace::new(Duration::from_secs(100));
        assert_eq!(
            (pace.after_answer(0.0).as_secs(), pace.after_answer(1.0).as_secs()),
            (90, 110)
        );
    }
}
