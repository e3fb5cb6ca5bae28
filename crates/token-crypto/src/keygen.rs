//! Fresh secrets for a new installation.

use secrecy::SecretString;
use zeroize::Zeroizing;

#[cfg(feature = "os-random")]
use crate::randomness;
use crate::{RandomError, RandomSource};

/// The characters of a salt. Their number divides 195, the largest multiple of it below 256.
const SALT_ALPHABET: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#?";
const SALT_LEN: usize = 32;

/// Returns a fresh `encryption_key`: 256 random bits as 64 upper-case hexadecimal digits.
///
/// ```
/// use secrecy::ExposeSecret;
///
/// assert_eq!(token_crypto::generate_key()?.expose_secret().len(), 64);
/// assert_eq!(token_crypto::generate_salt()?.expose_secret().len(), 32);
/// # Ok::<(), token_crypto::RandomError>(())
/// ```
///
/// # Errors
/// [`RandomError`] if the operating system gives no random bytes.
#[cfg(feature = "os-random")]
pub fn generate_key() -> Result<SecretString, RandomError> {
    generate_key_from(randomness::DEFAULT)
}

/// Returns a fresh `salt`: 32 characters out of `A-Z a-z 0-9 ! # ?`, each as likely as any other.
///
/// # Errors
/// [`RandomError`] if the operating system gives no random bytes.
#[cfg(feature = "os-random")]
pub fn generate_salt() -> Result<SecretString, RandomError> {
    generate_salt_from(randomness::DEFAULT)
}

/// As `generate_key`, with random bytes of this source.
///
/// # Errors
/// That of the source.
pub fn generate_key_from(random: RandomSource) -> Result<SecretString, RandomError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random(&mut *bytes)?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let characters = digits.map(|digit| if digit < 10 { b'0' + digit } else { b'A' + digit - 10 });
    Ok(secret(characters, 64))
}

/// As `generate_salt`, with random bytes of this source.
///
/// # Errors
/// That of the source.
pub fn generate_salt_from(random: RandomSource) -> Result<SecretString, RandomError> {
    let mut salt = Zeroizing::new(Vec::with_capacity(SALT_LEN));
    let mut bytes = Zeroizing::new([0; 2 * SALT_LEN]);
    while salt.len() < SALT_LEN {
        random(&mut *bytes)?;
        let room = SALT_LEN - salt.len();
        salt.extend(bytes.iter().filter_map(|byte| salt_character(*byte)).take(room));
    }
    Ok(secret(salt.iter().copied(), SALT_LEN))
}

/// Returns the character for a random byte, or `None` for the bytes at the top, which would make the first characters
/// likelier.
fn salt_character(byte: u8) -> Option<u8> {
    let fair = 256 / SALT_ALPHABET.len() * SALT_ALPHABET.len();
    let byte = usize::from(byte);
    (byte < fair)
        .then(|| SALT_ALPHABET.get(byte % SALT_ALPHABET.len()).copied())
        .flatten()
}

/// Collects the secret into its final capacity, so that no copy stays behind in memory.
fn secret(characters: impl Iterator<Item = u8>, len: usize) -> SecretString {
    let mut text = String::with_capacity(len);
    text.extend(characters.map(char::from));
    SecretString::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn keys_are_64_upper_case_hexadecimal_digits() {
        let key = generate_key().unwrap();
        assert_eq!(key.expose_secret().len(), 64);
        assert!(
            key.expose_secret()
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
        );
        assert_ne!(key.expose_secret(), generate_key().unwrap().expose_secret());
    }

    /// A source of the bytes FF, EE and so on down to 00, again and again: each digit is drawn.
    fn falling(bytes: &mut [u8]) -> Result<(), RandomError> {
        for (byte, number) in bytes.iter_mut().rev().zip(0..) {
            *byte = number % 16 * 0x11;
        }
        Ok(())
    }

    #[test]
    fn a_key_spells_each_random_byte_in_hexadecimal_digits() {
        let rows = "FFEEDDCCBBAA99887766554433221100";
        assert_eq!(generate_key_from(falling).unwrap().expose_secret(), &rows.repeat(2));
    }

    #[test]
    fn salts_are_32_characters_of_the_alphabet() {
        let salt = generate_salt().unwrap();
        assert_eq!(salt.expose_secret().len(), 32);
        assert!(salt.expose_secret().bytes().all(|byte| SALT_ALPHABET.contains(&byte)));
    }

    #[test]
    fn a_salt_has_32_characters_if_most_random_bytes_are_unfit_too() {
        let mostly_unfit = |bytes: &mut [u8]| {
            bytes.fill(u8::MAX);
            bytes.iter_mut().step_by(3).for_each(|byte| *byte = 0);
            Ok(())
        };
        let salt = generate_salt_from(mostly_unfit).unwrap();
        assert_eq!(salt.expose_secret(), "A".repeat(32));
    }

    #[test]
    fn every_salt_character_is_as_likely_as_any_other() {
        let mut counts = std::collections::BTreeMap::<u8, u32>::new();
        for character in (0..=u8::MAX).filter_map(salt_character) {
            *counts.entry(character).or_default() += 1;
        }
        assert_eq!(counts.len(), 65);
        assert!(counts.values().all(|count| *count == 3));
    }
}
