//! Values that feeds still have while smaller sets of them are held back, so that look-ups find them too.

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
