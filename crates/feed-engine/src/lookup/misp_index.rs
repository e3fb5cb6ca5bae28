//! An index from the answers of MISP.

use std::sync::Arc;

use catalogue::{Catalogue, Classes, LOOKED_UP_FEEDS};
use feed_classification::IndicatorType;
use misp_client::{Client, Scorer};
use misp_mirror::{Batch, Change};

use super::LookupIndex;
use super::index::Rules;
use crate::gathered_rows::GatheredRows;
use crate::publication::Publication;
use crate::tagged_events::OfTaggedEvents;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, Judge, LookupScope, Selection, Upstream, catalogue_question, pass, question};

/// Asks MISP for the rows of the feed, the unpublished events and the false positives, in this order, and makes a
/// catalogue of them. Limits of callers do not count here, since each look-up is judged by its own.
pub(crate) async fn gather(
    client: &Client,
    upstream: &Upstream,
    scope: LookupScope,
    scorer: Result<Arc<Scorer>, FeedError>,
    remembered: &UpstreamMemory,
    now: jiff::Timestamp,
) -> Result<LookupIndex, FeedError> {
    let mut rows = listed(client, upstream, scope, now).await?;
    let selection = Selection::Feed(scope.feed);
    let publication = Publication::ask(client, upstream, selection, remembered, now).await?;
    add_harmless(client, upstream, now, &mut rows).await?;
    let mut questions = catalogue_question::for_lookup(upstream, scope, now)?;
    // MISP sent only marks that are young enough.
    let harmless = questions.iter_mut().filter_map(|question| question.harmless.as_mut());
    harmless.for_each(|harmless| harmless.since = 0);
    let none: &[String] = &[];
    let classes = Classes::new(|kind| match LOOKED_UP_FEEDS.contains(kind) {
        true => upstream.mappings.attribute_types(kind),
        false => none,
    });
    let state = catalogue_of(rows, classes, &publication)?.snapshot();
    Ok(LookupIndex::new(Arc::new(Rules::of(&questions, scorer, now)), state))
}

/// Returns a catalogue of these rows. The rows of an event are taken over one event after the other, so that they are
/// in memory only once.
pub(super) fn catalogue_of(
    rows: GatheredRows,
    classes: Classes,
    publication: &Publication,
) -> Result<Catalogue, FeedError> {
    let catalogue = Catalogue::new(classes);
    let take = |changes: Vec<Change>, is_complete| {
        let taken = catalogue.apply(&Batch::new(changes, None, is_complete));
        taken.map_err(|error| FeedError::internal("making the index for look-ups", error))
    };
    for record in rows.into_records(publication) {
        let change = Change::Replaced {
            record: Arc::new(record),
            // MISP left out the values of its warninglists, where the feed is without them.
            warned: Vec::new(),
            warned_published: Vec::new(),
        };
        take(vec![change], false)?;
    }
    take(Vec::new(), true)?;
    Ok(catalogue)
}

/// Types that count without the `to_ids` flag need a separate question, since a question filters by the flag or not.
async fn listed(
    client: &Client,
    upstream: &Upstream,
    scope: LookupScope,
    now: jiff::Timestamp,
) -> Result<GatheredRows, FeedError> {
    let (without_flag, with_flag): (Vec<IndicatorType>, Vec<IndicatorType>) = LOOKED_UP_FEEDS
        .iter()
        .partition(|kind| question::ignores_to_ids(upstream, *kind));
    let mut rows = GatheredRows::default();
    for (kinds, to_ids) in [(with_flag, true), (without_flag, false)] {
        if !kinds.is_empty() {
            let search = question::for_lookup(upstream, scope, &kinds, to_ids, now)?;
            let more = pass::read(client, &search, Judge::of_nothing(), GatheredRows::default).await?;
            rows.join(&more);
        }
    }
    Ok(rows)
}

async fn add_harmless(
    client: &Client,
    upstream: &Upstream,
    now: jiff::Timestamp,
    rows: &mut GatheredRows,
) -> Result<(), FeedError> {
    let kinds: Vec<IndicatorType> = LOOKED_UP_FEEDS.iter().collect();
    let search = question::for_false_positives_of(upstream, &kinds, now)?;
    rows.join(&pass::read(client, &search, Judge::of_nothing(), GatheredRows::default).await?);
    let search = question::for_false_positive_events_of(upstream, &kinds, now)?;
    let tag = question::false_positive_tag(upstream);
    let of_events = pass::read(client, &search, Judge::of_nothing(), || {
        OfTaggedEvents::new(tag.as_str(), GatheredRows::default())
    });
    rows.join(&of_events.await?.into_rows());
    Ok(())
}
