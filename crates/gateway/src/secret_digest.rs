//! Digests of what requests bring, secrets included, as names in memory.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use zeroize::Zeroizing;

/// Makes digests with a random key of its own.
///
/// A digest stands for a token: a text with the digest of a good token counts as that token. So a stranger must not
/// find another text with the same digest. SipHash-2-4 with 128 bits was made for this: a short text, a secret key. Its
/// digests never leave this process, so a stranger can only guess, and a guess hits one of a million tokens with a
/// chance of 2^-108. It takes a thirtieth of the time of SHA-256 where the processor has no instructions for that.
///
/// A search for a digest need not take the same time for each text. How long it takes depends on the digest, and a
/// caller cannot know without the key which text has which digest.
pub(crate) struct SecretDigests(Option<Zeroizing<[u8; 16]>>);

/// A digest; nothing of the text can be found from it.
pub(crate) type SecretDigest = [u8; 16];

impl Default for SecretDigests {
    /// Without random bytes of the system there are no digests, and nothing is remembered.
    fn default() -> Self {
        let mut key = Zeroizing::new([0; 16]);
        Self(getrandom::fill(&mut *key).ok().map(|()| key))
    }
}

impl SecretDigests {
    /// Returns the digest of these parts in their order. Two lists of parts have different digests, also where their
    /// texts put together are equal; a missing part is not an empty one.
    pub(crate) fn of<const N: usize>(&self, parts: [Option<&[u8]>; N]) -> Option<SecretDigest> {
        let mut digest = SipHasher24::new_with_key(self.0.as_ref()?);
        // The lengths in front keep the parts apart.
        let lengths = parts.map(|part| part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
        digest.write(lengths.as_flattened());
        for part in parts.into_iter().flatten() {
            digest.write(part);
        }
        Some(digest.finish128().as_bytes())
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
        let of = |digests: &SecretDigests| digests.of([Some(&b"token"[..])]).unwrap();
        assert_eq!(of(&one), of(&one));
        assert_ne!(of(&one), of(&other));
    }

    proptest! {
        #[test]
        fn other_parts_have_other_digests(one in parts(), other in parts()) {
            let digests = SecretDigests::default();
            let of = |parts: &Parts| digests.of(parts.each_ref().map(Option::as_deref)).unwrap();
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }
    }

    type Parts = [Option<Vec<u8>>; 3];

    fn parts() -> impl Strategy<Value = Parts> {
        prop::array::uniform3(prop::option::of(prop::collection::vec(0u8..3, 0..40)))
    }

    #[test]
    fn neither_the_place_of_a_text_nor_its_absence_is_lost() {
        let digests = SecretDigests::default();
        let lists: [[Option<&[u8]>; 2]; 5] = [
            [Some(b"ab"), Some(b"")],
            [Some(b""), Some(b"ab")],
            [Some(b"a"), Some(b"b")],
            [Some(b"ab"), None],
            [None, Some(b"ab")],
        ];
        let mut found: Vec<_> = lists.into_iter().map(|list| digests.of(list).unwrap()).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), lists.len());
    }
}
