//! An index from the answers of MISP.

use std::collections::HashSet;
use std::sync::Arc;

use catalogue::LOOKED_UP_FEEDS;
use feed_classification::IndicatorType;
use misp_client::Client;

use super::LookupIndex;
use super::entries::Entries;
use super::feed_types::FeedTypes;
use crate::pass::Sink as _;
use crate::publication::Publication;
use crate::score::Scoring;
use crate::tagged_events::OfTaggedEvents;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, Judge, LookupScope, Selection, Upstream, pass, question};

/// Asks MISP for the rows of the feed, the unpublished events and the false positives, in this order. Limits of callers
/// do not count here, since each look-up is judged by its own.
pub(crate) async fn gather(
    client: &Client,
    upstream: &Upstream,
    scope: LookupScope,
    scoring: Result<Scoring, FeedError>,
    remembered: &UpstreamMemory,
    now: jiff::Timestamp,
) -> Result<LookupIndex, FeedError> {
    let (scoring, without_scores) = match scoring {
        Ok(scoring) => (Some(scoring), None),
        Err(error) => (None, Some(error)),
    };
    // Types that count without the `to_ids` flag need a separate question, since a question filters by the flag or not.
    let (without_flag, with_flag): (Vec<IndicatorType>, Vec<IndicatorType>) = LOOKED_UP_FEEDS
        .iter()
        .partition(|kind| question::ignores_to_ids(upstream, *kind));
    let mut rows: Option<Entries> = None;
    for (kinds, to_ids) in [(with_flag, true), (without_flag, false)] {
        if kinds.is_empty() {
            continue;
        }
        let search = question::for_lookup(upstream, scope, &kinds, to_ids, now)?;
        let taken_by = Arc::new(FeedTypes::feeds(&upstream.mappings, &kinds));
        let more = pass::read(client, &search, Judge::of_nothing(), || {
            Entries::new(Arc::clone(&taken_by), scoring.clone())
        })
        .await?;
        rows = Some(match rows {
            None => more,
            Some(mut rows) => {
                rows.join(more);
                rows
            }
        });
    }
    let selection = Selection::Feed(scope.feed);
    let publication = Publication::ask(client, upstream, selection, remembered, now).await?;
    let kinds: Vec<IndicatorType> = LOOKED_UP_FEEDS.iter().collect();
    let search = question::for_false_positives_of(upstream, &kinds, now)?;
    let taken_by = Arc::new(FeedTypes::families(&upstream.mappings, &kinds));
    let mut harmless = pass::read(client, &search, Judge::of_nothing(), || {
        Entries::new(Arc::clone(&taken_by), None)
    })
    .await?;
    let search = question::for_false_positive_events_of(upstream, &kinds, now)?;
    let tag = question::false_positive_tag(upstream);
    let of_events = pass::read(client, &search, Judge::of_nothing(), || {
        OfTaggedEvents::new(tag.as_str(), Entries::new(Arc::clone(&taken_by), None))
    })
    .await?;
    harmless.absorb(&of_events.into_rows(), &HashSet::new());
    let harmless = harmless.into_false_positives();
    let Some(rows) = rows else {
        return Ok(LookupIndex::default());
    };
    let index = LookupIndex::from(rows.into_index(|row| publication.counts(row), &harmless));
    Ok(index.without_scores(without_scores))
}
