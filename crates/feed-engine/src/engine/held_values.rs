//! Values that feeds still have while smaller sets of them are held back, so that look-ups find them too.

use std::sync::atomic::{AtomicU64, Ordering};

use cache::MemoryStore;
use catalogue::{LOOKED_UP_FEEDS, MatchedEvent};
use feed_classification::IndicatorSet;

use super::{FeedEngine, Inner};
use crate::feed_key::FeedKey;
use crate::lookup::KeptIndex;
use crate::{LookupIndex, LookupScope, Selection, Upstream};

/// Returns the values that `served` has and `smaller` has not, if they can be looked up.
pub(super) fn going_for_lookups(
    selection: Selection,
    served: &IndicatorSet,
    smaller: &IndicatorSet,
) -> Option<LookupIndex> {
    if !matches!(selection, Selection::Feed(_)) || !LOOKED_UP_FEEDS.contains(served.kind()) {
        return None;
    }
    let mut going = LookupIndex::builder();
    // The set knows values and not their events.
    going.add_all(&served.without(smaller), &MatchedEvent::default());
    going.build().ok()
}

/// The values that would go from feeds whose smaller set is held back, bounded in bytes. There are none most of the
/// time, and each look-up asks, so that answer costs nothing.
#[derive(Debug)]
pub(super) struct GoingValues {
    kept: MemoryStore<FeedKey, KeptIndex>,
    insertions: AtomicU64,
    /// The number of insertions after which the store was seen to be empty.
    empty_after: AtomicU64,
}

impl GoingValues {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            kept: MemoryStore::new(max_bytes),
            insertions: AtomicU64::new(0),
            empty_after: AtomicU64::new(0),
        }
    }

    fn insert(&self, key: FeedKey, going: KeptIndex) {
        self.kept.insert(key, going);
        // After the insertion: a caller that sees the number sees the values.
        self.insertions.fetch_add(1, Ordering::Release);
    }

    fn remove(&self, key: &FeedKey) {
        self.kept.remove(key);
    }

    fn entries(&self) -> Vec<(FeedKey, KeptIndex)> {
        let insertions = self.insertions.load(Ordering::Acquire);
        if self.empty_after.load(Ordering::Relaxed) == insertions {
            return Vec::new();
        }
        let entries = self.kept.entries();
        if entries.is_empty() {
            self.empty_after.store(insertions, Ordering::Relaxed);
        }
        entries
    }
}

impl Inner {
    /// Keeps the values that would go from this feed while the smaller set is held back.
    pub(super) fn keep_for_lookups(&self, key: &FeedKey, going: Option<LookupIndex>) {
        match going {
            Some(going) => self.lookups.going.insert(key.clone(), KeptIndex::from(going)),
            None => self.no_longer_held(key),
        }
    }

    /// Forgets them, since the feed is served as it is.
    pub(super) fn no_longer_held(&self, key: &FeedKey) {
        self.lookups.going.remove(key);
    }
}

impl FeedEngine {
    /// Returns the index of a feed with the values that its feeds have while smaller sets are held back.
    pub(super) fn with_held_values(&self, upstream: &Upstream, scope: LookupScope, index: LookupIndex) -> LookupIndex {
        let held = self.lookups().going.entries().into_iter();
        held.filter(|(key, _)| self.is_of(key, upstream, scope) && self.is_held(key))
            .filter_map(|(key, going)| Some((key.scope.filter, going.present()?)))
            .fold(index, |index, (filter, going)| index.beside(filter, going))
    }

    fn is_of(&self, key: &FeedKey, upstream: &Upstream, scope: LookupScope) -> bool {
        let is_same_feed = key.scope.selection == Selection::Feed(scope.feed) && key.scope.age == scope.age;
        is_same_feed && *key == FeedKey::of(upstream, key.scope)
    }

    /// The set may have been evicted, and the next one is believed then.
    fn is_held(&self, key: &FeedKey) -> bool {
        self.inner.sets.get(key).is_some_and(|held| held.doubt.is_some())
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::{Age, FeedName, IndicatorType};

    use super::*;
    use crate::feed_key::FeedKeyParts;
    use crate::{FeedScope, Filter};

    #[test]
    fn values_that_nobody_looks_up_are_not_kept() {
        let block = Selection::Feed(FeedName::Block);
        for (selection, kind, value, is_kept) in [
            (block, IndicatorType::Domain, "a.example", true),
            (
                Selection::Organisation(uuid::Uuid::nil()),
                IndicatorType::Domain,
                "a.example",
                false,
            ),
            (block, IndicatorType::Yara, "rule a { condition: true }", false),
        ] {
            let served = IndicatorSet::of(kind, [value]);
            let going = going_for_lookups(selection, &served, &IndicatorSet::of(kind, []));
            assert_eq!(going.is_some(), is_kept, "{selection:?} {kind}");
        }
    }

    #[test]
    fn values_are_found_after_the_store_was_seen_empty() {
        let site = site_config::Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        let protocol = misp_client::Protocol::Https;
        let upstream = Upstream::new(site.into(), Default::default(), protocol, 443, "k".repeat(40).into());
        let key = |rules| {
            FeedKey::new(FeedKeyParts {
                upstream: upstream.id(),
                scope: FeedScope {
                    selection: Selection::Feed(FeedName::Block),
                    kind: IndicatorType::Domain,
                    age: Age::Weeks1,
                    filter: Filter::NONE,
                },
                rules,
            })
        };
        let values = GoingValues::new(1_000_000);
        let index = || KeptIndex::from(LookupIndex::builder().build().unwrap());
        for rules in 0..3 {
            assert!(values.entries().is_empty());
            values.insert(key(rules), index());
            assert_eq!(values.entries().len(), 1);
            values.remove(&key(rules));
            assert!(values.entries().is_empty());
        }
    }
}
