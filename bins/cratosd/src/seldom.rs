//! Something that could be said for every request, and is said once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one line a minute through and counts the others.
#[derive(Debug)]
pub(crate) struct Seldom {
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    said_at: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    pub(crate) const fn once_a_minute() -> Self {
        Self {
            pause: Duration::from_secs(60),
            state: Mutex::new(State {
                said_at: None,
                unsaid: 0,
            }),
        }
    }

    /// Says it, if it is time; `say` is told how often it has not been said since the last time.
    pub(crate) fn say(&self, say: impl FnOnce(u64)) {
        if let Some(unsaid) = self.unsaid_by(Instant::now()) {
            say(unsaid);
        }
    }

    fn unsaid_by(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .said_at
            .is_some_and(|at| now.saturating_duration_since(at) < self.pause)
        {
            state.unsaid += 1;
            return None;
        }
        state.said_at = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute_and_the_others_are_counted() {
        let seldom = Seldom::once_a_minute();
        let begin = Instant::now();
        let at = |seconds| seldom.unsaid_by(begin + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(1), at(59), at(60), at(61), at(200)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
