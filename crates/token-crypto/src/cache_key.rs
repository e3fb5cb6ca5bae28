//! The key with which replicas seal the values that they share in a cache.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::derivation::derived;

const INFO: &[u8] = b"cratos/cache/v1";

/// Returns the 32 bytes that this encryption key and salt give for a shared cache: HKDF-SHA256 with the info
/// `cratos/cache/v1`.
///
/// The holder of these bytes can open the values in the cache, and no token. Give a cache one key for each encryption
/// key of the configuration, newest first, so that it stays readable while the keys change.
///
/// ```
/// use token_crypto::{cache_key, journal_key};
///
/// let (encryption_key, salt) = ("0123456789ABCDEF".into(), "a salt".into());
/// assert_eq!(cache_key(&encryption_key, &salt), cache_key(&encryption_key, &salt));
/// assert_ne!(cache_key(&encryption_key, &salt), journal_key(&encryption_key, &salt));
/// ```
#[must_use]
pub fn cache_key(encryption_key: &SecretString, salt: &SecretString) -> Zeroizing<[u8; 32]> {
    derived(INFO, encryption_key, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealingKey;

    fn of(key: &str, salt: &str) -> Zeroizing<[u8; 32]> {
        cache_key(&SecretString::from(key), &SecretString::from(salt))
    }

    #[test]
    fn every_key_and_salt_gives_another_one_and_always_the_same() {
        let keys = [of("key", "salt"), of("yek", "salt"), of("key", "tlas")];
        assert_eq!(keys[0], of("key", "salt"));
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    }

    /// All replicas must agree, those of the version before this one too.
    #[test]
    fn the_key_never_changes() {
        let hex: String = of("key", "salt").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ebb6e97ec3776b23dfa666fca02989fa06c4bb03c2ab99eab280c7edc12b3766");
    }

    #[test]
    fn it_is_not_the_key_of_tokens() {
        let (key, salt) = (SecretString::from("key"), SecretString::from("salt"));
        let token = SealingKey::derive(&key, &salt);
        assert_ne!(token.key_bytes(), &*cache_key(&key, &salt));
    }
}
