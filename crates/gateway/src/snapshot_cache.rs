//! What follows from a request and a configuration, kept until the configuration changes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::secret_digest::SecretDigest;

/// Values that hold for one snapshot of the configuration, up to a bound in bytes: above it the value goes that was
/// used the longest ago. With the next snapshot all of them go, so none outlives a revoked token, a changed rule or a
/// key.
pub(crate) struct SnapshotCache<V> {
    kept: Mutex<Kept<V>>,
    max_bytes: usize,
}

struct Kept<V> {
    generation: Generation,
    values: LruCache<SecretDigest, Weighed<V>>,
    bytes: usize,
}

struct Weighed<V> {
    value: V,
    bytes: usize,
}

/// The number of a snapshot of the configuration. No other snapshot of this process has it, and later ones have greater
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u64);

impl Generation {
    /// Before all snapshots.
    const NONE: Self = Self(0);

    /// Returns the next number.
    pub(crate) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What an entry takes beside its value: its name, its place and the links to its neighbours.
const ENTRY_BYTES: usize = 128;

impl<V: Clone> SnapshotCache<V> {
    /// Returns an empty cache for values of `max_bytes` together.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let kept = Kept {
            generation: Generation::NONE,
            values: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            kept: Mutex::new(kept),
            max_bytes,
        }
    }

    /// Returns the value with this name, if it was made under the snapshot of this generation.
    pub(crate) fn find(&self, generation: Generation, name: SecretDigest) -> Option<V> {
        let mut kept = self.lock();
        if kept.generation == generation {
            return kept.values.get(&name).map(|weighed| weighed.value.clone());
        }
        None
    }

    /// Keeps a value that was made under the snapshot of this generation and takes so many bytes. A request that began
    /// before a reload may come with its value after it: the value is dropped, and those of the new snapshot stay.
    pub(crate) fn remember(&self, generation: Generation, name: SecretDigest, value: V, bytes: usize) {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.max_bytes {
            return;
        }
        let mut kept = self.lock();
        if generation < kept.generation {
            return;
        }
        if generation > kept.generation {
            kept.begin(generation);
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

    /// Removes the value with this name, if it was made under the snapshot of this generation.
    pub(crate) fn forget(&self, generation: Generation, name: &SecretDigest) {
        let mut kept = self.lock();
        if kept.generation != generation {
            return;
        }
        if let Some(gone) = kept.values.pop(name) {
            kept.bytes -= gone.bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Kept<V> {
    fn begin(&mut self, generation: Generation) {
        self.generation = generation;
        self.values.clear();
        self.bytes = 0;
    }
}

/// Shows no value.
impl<V> fmt::Debug for SnapshotCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotCache")
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: usize) -> SnapshotCache<u32> {
        SnapshotCache::new(entries * (ENTRY_BYTES + 10))
    }

    fn name(number: u8) -> SecretDigest {
        [number; 16]
    }

    fn generations() -> (Generation, Generation) {
        (Generation::next(), Generation::next())
    }

    #[test]
    fn values_go_with_their_snapshot() {
        let (cache, (old, new)) = (cache(4), generations());
        cache.remember(old, name(1), 1, 10);
        assert_eq!((cache.find(old, name(1)), cache.find(new, name(1))), (Some(1), None));
        cache.remember(new, name(2), 2, 10);
        assert_eq!((cache.find(new, name(1)), cache.find(new, name(2))), (None, Some(2)));
        assert_eq!(cache.find(old, name(1)), None);
    }

    /// Otherwise one slow request would empty the memory of all others after each reload.
    #[test]
    fn a_value_of_an_old_snapshot_that_comes_late_takes_nothing_from_the_new_one() {
        let (cache, (old, new)) = (cache(4), generations());
        cache.remember(new, name(1), 1, 10);
        cache.remember(old, name(2), 2, 10);
        assert_eq!((cache.find(new, name(1)), cache.find(new, name(2))), (Some(1), None));
        assert_eq!(cache.find(old, name(2)), None);
    }

    #[test]
    fn above_its_bytes_the_value_goes_that_was_used_the_longest_ago() {
        let (cache, (snapshot, _)) = (cache(3), generations());
        for number in 1..=3 {
            cache.remember(snapshot, name(number), number.into(), 10);
        }
        assert_eq!(cache.find(snapshot, name(1)), Some(1));
        cache.remember(snapshot, name(4), 4, 10);
        let found: Vec<_> = (1..=4).map(|number| cache.find(snapshot, name(number))).collect();
        assert_eq!(found, [Some(1), None, Some(3), Some(4)]);
        cache.remember(snapshot, name(5), 5, 10_000);
        assert_eq!(cache.find(snapshot, name(5)), None, "it is larger than the cache");
        assert_eq!(cache.lock().bytes, 3 * (ENTRY_BYTES + 10));
        cache.forget(Generation::next(), &name(1));
        assert_eq!(cache.find(snapshot, name(1)), Some(1), "it is of another snapshot");
        cache.forget(snapshot, &name(1));
        cache.remember(snapshot, name(4), 44, 10);
        assert_eq!(cache.find(snapshot, name(4)), Some(44));
        assert_eq!(cache.lock().bytes, 2 * (ENTRY_BYTES + 10));
    }
}
