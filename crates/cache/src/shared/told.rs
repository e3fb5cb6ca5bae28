//! One log line per minute, however often the same thing happens.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Lets one line per minute through and counts the others.
#[derive(Debug, Default)]
pub(super) struct Told {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    kept_back: u64,
}

impl Told {
    /// Returns how many lines were kept back since the last one, if it is time for one now.
    pub(super) fn now(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.last.is_some_and(|last| now.duration_since(last) < MINUTE) {
            state.kept_back += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_per_minute_says_how_many_were_kept_back() {
        let told = Told::default();
        assert_eq!(told.now(), Some(0));
        assert_eq!((told.now(), told.now()), (None, None));
        tokio::time::advance(MINUTE).await;
        assert_eq!(told.now(), Some(2));
        assert_eq!(told.now(), None);
    }
}
