//! The name of one set of indicators in memory.

use std::fmt;

use crate::hashed_key::HashedKey;
use crate::upstream::UpstreamId;
use crate::{FeedScope, Upstream, question};

/// Names one set of indicators in memory.
pub(crate) type FeedKey = HashedKey<FeedKeyParts>;

/// The parts of a [`FeedKey`].
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct FeedKeyParts {
    pub(crate) upstream: UpstreamId,
    pub(crate) scope: FeedScope,
    /// Changes with every setting that changes the set.
    pub(crate) rules: u64,
}

/// Replicas name the sets that they share by this text.
impl fmt::Debug for FeedKeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedKey")
            .field("upstream", &self.upstream)
            .field("scope", &self.scope)
            .field("rules", &self.rules)
            .finish()
    }
}

impl FeedKey {
    /// Returns the name of this feed under the rules of its site.
    pub(crate) fn of(upstream: &Upstream, scope: FeedScope) -> Self {
        Self::new(FeedKeyParts {
            upstream: upstream.id(),
            scope,
            rules: question::rules(upstream, scope.kind, scope.filter),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use feed_classification::{Age, FeedName, IndicatorType};
    use misp_client::Protocol;

    use super::*;
    use crate::{Filter, Selection};

    fn upstream(key: &str) -> Upstream {
        let site = site_config::Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        Upstream::new(
            Arc::new(site),
            Arc::default(),
            Protocol::Https,
            443,
            key.repeat(40).into(),
        )
    }

    fn scope(age: Age) -> FeedScope {
        FeedScope {
            selection: Selection::Feed(FeedName::Block),
            kind: IndicatorType::Domain,
            age,
            filter: Filter::NONE,
        }
    }

    /// The feed of one of many upstreams.
    pub(crate) fn of_list(number: usize) -> FeedKey {
        FeedKey::of(&Upstream::named(&format!("list-{number}")).unwrap(), scope(Age::Weeks1))
    }

    #[test]
    fn the_text_that_replicas_share_names_the_parts_only() {
        let key = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        let (upstream, scope, rules) = (&key.upstream, &key.scope, key.rules);
        let text = format!("FeedKey {{ upstream: {upstream:?}, scope: {scope:?}, rules: {rules} }}");
        assert_eq!(format!("{key:?}"), text);
    }

    #[test]
    fn names_are_equal_where_their_parts_are() {
        let one = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        let same = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        assert_eq!(one, same);
        assert_ne!(one, FeedKey::of(&upstream("l"), scope(Age::Weeks1)));
        assert_ne!(one, FeedKey::of(&upstream("k"), scope(Age::Days1)));
    }
}
