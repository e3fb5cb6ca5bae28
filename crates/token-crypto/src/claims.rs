//! What stands inside a token.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{ExpiryDay, Protocol, Scope};

/// What stands inside a token: which MISP, which key, until when, for what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claims {
    /// Host name, IPv4 or bare IPv6 address of the MISP site, as typed.
    pub site: String,
    /// How that MISP is spoken to.
    pub protocol: Protocol,
    /// Where it listens.
    pub port: u16,
    /// The MISP key that the questions are asked with.
    pub auth_key: SecretString,
    /// The day on which the token stops working.
    pub expires: ExpiryDay,
    /// What its holder may have.
    pub scope: Scope,
    /// A name for logs, chosen when the token was made; never a secret.
    pub label: Option<String>,
    /// Tells this token apart in logs.
    pub id: TokenId,
}

impl Claims {
    /// Returns claims with the unrestricted scope and no label; the id is drawn when they are sealed.
    ///
    /// Nothing is checked here: [`KeyRing::seal`](crate::KeyRing::seal) refuses what a token cannot hold.
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

    /// Sets the id instead of having one drawn.
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

/// Tells one token apart from another in logs; says nothing about its contents.
///
/// Drawn at random when a token is sealed; for a legacy token the first 8 bytes of its SHA-256. Shown as 16 lower-case
/// hexadecimal digits.
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

    pub(crate) fn is_unset(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// Which of the two token formats was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFormat {
    /// Ours: XChaCha20-Poly1305.
    V1,
    /// That of Cratos FastAPI: Fernet.
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
    }
}
