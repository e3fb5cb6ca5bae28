//! The key of the journal that keeps sighting reports on disk until MISP has them.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::derivation::derived;

const INFO: &[u8] = b"cratos/sightings/v1";

/// Returns the 32 bytes that this encryption key and salt give for the journal of sightings: HKDF-SHA256 with the info
/// `cratos/sightings/v1`.
///
/// The holder of these bytes and of the journal can read the tokens that reports came with. Give a journal one key for
/// each encryption key of the configuration, newest first, so that it stays readable while the keys change.
#[must_use]
pub fn journal_key(encryption_key: &SecretString, salt: &SecretString) -> Zeroizing<[u8; 32]> {
    derived(INFO, encryption_key, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_key;

    #[test]
    fn the_journal_key_differs_from_the_cache_key_and_never_changes() {
        let (key, salt) = (SecretString::from("key"), SecretString::from("salt"));
        assert_ne!(journal_key(&key, &salt), cache_key(&key, &salt));
        let hex: String = journal_key(&key, &salt)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "8f836e2c3b81ee72911d178fa7482256f9c78b7091a79bbe1afc100c64837c62");
        assert_ne!(journal_key(&key, &salt), journal_key(&salt, &key));
    }
}
