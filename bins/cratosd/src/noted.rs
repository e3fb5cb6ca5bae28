//! What becomes known about a request on its way to an answer, for the logs.

use std::sync::OnceLock;

use token_crypto::TokenId;

/// Whose request it is. Each thing is noted once, by whoever finds it out.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    token: OnceLock<(TokenId, Option<String>)>,
    site: OnceLock<String>,
}

impl Noted {
    /// Notes a token that opened, also if it is refused afterwards: its device is then looked for.
    pub(crate) fn token(&self, id: TokenId, label: Option<String>) {
        // The second of two would be the same one.
        let _ = self.token.set((id, label));
    }

    /// Notes that the token is good, and for which site.
    pub(crate) fn good_for(&self, site: &str) {
        let _ = self.site.set(site.to_owned());
    }

    /// Returns what tells the token apart.
    pub(crate) fn token_id(&self) -> Option<TokenId> {
        self.token.get().map(|(id, _)| *id)
    }

    /// Returns the name that the token was given.
    pub(crate) fn label(&self) -> Option<&str> {
        self.token.get()?.1.as_deref()
    }

    /// Returns the site of a token that is good.
    pub(crate) fn site(&self) -> Option<&str> {
        self.site.get().map(String::as_str)
    }
}
