//! Names in memory that are hashed once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A name in memory. Every answer looks several things up by it, so it is hashed once, when it is made, and copies of
/// it share their parts.
pub(crate) struct HashedKey<P>(Arc<Hashed<P>>);

struct Hashed<P> {
    parts: P,
    hash: u64,
}

/// Callers choose parts of names, for example the UUID of an organisation. A random key keeps them from choosing many
/// names with one hash.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl<P: Hash> HashedKey<P> {
    pub(crate) fn new(parts: P) -> Self {
        let hash = HASHER.hash_one(&parts);
        Self(Arc::new(Hashed { parts, hash }))
    }
}

impl<P> Clone for HashedKey<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Deref for HashedKey<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0.parts
    }
}

impl<P: PartialEq> PartialEq for HashedKey<P> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.parts == other.0.parts)
    }
}

impl<P: Eq> Eq for HashedKey<P> {}

impl<P> Hash for HashedKey<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// Shows the parts and nothing of this process.
impl<P: fmt::Debug> fmt::Debug for HashedKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.parts.fmt(f)
    }
}

/// A map by such names. It takes their hashes as they are.
pub(crate) type HashedKeyMap<K, V> = HashMap<K, V, BuildHasherDefault<SameHash>>;

/// The hash that a [`HashedKey`] has already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SameHash(u64);

impl Hasher for SameHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Of other keys, which are for tests: FNV-1a.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_where_their_parts_are() {
        let [one, same, other] = ["one", "one", "other"].map(HashedKey::new);
        assert_eq!((&one, HASHER.hash_one(&one)), (&same, HASHER.hash_one(&same)));
        assert_ne!(one, other);
        let map: HashedKeyMap<_, _> = [(one, 1), (other, 2)].into_iter().collect();
        assert_eq!((map.get(&same), map.len()), (Some(&1), 2));
    }
}
