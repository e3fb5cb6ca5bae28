//! A circuit breaker: after a failure the store rests for a while, so that not every request waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service_kit::{Backoff, Jitter};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Without jitter: each process asks when one of its own callers comes, which spreads the questions already.
const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).jitter(Jitter::NONE);

/// Decides whether the store is asked. After each failure it rests for twice as long, up to eight seconds; then one
/// caller tries.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Returns whether the caller may ask.
    pub(super) fn permits(&self) -> bool {
        let mut state = self.state();
        let Some(until) = state.rests_until else { return true };
        let now = Instant::now();
        if now < until {
            return false;
        }
        // The others wait for the result of this caller, for one pause even if it leaves without a result.
        state.rests_until = Some(now + BACKOFF.wait(state.failures));
        true
    }

    /// Returns whether the store rests now; this does not count as a try.
    pub(super) fn rests(&self) -> bool {
        self.state().rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// Records a success; returns whether the store had failed before.
    pub(super) fn worked(&self) -> bool {
        let mut state = self.state();
        let was_resting = state.rests_until.is_some();
        *state = State::default();
        was_resting
    }

    pub(super) fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.rests_until = Some(Instant::now() + BACKOFF.wait(state.failures));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_the_store_rests_and_then_one_caller_asks() {
        let breaker = Breaker::default();
        assert!(breaker.permits());
        breaker.failed();
        assert!(!breaker.permits() && breaker.rests());
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(!breaker.rests());
        assert!(breaker.permits());
        assert!(!breaker.permits());
        assert!(breaker.worked());
        assert!(breaker.permits());
        assert!(!breaker.worked());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_bound() {
        let breaker = Breaker::default();
        (0..20).for_each(|_| breaker.failed());
        tokio::time::advance(LONGEST_PAUSE - Duration::from_millis(1)).await;
        assert!(!breaker.permits());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(breaker.permits());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_does_not_keep_it_shut() {
        let breaker = Breaker::default();
        breaker.failed();
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(breaker.permits());
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(breaker.permits());
    }
}
