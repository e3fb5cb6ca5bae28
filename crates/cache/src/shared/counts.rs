//! Counts of the use of a shared cache, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start of the process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SharedCounts {
    /// Values found and used, put by this replica or another one.
    pub hits: u64,
    /// Look-ups without a usable value.
    pub misses: u64,
    /// Values put.
    pub puts: u64,
    /// Values not put: too large, or the store had no room.
    pub not_put: u64,
    /// Values refused as foreign, truncated, out of place or of another key.
    pub rejected: u64,
    /// Values not used since a part of them was gone or overwritten.
    pub incomplete: u64,
    /// Questions that the store did not answer, or not in time.
    pub failures: u64,
    /// Questions not asked, since the store had just failed.
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
