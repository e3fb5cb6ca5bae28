//! How often, and after how long, a question is asked again when no connection came about.

use std::time::Duration;

use service_kit::Backoff;

/// The waits: half to the whole of 0.1 s, 0.2 s and so on.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(6_400));

/// Retries after connection faults only: anything that MISP has begun to work on is not asked twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    max: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max: 2 }
    }
}

impl RetryPolicy {
    pub(crate) fn new(max: u32) -> Self {
        Self { max }
    }

    /// Returns the wait before the next try, after so many that failed; none when it is time to give up.
    ///
    /// A random half to whole of the step, so that many clients of one MISP do not come back in the same moment.
    pub(crate) fn wait(self, failed: u32) -> Option<Duration> {
        if failed == 0 || failed > self.max {
            return None;
        }
        Some(BACKOFF.wait(failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_end() {
        let policy = RetryPolicy::new(3);
        for (failed, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400)] {
            let wait = policy.wait(failed).unwrap().as_millis();
            assert!((least..=most).contains(&wait), "{failed}: {wait}");
        }
        assert_eq!(policy.wait(4), None);
        assert_eq!(RetryPolicy::new(0).wait(1), None);
        assert!(RetryPolicy::new(u32::MAX).wait(1_000).unwrap() <= Duration::from_secs(7));
    }
}
