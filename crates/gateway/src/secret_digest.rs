//! Digests of what requests bring, secrets included, as names in memory.

use std::fmt;

use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use zeroize::Zeroizing;

/// Makes digests with a random key of its own.
///
/// A digest stands for a token: a text with the digest of a good token counts as that token. So a stranger must not
/// find another text with the same digest. Poly1305 under a secret key that makes nothing else and whose digests never
/// leave this process keeps them apart as well as it keeps forged tokens out, whose seal is the same function: for two
/// texts of a kilobyte that the stranger chooses, the chance is below 2^-96. It takes a tenth of the time of SHA-256
/// where the processor has no instructions for that.
///
/// A search for a digest need not take the same time for each text. How long it takes depends on the digest, and a
/// caller cannot know without the key which text has which digest.
pub(crate) struct SecretDigests(Option<Zeroizing<[u8; 32]>>);

/// A digest; nothing of the text can be found from it.
pub(crate) type SecretDigest = [u8; 16];

impl Default for SecretDigests {
    /// Without random bytes of the system there are no digests, and nothing is remembered.
    fn default() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        Self(getrandom::fill(&mut *key).ok().map(|()| key))
    }
}

impl SecretDigests {
    /// Returns the digest of these parts in their order. Two lists of parts have different digests, also where their
    /// texts put together are equal.
    pub(crate) fn of<'p>(&self, parts: impl IntoIterator<Item = &'p [u8]>) -> Option<SecretDigest> {
        let mut digest = Poly1305::new((&**self.0.as_ref()?).into());
        for part in parts {
            // Parts are filled up to whole blocks, so the length in front keeps them apart.
            digest.update_padded(&(part.len() as u64).to_be_bytes());
            digest.update_padded(part);
        }
        Some(digest.finalize().into())
    }
}

/// Shows no key.
impl fmt::Debug for SecretDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretDigests").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_instance_has_a_key_of_its_own() {
        let (one, other) = (SecretDigests::default(), SecretDigests::default());
        let of = |digests: &SecretDigests| digests.of([&b"token"[..]]).unwrap();
        assert_eq!(of(&one), of(&one));
        assert_ne!(of(&one), of(&other));
    }

    proptest! {
        #[test]
        fn other_parts_have_other_digests(one in prop::collection::vec(prop::collection::vec(0u8..3, 0..40), 0..4), other in prop::collection::vec(prop::collection::vec(0u8..3, 0..40), 0..4)) {
            let digests = SecretDigests::default();
            let of = |parts: &[Vec<u8>]| digests.of(parts.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }
    }
}
