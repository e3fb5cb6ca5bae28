//! The pauses between two connections of a stream.

use std::time::Duration;

use service_kit::{Backoff, Jitter};

/// The longest pause, whatever fails and whatever a server asks for.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The pauses between the connections to one feed.
#[derive(Clone, Debug)]
pub(super) struct Pauses {
    first: Duration,
    /// A connection that lasted this long was a good one.
    good: Duration,
    failures: u32,
}

impl Pauses {
    pub(super) const fn new(first: Duration, good: Duration) -> Self {
        Self {
            first,
            good,
            failures: 0,
        }
    }

    /// Returns the pause after a connection that lasted this long, or that was not made. It doubles with each failure
    /// and is at least as long as the server asked for. `chance`, from 0 to 1, spreads clients that lost their
    /// connections together.
    pub(super) fn after(&mut self, lasted: Option<Duration>, retry_after: Option<Duration>, chance: f64) -> Duration {
        if lasted.is_some_and(|lasted| lasted >= self.good) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let backoff = Backoff::new(self.first, LONGEST).jitter(Jitter::between(0.5, 1.5));
        backoff
            .wait_at(self.failures, chance)
            .max(retry_after.unwrap_or_default().min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses() -> Pauses {
        Pauses::new(Duration::from_secs(3), Duration::from_secs(60))
    }

    #[test]
    fn pauses_double_until_a_connection_lasts() {
        let mut pauses = pauses();
        let mut after = |lasted| pauses.after(lasted, None, 0.5).as_secs();
        let short = Some(Duration::from_secs(1));
        let rests = [
            after(None),
            after(None),
            after(short),
            after(None),
            after(Some(Duration::from_secs(60))),
        ];
        assert_eq!(
            rests,
            [3, 6, 12, 24, 3],
            "a server that only sends a snapshot each time gives no good connection"
        );
        assert_eq!((0..20).map(|_| after(None)).max(), Some(LONGEST.as_secs()));
    }

    #[test]
    fn pauses_are_spread_and_heed_retry_after() {
        let pause = |retry, chance| pauses().after(None, retry, chance);
        assert_eq!(
            (pause(None, 0.0).as_millis(), pause(None, 1.0).as_millis()),
            (1500, 4500)
        );
        assert_eq!(pause(Some(Duration::from_secs(90)), 0.5).as_secs(), 90);
        assert_eq!(pause(Some(Duration::MAX), 0.5), LONGEST);
    }
}
