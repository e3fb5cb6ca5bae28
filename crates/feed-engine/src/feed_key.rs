//! The name of one set of indicators in memory.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::upstream::UpstreamId;
use crate::{FeedScope, Upstream, question};

/// Names one set of indicators in memory. Every answer looks several things up by this name, so it is hashed once, when
/// it is made, and copies of it share their parts.
#[derive(Clone)]
pub(crate) struct FeedKey(Arc<Hashed>);

struct Hashed {
    parts: FeedKeyParts,
    hash: u64,
}

/// The parts of a [`FeedKey`].
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct FeedKeyParts {
    pub(crate) upstream: UpstreamId,
    pub(crate) scope: FeedScope,
    /// Changes with every setting that changes the set.
    pub(crate) rules: u64,
}

/// Callers choose parts of the name, for example the UUID of an organisation. A random key keeps them from choosing
/// many names with one hash.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl FeedKey {
    pub(crate) fn new(parts: FeedKeyParts) -> Self {
        let hash = HASHER.hash_one(&parts);
        Self(Arc::new(Hashed { parts, hash }))
    }

    /// Returns the name of this feed under the rules of its site.
    pub(crate) fn of(upstream: &Upstream, scope: FeedScope) -> Self {
        Self::new(FeedKeyParts {
            upstream: upstream.id(),
            scope,
            rules: question::rules(upstream, scope.kind, scope.filter),
        })
    }
}

/// Replicas name the sets that they share by this text, so it has the parts and nothing of this process.
impl fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedKey")
            .field("upstream", &self.upstream)
            .field("scope", &self.scope)
            .field("rules", &self.rules)
            .finish()
    }
}

impl Deref for FeedKey {
    type Target = FeedKeyParts;

    fn deref(&self) -> &FeedKeyParts {
        &self.0.parts
    }
}

impl PartialEq for FeedKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.parts == other.0.parts)
    }
}

impl Eq for FeedKey {}

impl Hash for FeedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_text_that_replicas_share_names_the_parts_only() {
        let key = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        let (parts, text) = (&*key, format!("{key:?}"));
        assert_eq!(text, format!("{parts:?}").replacen("FeedKeyParts", "FeedKey", 1));
    }

    #[test]
    fn names_are_equal_where_their_parts_are() {
        let one = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        let same = FeedKey::of(&upstream("k"), scope(Age::Weeks1));
        assert_eq!(one, same);
        assert_eq!(HASHER.hash_one(&one), HASHER.hash_one(&same));
        assert_ne!(one, FeedKey::of(&upstream("l"), scope(Age::Weeks1)));
        assert_ne!(one, FeedKey::of(&upstream("k"), scope(Age::Days1)));
    }
}
