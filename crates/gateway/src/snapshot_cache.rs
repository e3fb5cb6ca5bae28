//! What follows from a request and a configuration, kept until the configuration changes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lru::LruCache;

use crate::configuration::Snapshot;
use crate::secret_digest::SecretDigest;

/// Values that hold for one snapshot of the configuration, up to a bound in bytes: above it the value goes that was
/// used the longest ago. With the next snapshot all of them go, so none outlives a revoked token, a changed rule or a
/// key.
pub(crate) struct SnapshotCache<V, S = Snapshot> {
    kept: Mutex<Kept<V, S>>,
    max_bytes: usize,
}

struct Kept<V, S> {
    /// The place of a snapshot is not used again while this refers to it.
    snapshot: Weak<S>,
    values: LruCache<SecretDigest, Weighed<V>>,
    bytes: usize,
}

struct Weighed<V> {
    value: V,
    bytes: usize,
}

/// What an entry takes beside its value: its name, its place and the links to its neighbours.
const ENTRY_BYTES: usize = 128;

impl<V: Clone, S> SnapshotCache<V, S> {
    /// Returns an empty cache for values of `max_bytes` together.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let kept = Kept {
            snapshot: Weak::new(),
            values: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            kept: Mutex::new(kept),
            max_bytes,
        }
    }

    /// Returns the value with this name, if it was made under this snapshot.
    pub(crate) fn find(&self, snapshot: &Arc<S>, name: SecretDigest) -> Option<V> {
        let mut kept = self.lock();
        if kept.holds_for(snapshot) {
            return kept.values.get(&name).map(|weighed| weighed.value.clone());
        }
        None
    }

    /// Keeps a value that was made under this snapshot and takes so many bytes.
    pub(crate) fn remember(&self, snapshot: &Arc<S>, name: SecretDigest, value: V, bytes: usize) {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.max_bytes {
            return;
        }
        let mut kept = self.lock();
        if !kept.holds_for(snapshot) {
            kept.begin(snapshot);
        }
        kept.bytes += bytes;
        if let Some(before) = kept.values.put(name, Weighed { value, bytes }) {
            kept.bytes -= before.bytes;
        }
        while kept.bytes > self.max_bytes
            && let Some((_, oldest)) = kept.values.pop_lru()
        {
            kept.bytes -= oldest.bytes;
        }
    }

    /// Removes the value with this name.
    pub(crate) fn forget(&self, name: &SecretDigest) {
        let mut kept = self.lock();
        if let Some(gone) = kept.values.pop(name) {
            kept.bytes -= gone.bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V, S>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V, S> Kept<V, S> {
    fn holds_for(&self, snapshot: &Arc<S>) -> bool {
        std::ptr::eq(self.snapshot.as_ptr(), Arc::as_ptr(snapshot))
    }

    fn begin(&mut self, snapshot: &Arc<S>) {
        self.snapshot = Arc::downgrade(snapshot);
        self.values.clear();
        self.bytes = 0;
    }
}

/// Shows no value.
impl<V, S> fmt::Debug for SnapshotCache<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotCache")
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: usize) -> SnapshotCache<u32, &'static str> {
        SnapshotCache::new(entries * (ENTRY_BYTES + 10))
    }

    fn name(number: u8) -> SecretDigest {
        [number; 16]
    }

    #[test]
    fn values_go_with_their_snapshot() {
        let (cache, old, new) = (cache(4), Arc::new("same text"), Arc::new("same text"));
        cache.remember(&old, name(1), 1, 10);
        assert_eq!((cache.find(&old, name(1)), cache.find(&new, name(1))), (Some(1), None));
        cache.remember(&new, name(2), 2, 10);
        assert_eq!((cache.find(&new, name(1)), cache.find(&new, name(2))), (None, Some(2)));
        assert_eq!(cache.find(&old, name(1)), None);
    }

    /// The allocator may give the next snapshot the place of one that is gone.
    #[test]
    fn no_value_is_found_under_a_snapshot_in_the_place_of_another() {
        let cache = cache(4);
        for _ in 0..100 {
            let snapshot = Arc::new("a snapshot");
            assert_eq!(cache.find(&snapshot, name(1)), None);
            cache.remember(&snapshot, name(1), 1, 10);
        }
    }

    #[test]
    fn above_its_bytes_the_value_goes_that_was_used_the_longest_ago() {
        let (cache, snapshot) = (cache(3), Arc::new(""));
        for number in 1..=3 {
            cache.remember(&snapshot, name(number), number.into(), 10);
        }
        assert_eq!(cache.find(&snapshot, name(1)), Some(1));
        cache.remember(&snapshot, name(4), 4, 10);
        let found: Vec<_> = (1..=4).map(|number| cache.find(&snapshot, name(number))).collect();
        assert_eq!(found, [Some(1), None, Some(3), Some(4)]);
        cache.remember(&snapshot, name(5), 5, 10_000);
        assert_eq!(cache.find(&snapshot, name(5)), None, "it is larger than the cache");
        assert_eq!(cache.lock().bytes, 3 * (ENTRY_BYTES + 10));
        cache.forget(&name(1));
        cache.remember(&snapshot, name(4), 44, 10);
        assert_eq!(cache.find(&snapshot, name(4)), Some(44));
        assert_eq!(cache.lock().bytes, 2 * (ENTRY_BYTES + 10));
    }
}
