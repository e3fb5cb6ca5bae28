//! Values in memory, bounded by bytes.

use std::{fmt, hash::Hash};

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

impl<T: Weigh + ?Sized> Weigh for std::sync::Arc<T> {
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
/// Reading gives a clone, so put large values in an [`Arc`](std::sync::Arc). A value that is heavier than the whole
/// bound is not kept at all, and also takes the place of an older value under its key: after
/// [`insert`](Self::insert) there is either the new value or none. Cheap to clone; clones share the values.
pub struct MemoryStore<K, V> {
    cache: Cache<K, V>,
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
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, value: &V| weight(value))
            // The default policy prefers values that are used often to a new feed.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { cache, max_bytes }
    }

    /// Returns a clone of the value, which now counts as recently used.
    pub fn get(&self, key: &K) -> Option<V> {
        self.cache.get(key)
    }

    /// Puts the value in the place of an older one. When this returns, the bound holds again.
    pub fn insert(&self, key: K, value: V) {
        if u64::from(weight(&value)) > self.max_bytes {
            // Without this check moka would evict everything else before it sees that this does not help.
            self.cache.invalidate(&key);
        } else {
            self.cache.insert(key, value);
        }
        self.settle();
    }

    /// Takes the value out and returns it.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.cache.remove(key)
    }

    /// Removes every value for which the predicate returns true, and returns their number.
    ///
    /// The predicate is asked again about a value that is replaced meanwhile.
    pub fn remove_if(&self, mut predicate: impl FnMut(&K, &V) -> bool) -> usize {
        let mut removed = 0;
        for (key, value) in &self.cache {
            if !predicate(&key, &value) {
                continue;
            }
            let entry = self.cache.entry_by_ref(&*key);
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
        self.cache.iter().map(|(key, value)| ((*key).clone(), value)).collect()
    }

    /// Returns the bytes that the values weigh now, [`ENTRY_OVERHEAD`] each included.
    #[must_use]
    pub fn weighted_size(&self) -> u64 {
        self.settle();
        self.cache.weighted_size()
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.settle();
        self.cache.entry_count()
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
        self.cache.run_pending_tasks();
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
