//! An answer as it came, and the secrets that it may repeat.

use reqwest::Response;
use secrecy::SecretString;

/// A secret, and the words that messages have in its place, for example `(the token)`.
pub(crate) type Secret = (&'static str, SecretString);

/// An answer whose body is not read yet, with the secrets that its texts must not show.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) response: Response,
    pub(crate) secrets: Vec<Secret>,
}
