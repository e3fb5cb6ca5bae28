//! The clock that edits, relative filters and the `Date` header go by.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// A clock in whole unix seconds that a test can set; clones show the same time.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> i64 + Send + Sync>,
    ahead: Arc<AtomicI64>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::from_fn(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }
}

impl Clock {
    /// Returns a clock that asks `source` for the unix seconds.
    pub fn from_fn(source: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            source: Arc::new(source),
            ahead: Arc::new(AtomicI64::new(0)),
        }
    }

    /// Returns a clock that stands still at `unix` until it is moved.
    #[must_use]
    pub fn fixed(unix: i64) -> Self {
        Self::from_fn(move || unix)
    }

    /// Returns the unix seconds it shows.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.source)().saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    /// Moves it forward, or back with a negative number.
    pub fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Moves it so that it shows `unix` now.
    pub fn set(&self, unix: i64) {
        self.advance(unix.saturating_sub(self.now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(100);
        let copy = clock.clone();
        clock.advance(5);
        assert_eq!(copy.now(), 105);
        copy.set(50);
        assert_eq!(clock.now(), 50);
    }
}
