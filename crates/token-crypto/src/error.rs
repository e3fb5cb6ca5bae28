//! What can go wrong with keys, with sealing and with opening.

/// Why a [`KeyRing`](crate::KeyRing) cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No encryption key was given.
    #[error("no encryption key is given")]
    NoKey,
    /// An encryption key is too short to resist guessing; the position counts from 0.
    #[error("encryption key {position} is shorter than {min} characters")]
    KeyTooShort {
        /// Which key, in the order they were added.
        position: usize,
        /// The least number of bytes a key needs.
        min: usize,
    },
    /// The same encryption key stands twice in the ring.
    #[error("encryption key {position} stands in the ring already")]
    KeyTwice {
        /// The second of the two, in the order they were added.
        position: usize,
    },
    /// More keys than a ring takes.
    #[error("more than {max} encryption keys")]
    TooManyKeys {
        /// The most keys a ring holds.
        max: usize,
    },
    /// The salt is empty.
    #[error("the salt is empty")]
    NoSalt,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random(#[source] RandomError),
}

/// Why claims cannot be made into a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The site is neither a host name nor an address.
    #[error("the site is not a host name, an IPv4 or a bare IPv6 address")]
    Site,
    /// The MISP key is empty, too long or not printable ASCII.
    #[error("the MISP key is not 1 to 255 printable ASCII characters without spaces")]
    AuthKey,
    /// The label is empty, too long or has control characters.
    #[error("the label is not 1 to 64 bytes of text without control characters")]
    Label,
    /// A feed, type or output name is empty, too long or has foreign characters.
    #[error("a name in the list of {list} is not 1 to 64 characters out of A-Z a-z 0-9 . _ -")]
    Name {
        /// `feeds`, `types` or `outputs`.
        list: &'static str,
    },
    /// A list is longer than a token carries.
    #[error("more than {max} {list}")]
    TooMany {
        /// `feeds`, `types`, `outputs` or `networks`.
        list: &'static str,
        /// The most that a token carries.
        max: usize,
    },
    /// The token would be longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN).
    #[error("the token would be too long")]
    TooLong,
    /// Encryption refused; not seen with claims that passed the checks above.
    #[error("the claims cannot be encrypted")]
    Cipher,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random(#[source] RandomError),
}

/// Why a token does not open.
///
/// The kinds serve the operator's log and the four answers that consumers of the reference know: *not base64*, *broken
/// seal* ([`is_broken_seal`](Self::is_broken_seal)), *bad contents* and *impossible date*. All cost the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN); nothing else was looked at.
    #[error("the token is too long")]
    TooLong,
    /// Not base64url, or with padding where its format has none, or without where it has some.
    #[error("the token is not base64")]
    NotBase64,
    /// Neither format: an unknown version byte, or too short to be a token.
    #[error("the token has no known format")]
    Malformed,
    /// Sealed with an encryption key (or salt) that is not in the ring.
    #[error("the token is sealed with a key that is not in use here")]
    UnknownKey,
    /// The seal does not fit the contents: changed, cut, or (legacy) made with another key.
    #[error("the seal of the token is broken")]
    SealBroken,
    /// A token of Cratos FastAPI, which this ring does not accept.
    #[error("tokens of the legacy format are not accepted")]
    LegacyRefused,
    /// A token of Cratos FastAPI, and the key of those is still being derived: try again in a moment.
    #[error("the key of legacy tokens is not derived yet")]
    LegacyKeyPending,
    /// The seal is good, the contents are not what a token holds.
    #[error("the contents of the token are not valid")]
    BadContents,
    /// The seal is good, the expiry is shaped like a date and is none, as 31 February (legacy only).
    #[error("the expiry in the token is no date")]
    ImpossibleDate,
}

impl OpenError {
    /// Returns whether nobody with a key in this ring made the token: wrong format, unknown key or broken seal.
    #[must_use]
    pub fn is_broken_seal(self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::Malformed | Self::UnknownKey | Self::SealBroken | Self::LegacyRefused
        )
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes: {reason}")]
pub struct RandomError {
    reason: String,
}

impl From<getrandom::Error> for RandomError {
    fn from(error: getrandom::Error) -> Self {
        Self {
            reason: error.to_string(),
        }
    }
}

impl From<RandomError> for KeyError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

impl From<RandomError> for SealError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}
