//! Errors of keys, of sealing and of opening.

/// The reason why a [`KeyRing`](crate::KeyRing) cannot be built.
///
/// ```
/// use token_crypto::{KeyError, KeyRing};
///
/// let error = KeyRing::builder(&"a salt".into()).key("short".into()).build().unwrap_err();
/// assert_eq!(error, KeyError::KeyTooShort { position: 0, min: 16 });
/// assert_eq!(error.to_string(), "encryption key 0 is shorter than 16 characters");
/// ```
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
    /// The same encryption key is in the ring twice.
    #[error("encryption key {position} is in the ring already")]
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
}

/// The reason why claims cannot be sealed into a token.
///
/// ```
/// use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol, SealError};
///
/// let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).legacy(false).build()?;
/// let day = ExpiryDay::parse("2027-12-31")?;
/// let claims = Claims::new("https://misp.example.net/", Protocol::Https, 443, "k".repeat(40).into(), day);
/// assert_eq!(ring.seal(&claims).unwrap_err(), SealError::Site);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The source of random bytes failed.
    #[error("the token cannot be sealed")]
    Random(#[source] RandomError),
}

/// The reason why a token does not open.
///
/// The kinds serve the operator's log and the four answers that consumers of Cratos FastAPI know: *not base64*, *broken
/// seal* ([`is_broken_seal`](Self::is_broken_seal)), *bad contents* and *impossible date*. All cost the same time.
///
/// ```
/// use token_crypto::{KeyRing, OpenError};
///
/// let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into()).legacy(false).build()?;
/// assert_eq!(ring.open("no token!").unwrap_err(), OpenError::NotBase64);
/// assert!(ring.open("AQIDBAUG").unwrap_err().is_broken_seal());
/// # Ok::<(), token_crypto::KeyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN), and refused unread.
    #[error("the token is too long")]
    TooLong,
    /// Not base64url, or with padding although its format has none, or without padding although its format has some.
    #[error("the token is not base64")]
    NotBase64,
    /// In neither format: an unknown version byte, or too short.
    #[error("the token has no known format")]
    Malformed,
    /// Sealed with an encryption key (or salt) that is not in the ring.
    #[error("the token is sealed with a key that is not in use here")]
    UnknownKey,
    /// The seal does not fit the contents: the token was changed, cut, or (legacy) made with another key.
    #[error("the seal of the token is broken")]
    SealBroken,
    /// A token of Cratos FastAPI, which this ring does not accept.
    #[error("tokens of the legacy format are not accepted")]
    LegacyRefused,
    /// A token of Cratos FastAPI, and the key of those is still being derived: try again in a moment.
    #[error("the key of legacy tokens is not derived yet")]
    LegacyKeyPending,
    /// The seal is good, and the contents are not those of a token.
    #[error("the contents of the token are not valid")]
    BadContents,
    /// The seal is good, and the expiry is a date that does not exist, for example 31 February (legacy only).
    #[error("the expiry in the token is no date")]
    ImpossibleDate,
}

impl OpenError {
    /// Returns whether the token was not made with a key of this ring: wrong format, unknown key or broken seal.
    #[must_use]
    pub fn is_broken_seal(self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::Malformed | Self::UnknownKey | Self::SealBroken | Self::LegacyRefused
        )
    }
}

/// The source of random bytes failed.
///
/// ```
/// let error = token_crypto::RandomError::new("the host is locked");
/// assert_eq!(error.to_string(), "no random bytes: the host is locked");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes: {reason}")]
pub struct RandomError {
    reason: String,
}

impl RandomError {
    /// Makes the error of a [`RandomSource`](crate::RandomSource); `reason` is a fragment such as `the host is locked`.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl From<RandomError> for SealError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}
