//! The index of a source that knows feeds only.

use catalogue::{LOOKED_UP_FEEDS, MatchedEvent};
use feed_classification::{IndicatorSet, TypeSet};

use super::LookupIndex;
use crate::blocking_work;
use crate::value_type::of_type;
use crate::{FeedContents, FeedError, FeedScope, Filter, LookupScope, Selection};

/// Gathers every feed that can be looked up with `gather` and returns the index of their values, without events.
pub(crate) async fn index_of_feeds<F>(
    scope: LookupScope,
    mut gather: impl FnMut(FeedScope) -> F,
) -> Result<LookupIndex, FeedError>
where
    F: Future<Output = Result<FeedContents, FeedError>>,
{
    let (mut addresses, mut others): (Vec<IndicatorSet>, Vec<IndicatorSet>) = (Vec::new(), Vec::new());
    for kind in LOOKED_UP_FEEDS.iter() {
        let feed = FeedScope {
            selection: Selection::Feed(scope.feed),
            kind,
            age: scope.age,
            filter: Filter::NONE,
        };
        let values = of_type(gather(feed).await?, kind)?.values;
        let is_address = TypeSet::ADDRESSES.contains(kind);
        if is_address { &mut addresses } else { &mut others }.push(values);
    }
    blocking_work::run("making the index for look-ups", move || {
        let mut index = LookupIndex::builder();
        for (place, values) in addresses.iter().enumerate() {
            // The same address stands in several types of feeds, for example `ip` and `ipv4`; once is enough.
            let known = addresses.iter().take(place);
            let values = known.fold(values.clone(), |values, known| values.without(known));
            index.add_all(&values, &MatchedEvent::default());
        }
        for values in &others {
            index.add_all(values, &MatchedEvent::default());
        }
        index.build()
    })
    .await?
}
