//! What a route asks of a token.

use token_crypto::{Permission, Scope};

/// What a token must be made for to be used on a route. Every way to a [`Grant`](super::Grant) names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Reading feeds, and what is about them: the site's tags, statistics and warninglists, whether its MISP answers.
    Feeds,
    /// Something beside that, or instead of it.
    May(Permission),
}

impl Right {
    /// Returns whether the scope has it.
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
