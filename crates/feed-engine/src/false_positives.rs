//! Values that an analyst called harmless, anywhere at this site.
//!
//! The tag on one attribute (or on its event) takes the *value* out of every feed of the site, wherever else it stands; MISP's own
//! negated tag only leaves out the tagged attribute. `falsepositive_timeout` of the site says how far back such a tag counts.

use feed_classification::{Extractor, IndicatorSet};
use misp_client::Client;

use crate::rows::Rows;
use crate::{FeedError, Judge, Upstream, pass, question};

pub(crate) async fn ask(
    client: &Client,
    upstream: &Upstream,
    extractor: Extractor,
    now: jiff::Timestamp,
) -> Result<IndicatorSet, FeedError> {
    let search = question::for_false_positives(upstream, extractor.kind(), now)?;
    let rows = pass::read(client, &search, Judge::of_nothing(), || Rows::new(extractor)).await?;
    Ok(rows.into_set(|_| true))
}
