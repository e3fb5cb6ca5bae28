//! A log line that any request can cause, written at most once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Lets one log line a minute through and counts the others.
///
/// One `LogLimit` belongs to one kind of line, so that a flood of one kind hides no other:
///
/// ```
/// use service_kit::LogLimit;
///
/// static TOO_MANY: LogLimit = LogLimit::once_a_minute();
///
/// let mut lines = Vec::new();
/// for _ in 0..1_000 {
///     TOO_MANY.say(|suppressed| lines.push(format!("too many connections ({suppressed} lines suppressed)")));
/// }
/// assert_eq!(lines, ["too many connections (0 lines suppressed)"]);
/// ```
#[derive(Debug)]
pub struct LogLimit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    written_at: Option<Instant>,
    suppressed: u64,
}

impl LogLimit {
    /// Returns a limit that lets its first line through.
    #[must_use]
    pub const fn once_a_minute() -> Self {
        Self {
            state: Mutex::new(State {
                written_at: None,
                suppressed: 0,
            }),
        }
    }

    /// Calls `say` if a minute has passed since its last call. `say` gets the number of calls that were suppressed in
    /// between.
    pub fn say(&self, say: impl FnOnce(u64)) {
        if let Some(suppressed) = self.due(Instant::now()) {
            say(suppressed);
        }
    }

    /// Returns the number of suppressed lines if a line is due at `now`, and then counts it as written.
    ///
    /// For callers with a clock of their own, for example tokio's, which tests can pause.
    pub fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.written_at.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since < MINUTE) {
            state.suppressed += 1;
            return None;
        }
        state.written_at = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::once_a_minute()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute_and_the_others_are_counted() {
        let limit = LogLimit::once_a_minute();
        let begin = Instant::now();
        let at = |seconds| limit.due(begin + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(1), at(59), at(60), at(61), at(200)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }

    #[test]
    fn a_line_is_written_at_once_and_the_next_ones_are_not() {
        let limit = LogLimit::default();
        let mut written = 0;
        for _ in 0..3 {
            limit.say(|_| written += 1);
        }
        assert_eq!(written, 1);
    }
}
