//! The token of cratosd that a client sends.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// Longer than any token that fits into a header of cratosd.
const MAX_BYTES: usize = 4096;

/// A token, or the place that it is read from.
///
/// `Debug` does not print the secret. The client reads the token for each request, so a rotated token needs no new
/// client:
///
/// ```
/// use cratos_client::{SecretString, Token};
///
/// let fixed = Token::new("a-token");
/// let from_file = Token::from_fn(|| std::fs::read_to_string("/run/secrets/cratos").map(SecretString::from));
/// assert_eq!(format!("{fixed:?}, {from_file:?}"), "Token, Token");
/// ```
#[derive(Clone)]
pub struct Token(Arc<dyn Fn() -> io::Result<SecretString> + Send + Sync>);

impl Token {
    /// Makes a token of a text that stays the same.
    #[must_use]
    pub fn new(token: impl Into<SecretString>) -> Self {
        let token = token.into();
        Self::from_fn(move || Ok(token.clone()))
    }

    /// Makes a token that `read` returns anew for each request. White space around the text does not count.
    #[must_use]
    pub fn from_fn(read: impl Fn() -> io::Result<SecretString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Returns the secret.
    ///
    /// # Errors
    /// The error of the reading function; `InvalidData` if the text cannot be a token.
    pub(crate) fn read(&self) -> io::Result<SecretString> {
        let text = self.0()?;
        let secret = SecretString::from(text.expose_secret().trim());
        let fits = |byte: u8| byte.is_ascii_graphic();
        if !(1..=MAX_BYTES).contains(&secret.expose_secret().len()) || !secret.expose_secret().bytes().all(fits) {
            return Err(invalid());
        }
        Ok(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Returns the value of `Authorization`, marked as sensitive.
pub(crate) fn bearer(secret: &SecretString) -> io::Result<HeaderValue> {
    let text = SecretString::from(format!("Bearer {}", secret.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| invalid())?;
    value.set_sensitive(true);
    Ok(value)
}

fn invalid() -> io::Error {
    let what = format!("a token has 1 to {MAX_BYTES} printable ASCII characters without spaces");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_a_token_are_refused() {
        assert_eq!(
            Token::new(" abc-DEF_1\r\n").read().unwrap().expose_secret(),
            "abc-DEF_1"
        );
        for wrong in ["", "\n", "a b", "a\nb", "ü", &"x".repeat(MAX_BYTES + 1)] {
            assert!(Token::new(wrong).read().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        let header = bearer(&Token::new("a-token").read().unwrap()).unwrap();
        assert_eq!(format!("{:?} {header:?}", Token::new("a-token")), "Token Sensitive");
    }
}
