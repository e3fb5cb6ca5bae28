//! Values in memory, bounded by bytes.

use std::{fmt, hash::Hash};

use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};

/// Says how much memory a value holds.
pub trait Weigh {
    /// Returns the bytes that would be free if this value went, about; cheap to ask.
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

impl<T: Weigh> Weigh for crate::Stamped<T> {
    fn weight_bytes(&self) -> usize {
        self.value.weight_bytes()
    }
}

/// What every entry counts beside its value, in bytes: its key and its place, so that empty values are bounded too.
pub const ENTRY_OVERHEAD: u32 = 256;

/// Keeps values up to a bound in bytes; beyond it the least recently used ones leave.
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
            // The default policy would rather keep what is asked for often than let a new feed in.
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
            // Left to itself moka would throw out everything else before it sees that this does not help.
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

    /// Takes out every value that the predicate names, and returns how many.
    ///
    /// A value that is replaced meanwhile is asked about again, so a newer one goes only if it is named itself.
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

    /// Returns a clone of every key and value, in no order, without counting as a use. What comes or goes meanwhile may be missing.
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

    /// Returns whether there is no value.
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

/// moka weighs in 32 bits: what is heavier counts as 4 GiB.
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
