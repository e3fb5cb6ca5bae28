//! Values that an analyst called harmless, anywhere at this site.
//!
//! The tag on one attribute (or on its event) takes the *value* out of every feed of the site, wherever else it stands;
//! MISP's own negated tag only leaves out the tagged attribute. `falsepositive_timeout` of the site says how far back
//! such a tag counts: by the time of the attribute for its own tag, by the time of the event for the event's tag.

use std::collections::HashSet;

use feed_classification::{Extractor, FalsePositives, IndicatorType, ValueFamily};
use misp_client::Client;

use crate::pass::Sink as _;
use crate::rows::Rows;
use crate::tagged_events::OfTaggedEvents;
use crate::{FeedError, Judge, Upstream, pass, question};

/// Returns the type whose values are taken out of the attributes for a feed of this type: feeds for which it is the
/// same one have the same false positives.
pub(crate) fn read_as(kind: IndicatorType) -> IndicatorType {
    match kind.family() {
        ValueFamily::Address => IndicatorType::Ip,
        _ => kind,
    }
}

/// Asks MISP for the harmless values of a feed of this type. For addresses these are addresses and networks of both
/// families, and networks are not expanded: a harmless network also removes single addresses from a feed.
pub(crate) async fn ask(
    client: &Client,
    upstream: &Upstream,
    kind: IndicatorType,
    now: jiff::Timestamp,
) -> Result<FalsePositives, FeedError> {
    let [attributes, events] = question::for_false_positives(upstream, kind, now)?;
    let fresh = || Rows::new(Extractor::new(read_as(kind)));
    let mut rows = pass::read(client, &attributes, Judge::of_nothing(), fresh).await?;
    let tag = question::false_positive_tag(upstream);
    let of_events = pass::read(client, &events, Judge::of_nothing(), || {
        OfTaggedEvents::new(tag.as_str(), fresh())
    })
    .await?;
    rows.absorb(&of_events.into_rows(), &HashSet::new());
    Ok(FalsePositives::of([rows.into_set()]))
}
