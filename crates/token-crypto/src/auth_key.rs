//! Reads a MISP key from a file or a variable.

use std::io::{self, Read};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// The most bytes that are read. A key has 40 characters.
const MAX_BYTES: u64 = 4096;

/// The longest key that a token can carry.
const MAX_KEY: usize = 255;

/// Why a text gives no MISP key. `from` names its place; the text itself is never shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthKeyError {
    /// The text has only white space.
    #[error("no MISP key: {from} is empty")]
    Empty {
        /// The place of the text.
        from: String,
    },
    /// The text has characters that a key cannot have, or too many of them.
    #[error("{from} does not hold a MISP key: 1 to {MAX_KEY} visible ASCII characters (MISP makes 40)")]
    NotAKey {
        /// The place of the text.
        from: String,
    },
    /// Reading failed.
    #[error("the MISP key cannot be read from {from}")]
    Unreadable {
        /// The place of the text.
        from: String,
        /// The cause.
        source: io::Error,
    },
}

/// Reads a key with white space around it. `from` names its place in errors, for example `standard input`.
///
/// # Errors
/// When the text cannot be read, or cannot be a key.
pub fn read_auth_key(source: impl Read, from: &str) -> Result<SecretString, AuthKeyError> {
    let from = from.to_owned();
    let mut text = Zeroizing::new(String::new());
    match source.take(MAX_BYTES).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(AuthKeyError::NotAKey { from }),
        Err(source) => return Err(AuthKeyError::Unreadable { from, source }),
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(AuthKeyError::Empty { from });
    }
    if trimmed.len() > MAX_KEY || !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AuthKeyError::NotAKey { from });
    }
    Ok(SecretString::from(trimmed))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn white_space_around_a_key_is_ignored() {
        let read = read_auth_key(&b" \n0123456789abcdef0123456789abcdef01234567\r\n"[..], "test").unwrap();
        assert_eq!(read.expose_secret(), "0123456789abcdef0123456789abcdef01234567");
    }

    #[test]
    fn a_text_that_cannot_be_a_key_is_refused_and_not_shown() {
        let long = "x".repeat(10_000);
        for bytes in [
            &b""[..],
            b" \n",
            b"two words",
            b"sch\xc3\xb6n",
            b"\xff\xfe",
            b"a\0b",
            long.as_bytes(),
        ] {
            let message = read_auth_key(bytes, "test").unwrap_err().to_string();
            assert_eq!(message.lines().count(), 1);
            assert!(!message.contains("words") && message.len() < 120, "{message}");
        }
    }
}
