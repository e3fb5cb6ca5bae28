//! The right that a route needs.

use token_crypto::{Permission, Scope};

/// The right that a token must have for a route. Each [`Grant`](super::Grant) was checked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Reading feeds and data about them: the site's tags, statistics and warninglists, and the check of its MISP.
    Feeds,
    /// A permission that a token has besides feeds, or instead of them.
    May(Permission),
}

impl Right {
    /// Returns whether the scope has the right.
    pub(super) fn is_in(self, scope: &Scope) -> bool {
        match self {
            Self::Feeds => scope.reads_feeds,
            Self::May(permission) => scope.permits(permission),
        }
    }

    /// Returns the name, as in `token mint`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::May(permission) => permission.as_str(),
        }
    }
}
