//! The key that seals the last good sets of feeds in the state directory.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::derivation::derived;

const INFO: &[u8] = b"cratos/last-good/v1";

/// Returns the 32 bytes that this encryption key and salt give for the last good sets of feeds: HKDF-SHA256 with the
/// info `cratos/last-good/v1`.
///
/// Use one key for each encryption key of the configuration, newest first, so that sets stay readable while the keys
/// change.
#[must_use]
pub fn last_good_key(encryption_key: &SecretString, salt: &SecretString) -> Zeroizing<[u8; 32]> {
    derived(INFO, encryption_key, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cache_key, journal_key, mirror_key};

    #[test]
    fn the_key_differs_from_the_other_keys() {
        let (key, salt) = (SecretString::from("key"), SecretString::from("salt"));
        let own = last_good_key(&key, &salt);
        for other in [cache_key, journal_key, mirror_key] {
            assert_ne!(own, other(&key, &salt));
        }
        assert_eq!(own, last_good_key(&key, &salt));
        assert_ne!(own, last_good_key(&salt, &key));
    }
}
