//! When a request is sent again.

use std::time::Duration;

use service_kit::{Backoff, Jitter};

/// How often a client repeats a request, and how long it waits before.
///
/// The client repeats two kinds of failed requests:
/// - A connection that failed. Only requests that change nothing are repeated then, for example feeds and look-ups.
///   Sightings and new tokens are sent once, since the first request may have arrived.
/// - The status 429. cratosd did nothing with such a request, so every request is repeated.
///
/// A stream reconnects by rules of its own, see [`FeedStream`](crate::FeedStream).
///
/// ```
/// use std::time::Duration;
/// use cratos_client::Retry;
///
/// let patient = Retry::default().attempts(5).longest_wait(Duration::from_secs(600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    pub(crate) attempts: u32,
    pub(crate) pause: Duration,
    pub(crate) waits: u32,
    pub(crate) usual_wait: Duration,
    pub(crate) longest_wait: Duration,
}

impl Default for Retry {
    /// Returns 3 attempts with pauses from 0.5 s on, and up to 5 waits of at most 2 minutes each after a 429.
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(500),
            waits: 5,
            usual_wait: Duration::from_secs(5),
            longest_wait: Duration::from_secs(120),
        }
    }
}

impl Retry {
    /// Returns the policy of a caller that repeats requests itself: each request is sent once.
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts(1).waits(0)
    }

    /// Sets how often a request is sent when connections fail.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the pause after the first failed connection; it doubles with each further failure.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Sets how many answers with the status 429 are waited out.
    #[must_use]
    pub const fn waits(mut self, waits: u32) -> Self {
        self.waits = waits;
        self
    }

    /// Sets the longest wait after a 429, whatever `Retry-After` says.
    #[must_use]
    pub const fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Returns the pause after this many failed connections in a row; half to one and a half times the doubled pause.
    pub(crate) fn pause_after(&self, failures: u32) -> Duration {
        let backoff = Backoff::new(self.pause, self.pause.saturating_mul(64)).jitter(Jitter::between(0.5, 1.5));
        backoff.wait(failures)
    }

    /// Returns the wait after a 429 with this `Retry-After`.
    pub(crate) fn wait_after(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or(self.usual_wait).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_spread() {
        let retry = Retry::default();
        for (failures, milliseconds) in [(1, 500), (2, 1000), (3, 2000), (100, 32_000)] {
            let pause = retry.pause_after(failures).as_millis();
            assert!(
                (milliseconds / 2..=milliseconds * 3 / 2).contains(&pause),
                "{failures}: {pause}"
            );
        }
    }

    #[test]
    fn no_server_can_ask_for_more_than_the_longest_wait() {
        let retry = Retry::default();
        assert_eq!(retry.wait_after(None), Duration::from_secs(5));
        assert_eq!(retry.wait_after(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(retry.wait_after(Some(Duration::MAX)), Duration::from_secs(120));
    }
}
