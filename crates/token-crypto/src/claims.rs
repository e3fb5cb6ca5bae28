//! The contents of a token.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{ExpiryDay, Protocol, Scope};

/// The contents of a token: which MISP, which key, until when, for what.
///
/// ```
/// use token_crypto::{Claims, ExpiryDay, Protocol, Scope};
///
/// let claims = Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), ExpiryDay::parse("2027-12-31")?)
///     .with_scope(Scope::new().with_feeds(["block"]))
///     .with_label("fw1");
/// assert_eq!(claims.site, "misp.example.net");
/// # Ok::<(), token_crypto::NoSuchDay>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claims {
    /// Host name, IPv4 or bare IPv6 address of the MISP site, as typed.
    pub site: String,
    /// The protocol of that MISP, `http` or `https`.
    pub protocol: Protocol,
    /// The port on which it listens.
    pub port: u16,
    /// The MISP key that requests to that MISP carry.
    pub auth_key: SecretString,
    /// The day on which the token stops working.
    pub expires: ExpiryDay,
    /// The feeds that the holder may read, and its permissions.
    pub scope: Scope,
    /// A name for logs, chosen when the token was made, for example `fw1`; never a secret.
    pub label: Option<String>,
    /// Identifies this token in logs.
    pub id: TokenId,
}

impl Claims {
    /// Returns claims with the unrestricted scope and no label; the id is drawn when they are sealed.
    ///
    /// Nothing is checked here: [`KeyRing::seal`](crate::KeyRing::seal) refuses claims that a token cannot hold.
    pub fn new(
        site: impl Into<String>,
        protocol: Protocol,
        port: u16,
        auth_key: SecretString,
        expires: ExpiryDay,
    ) -> Self {
        let scope = Scope::unrestricted();
        Self {
            site: site.into(),
            protocol,
            port,
            auth_key,
            expires,
            scope,
            label: None,
            id: TokenId::default(),
        }
    }

    /// Replaces the scope.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets the name for logs: 1 to 64 bytes, no control characters.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the id, which is otherwise drawn when the claims are sealed.
    #[must_use]
    pub fn with_id(mut self, id: TokenId) -> Self {
        self.id = id;
        self
    }
}

/// Compares everything; the MISP keys in constant time.
impl PartialEq for Claims {
    fn eq(&self, other: &Self) -> bool {
        let keys = [self, other].map(|claims| claims.auth_key.expose_secret().as_bytes());
        let same_key = bool::from(keys[0].ct_eq(keys[1]));
        let rest = |claims: &Self| (claims.protocol, claims.port, claims.expires, claims.id);
        same_key
            && rest(self) == rest(other)
            && (&self.site, &self.scope, &self.label) == (&other.site, &other.scope, &other.label)
    }
}

impl Eq for Claims {}

/// Identifies a token in logs and reveals nothing of its contents.
///
/// An id is drawn at random when a token is sealed. That of a legacy token is the first 8 bytes of its SHA-256.
/// `Display` writes 16 lower-case hexadecimal digits.
///
/// ```
/// let id = token_crypto::TokenId::from_bytes([0, 1, 2, 3, 4, 5, 6, 255]);
/// assert_eq!(id.to_string(), "00010203040506ff");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TokenId([u8; 8]);

impl TokenId {
    /// Returns the id with these bytes; all zero means that none is drawn yet.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the id.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    fn hex(self) -> [u8; 16] {
        let digit = |half: u8| match half {
            0..=9 => b'0' + half,
            _ => b'a' + half - 10,
        };
        let digits = self.0.map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        let mut text = [0; 16];
        text.copy_from_slice(digits.as_flattened());
        text
    }

    pub(crate) fn is_unset(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On two lines of the log for each request, so not one digit after the other through `write!`.
        f.write_str(std::str::from_utf8(&self.hex()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// The format that a token came in.
///
/// ```
/// assert_eq!(token_crypto::TokenFormat::Legacy.to_string(), "legacy");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFormat {
    /// Version 1 of this crate: XChaCha20-Poly1305.
    V1,
    /// The format of Cratos FastAPI: Fernet.
    Legacy,
}

impl TokenFormat {
    /// Returns `v1` or `legacy`, for logs and `token inspect`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Legacy => "legacy",
        }
    }
}

impl fmt::Display for TokenFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_misp_key() {
        let day = ExpiryDay::parse("2099-12-31").unwrap();
        let key = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD";
        let claims = Claims::new("misp.example.net", Protocol::Https, 443, SecretString::from(key), day);
        assert!(!format!("{claims:?}").contains("aBcD"));
        let id = TokenId::from_bytes([0, 1, 2, 3, 4, 5, 6, 255]);
        assert_eq!(format!("{id:?}"), "TokenId(00010203040506ff)");
    }

    #[test]
    fn claims_that_differ_in_one_part_are_not_equal() {
        let claims = || {
            let day = ExpiryDay::parse("2099-12-31").unwrap();
            Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), day).with_label("fw1")
        };
        let changes: [fn(&mut Claims); 8] = [
            |claims| claims.site = "misp".to_owned(),
            |claims| claims.protocol = Protocol::Http,
            |claims| claims.port = 444,
            |claims| claims.auth_key = "x".repeat(40).into(),
            |claims| claims.expires = ExpiryDay::parse("2099-12-30").unwrap(),
            |claims| claims.scope = Scope::new(),
            |claims| claims.label = None,
            |claims| claims.id = TokenId::from_bytes([1; 8]),
        ];
        assert_eq!(claims(), claims());
        for change in changes {
            let mut changed = claims();
            change(&mut changed);
            assert_ne!(changed, claims(), "{changed:?}");
        }
    }
}
