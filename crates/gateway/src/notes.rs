//! Facts about a request that its way to an answer brings to light, for the logs.

use std::sync::{Arc, OnceLock};

use token_crypto::{Claims, TokenId};

/// The owner of a request, and the reason of its refusal. The code that finds a fact notes it; only the first note of a
/// kind counts.
#[derive(Debug, Default)]
pub struct RequestNotes {
    came: OnceLock<()>,
    token: OnceLock<Arc<NotedToken>>,
    reason: OnceLock<String>,
}

/// A token as logs name it.
#[derive(Debug)]
pub(crate) struct NotedToken {
    pub(crate) id: TokenId,
    id_text: String,
    pub(crate) label: Option<String>,
    pub(crate) site: String,
}

impl NotedToken {
    pub(crate) fn of(claims: &Claims) -> Self {
        Self::new(claims.id, claims.label.clone(), claims.site.clone())
    }

    pub(crate) fn new(id: TokenId, label: Option<String>, site: String) -> Self {
        Self {
            id,
            id_text: id.to_string(),
            label,
            site,
        }
    }
}

impl RequestNotes {
    /// Notes that the request brought something that may be a token.
    pub fn came(&self) {
        // The second of two would be the same; so everywhere here.
        let _ = self.came.set(());
    }

    /// Notes a token that opened, also if it is refused afterwards: an operator then looks for its device.
    pub fn token(&self, id: TokenId, label: Option<String>, site: String) {
        let _ = self.token.set(Arc::new(NotedToken::new(id, label, site)));
    }

    /// Notes a token that opened earlier.
    pub(crate) fn known(&self, token: &Arc<NotedToken>) {
        let _ = self.token.set(Arc::clone(token));
    }

    /// Notes the reason of a refusal for the operator. It may say more than the answer, but never holds a part of a
    /// token.
    pub fn refused(&self, reason: impl Into<String>) {
        let _ = self.reason.set(reason.into());
    }

    /// Returns whether anything came that may be a token.
    #[must_use]
    pub fn has_come(&self) -> bool {
        self.came.get().is_some()
    }

    /// Returns the identifier of the token, or nothing if no token opened.
    #[must_use]
    pub fn token_id(&self) -> Option<TokenId> {
        self.token.get().map(|token| token.id)
    }

    /// Returns the identifier of the token as text, for example `00010203040506ff`.
    #[must_use]
    pub fn token_id_text(&self) -> Option<&str> {
        self.token.get().map(|token| token.id_text.as_str())
    }

    /// Returns the label of the token, for example `firewall-3`.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.token.get()?.label.as_deref()
    }

    /// Returns the site of the token.
    #[must_use]
    pub fn site(&self) -> Option<&str> {
        self.token.get().map(|token| token.site.as_str())
    }

    /// Returns the reason of the refusal, or nothing if the request is not refused.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}
