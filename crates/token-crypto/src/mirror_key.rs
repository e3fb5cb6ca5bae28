//! The key of the files beside a mirror of MISP's events, which hold a MISP key and the key of the mirror.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::derivation::derived;

const INFO: &[u8] = b"cratos/mirror/v1";

/// Returns the 32 bytes that this encryption key and salt give for mirrors on disk: HKDF-SHA256 with the info
/// `cratos/mirror/v1`.
///
/// The holder of these bytes and of the state directory can read the MISP keys of mirrors and their events. Use one key
/// for each encryption key of the configuration, newest first, so that mirrors stay readable while the keys change.
#[must_use]
pub fn mirror_key(encryption_key: &SecretString, salt: &SecretString) -> Zeroizing<[u8; 32]> {
    derived(INFO, encryption_key, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cache_key, journal_key};

    #[test]
    fn the_mirror_key_differs_from_the_other_keys_and_never_changes() {
        let (key, salt) = (SecretString::from("key"), SecretString::from("salt"));
        assert_ne!(mirror_key(&key, &salt), cache_key(&key, &salt));
        assert_ne!(mirror_key(&key, &salt), journal_key(&key, &salt));
        let hex: String = mirror_key(&key, &salt)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "52a658d0c7e749ae79466c60b3f048ef29523bdd09a76999203031f7ac9ff78b");
        assert_ne!(mirror_key(&key, &salt), mirror_key(&salt, &key));
    }
}
