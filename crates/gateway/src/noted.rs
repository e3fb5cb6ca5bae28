//! What becomes known about a request on its way to an answer, for the logs.

use std::sync::OnceLock;

use token_crypto::TokenId;

/// Whose request it is, and why it is refused. Each thing is noted once, where it is found out.
#[derive(Debug, Default)]
pub struct Noted {
    came: OnceLock<()>,
    token: OnceLock<Token>,
    reason: OnceLock<String>,
}

#[derive(Debug)]
struct Token {
    id: TokenId,
    label: Option<String>,
    site: String,
}

impl Noted {
    /// Notes that the request brought something that may be a token.
    pub fn came(&self) {
        // The second of two would be the same; so everywhere here.
        let _ = self.came.set(());
    }

    /// Notes a token that opened, also if it is refused afterwards: its device is then looked for.
    pub fn token(&self, id: TokenId, label: Option<String>, site: String) {
        let _ = self.token.set(Token { id, label, site });
    }

    /// Notes for the operator why the request is refused, where that is more than the caller is told. Never a part of a token.
    pub fn refused(&self, reason: impl Into<String>) {
        let _ = self.reason.set(reason.into());
    }

    /// Returns whether anything came that may be a token.
    #[must_use]
    pub fn has_come(&self) -> bool {
        self.came.get().is_some()
    }

    /// Returns what tells the token apart.
    #[must_use]
    pub fn token_id(&self) -> Option<TokenId> {
        self.token.get().map(|token| token.id)
    }

    /// Returns the name that the token was given.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.token.get()?.label.as_deref()
    }

    /// Returns the site of the token.
    #[must_use]
    pub fn site(&self) -> Option<&str> {
        self.token.get().map(|token| token.site.as_str())
    }

    /// Returns why the request is refused; nothing where it is not.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}
