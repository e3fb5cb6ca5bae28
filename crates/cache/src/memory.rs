//! Values in memory, bounded by bytes.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};

/// A value with a known amount of memory.
pub trait Weigh {
    /// Returns the approximate bytes that dropping this value would free. Called often, so it must be cheap.
    fn weight_bytes(&self) -> usize;
}

impl Weigh for Vec<u8> {
    fn weight_bytes(&self) -> usize {
        self.capacity()
    }
}

impl Weigh for String {
    fn weight_bytes(&self) -> usize {
        self.capacity()
    }
}

impl<T: Weigh + ?Sized> Weigh for Arc<T> {
    fn weight_bytes(&self) -> usize {
        (**self).weight_bytes()
    }
}

impl<T: Weigh> Weigh for crate::TimedValue<T> {
    fn weight_bytes(&self) -> usize {
        self.value.weight_bytes()
    }
}

/// The bytes that each entry counts beside its value, for its key and its place, so that empty values are bounded too.
pub const ENTRY_OVERHEAD: u32 = 256;

/// Keeps values up to a bound in bytes, and evicts the least recently used ones above it.
///
/// Reading gives a clone, so put large values in an [`Arc`]. A value that is heavier than the whole
/// bound is not kept at all, and also takes the place of an older value under its key: after
/// [`insert`](Self::insert) there is either the new value or none. Cheap to clone; clones share the values. It takes
/// hardly any memory before the first value comes.
pub struct MemoryStore<K, V> {
    /// Made with the first value: its queues take 30 kB, and a daemon has a dozen stores.
    cache: Arc<OnceLock<Cache<K, V>>>,
    max_bytes: u64,
}

impl<K, V> MemoryStore<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Weigh + Clone + Send + Sync + 'static,
{
    /// Returns an empty store that keeps values of `max_bytes` together; zero keeps nothing.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let cache = Arc::default();
        Self { cache, max_bytes }
    }

    fn cache(&self) -> &Cache<K, V> {
        let max_bytes = self.max_bytes;
        self.cache.get_or_init(|| {
            Cache::builder()
                .max_capacity(max_bytes)
                .weigher(|_, value: &V| weight(value))
                // The default policy prefers values that are used often to a new feed.
                .eviction_policy(EvictionPolicy::lru())
                .build()
        })
    }

    /// Returns a clone of the value, which now counts as recently used.
    pub fn get(&self, key: &K) -> Option<V> {
        self.cache.get()?.get(key)
    }

    /// Puts the value in the place of an older one. When this returns, the bound holds again.
    pub fn insert(&self, key: K, value: V) {
        if u64::from(weight(&value)) > self.max_bytes {
            // Without this check moka would evict everything else before it sees that this does not help.
            self.remove(&key);
        } else {
            self.cache().insert(key, value);
        }
        self.settle();
    }

    /// Takes the value out and returns it.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.cache.get()?.remove(key)
    }

    /// Removes every value for which the predicate returns true, and returns their number.
    ///
    /// The predicate is asked again about a value that is replaced meanwhile.
    pub fn remove_if(&self, mut predicate: impl FnMut(&K, &V) -> bool) -> usize {
        let Some(cache) = self.cache.get() else { return 0 };
        let mut removed = 0;
        for (key, value) in cache {
            if !predicate(&key, &value) {
                continue;
            }
            let entry = cache.entry_by_ref(&*key);
            entry.and_compute_with(|present| match present {
                Some(present) if predicate(&key, present.value()) => {
                    removed += 1;
                    Op::Remove
                }
                _ => Op::Nop,
            });
        }
        self.settle();
        removed
    }

    /// Returns a clone of every key and value, unordered, without counting as a use. Values that come or go meanwhile
    /// may be missing.
    #[must_use]
    pub fn entries(&self) -> Vec<(K, V)> {
        let values = self.cache.get().into_iter().flatten();
        values.map(|(key, value)| ((*key).clone(), value)).collect()
    }

    /// Returns the bytes that the values weigh now, [`ENTRY_OVERHEAD`] each included.
    #[must_use]
    pub fn weighted_size(&self) -> u64 {
        self.settle();
        self.cache.get().map_or(0, Cache::weighted_size)
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.settle();
        self.cache.get().map_or(0, Cache::entry_count)
    }

    /// Returns whether the store has no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bound in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// moka evicts in batches; with values of megabytes a batch would be far over the bound.
    fn settle(&self) {
        if let Some(cache) = self.cache.get() {
            cache.run_pending_tasks();
        }
    }
}

/// moka weighs in 32 bits: a heavier value counts as 4 GiB.
fn weight(value: &impl Weigh) -> u32 {
    u32::try_from(value.weight_bytes())
        .unwrap_or(u32::MAX)
        .saturating_add(ENTRY_OVERHEAD)
}

impl<K, V> Clone for MemoryStore<K, V> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            max_bytes: self.max_bytes,
        }
    }
}

/// Shows the bound, no keys and no values.
impl<K, V> fmt::Debug for MemoryStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_without_a_value_is_not_made() {
        let store: MemoryStore<&str, String> = MemoryStore::new(1_000);
        assert_eq!((store.get(&"a"), store.remove(&"a")), (None, None));
        assert_eq!((store.len(), store.weighted_size()), (0, 0));
        assert!(store.entries().is_empty() && store.remove_if(|_, _| true) == 0);
        store.insert("too heavy", "x".repeat(2_000));
        assert!(store.cache.get().is_none());
        let clone = store.clone();
        store.insert("a", "b".to_owned());
        assert_eq!(clone.get(&"a"), Some("b".to_owned()));
    }
}
