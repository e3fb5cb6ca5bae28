//! When the client sends a question again.

use std::time::Duration;

use service_kit::Backoff;

use crate::{Error, ErrorKind};

/// How often the client sends a question again, and how long it waits before that.
///
/// By default it retries twice after a connection fault, and never after a rate limit. Requests that write are sent
/// again only after a rate limit, since MISP has then done nothing.
///
/// ```
/// use std::time::Duration;
/// use misp_client::{AuthKey, BaseUrl, Client, RetryPolicy};
///
/// // For example a nightly job that may wait ten minutes for the rate limit of its key.
/// let retries = RetryPolicy::new().max_retries(5).rate_limit_wait(Duration::from_secs(600));
/// let client = Client::builder("https://misp.example.net".parse()?, AuthKey::new("key")?).retries(retries);
/// # Ok::<(), misp_client::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max: u32,
    first_wait: Duration,
    rate_limit_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max: 2,
            first_wait: Duration::from_millis(100),
            rate_limit_wait: Duration::ZERO,
        }
    }
}

impl RetryPolicy {
    /// Returns the default: two retries after connection faults, the first after about 0.1 s, and none after a rate
    /// limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a policy that never sends a question again.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_retries(0)
    }

    /// Sets how often a question is sent again after a connection fault (default 2).
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max = retries;
        self
    }

    /// Sets the wait before the first retry (default 0.1 s). It doubles with each further one, up to 64 times. The
    /// client waits a random half to whole of it, so that many clients of one MISP do not come back at the same moment.
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// Sets how long one question may wait in all for a rate limit to end (default 0: status 429 is an error at once).
    ///
    /// The client waits as long as `X-Rate-Limit-Reset` or `Retry-After` says. If that is longer, it fails at once with
    /// [`ErrorKind::RateLimited`]. The wait does not count towards the time-out of the question.
    #[must_use]
    pub fn rate_limit_wait(mut self, at_most: Duration) -> Self {
        self.rate_limit_wait = at_most;
        self
    }

    /// Returns the wait before the next try, after this many failed ones; `None` when the client gives up.
    pub(crate) fn wait(self, failed: u32) -> Option<Duration> {
        if failed == 0 || failed > self.max {
            return None;
        }
        let longest = self.first_wait.saturating_mul(64);
        Some(Backoff::new(self.first_wait, longest).wait(failed))
    }

    /// Returns the wait before a rate-limited question is sent again, after `waited` of waiting for limits; `None` when
    /// the client gives up.
    pub(crate) fn wait_for_limit(self, error: &Error, waited: Duration) -> Option<Duration> {
        let is_limited = error.kind() == ErrorKind::RateLimited;
        // Headers count whole seconds: 0 means "any moment now".
        let wait = error
            .retry_after()
            .filter(|_| is_limited)?
            .max(Duration::from_millis(500));
        (waited + wait <= self.rate_limit_wait).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_end() {
        let policy = RetryPolicy::new().max_retries(3);
        for (failed, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400)] {
            let wait = policy.wait(failed).unwrap().as_millis();
            assert!((least..=most).contains(&wait), "{failed}: {wait}");
        }
        assert_eq!(policy.wait(4), None);
        assert_eq!(RetryPolicy::none().wait(1), None);
        assert!(RetryPolicy::new().max_retries(u32::MAX).wait(1_000).unwrap() <= Duration::from_secs(7));
    }

    #[test]
    fn rate_limit_is_waited_for_only_within_the_bound() {
        let limited = |seconds| Error::new(ErrorKind::RateLimited).with_retry_after(Some(Duration::from_secs(seconds)));
        let policy = RetryPolicy::new().rate_limit_wait(Duration::from_secs(10));
        assert_eq!(
            policy.wait_for_limit(&limited(4), Duration::ZERO),
            Some(Duration::from_secs(4))
        );
        assert_eq!(policy.wait_for_limit(&limited(4), Duration::from_secs(7)), None);
        assert_eq!(
            policy.wait_for_limit(&Error::new(ErrorKind::RateLimited), Duration::ZERO),
            None
        );
        assert_eq!(RetryPolicy::new().wait_for_limit(&limited(1), Duration::ZERO), None);
    }
}
