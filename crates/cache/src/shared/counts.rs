//! What has happened between us and the shared cache, for a metric.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often what happened since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SharedCounts {
    /// Values that another replica, or this one, had put there and that were used.
    pub hits: u64,
    /// Times that there was no value that could be used.
    pub misses: u64,
    /// Values put there.
    pub puts: u64,
    /// Values not put there: too large, or the store had no room.
    pub not_put: u64,
    /// Values refused as foreign, truncated, out of place or of another key.
    pub rejected: u64,
    /// Values not used since a part of them was gone or overwritten.
    pub incomplete: u64,
    /// Questions that the store did not answer, or not in time.
    pub failures: u64,
    /// Questions not asked, as the store had failed a moment ago.
    pub skipped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) puts: Counter,
    pub(super) not_put: Counter,
    pub(super) rejected: Counter,
    pub(super) incomplete: Counter,
    pub(super) failures: Counter,
    pub(super) skipped: Counter,
}

impl Counts {
    pub(super) fn read(&self) -> SharedCounts {
        SharedCounts {
            hits: self.hits.read(),
            misses: self.misses.read(),
            puts: self.puts.read(),
            not_put: self.not_put.read(),
            rejected: self.rejected.read(),
            incomplete: self.incomplete.read(),
            failures: self.failures.read(),
            skipped: self.skipped.read(),
        }
    }
}
