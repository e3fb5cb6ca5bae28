//! The events that count as published, also while an analyst edits them.
//!
//! In MISP every change in an event (an attribute added, a tag put on, a comment mended) takes its publication away
//! until the next publication (facts 41 and 60 of the recordings). With a question for `published: 1`, MISP would leave
//! out all indicators of that event meanwhile, and firewalls would open. So an event counts **as last published**:
//!
//! * published now: all its attributes;
//! * edited since (its `timestamp` > its `publish_timestamp` > 0), for at most the site's `published_grace`: the
//!   attributes that have not changed since it was published;
//! * withdrawn on purpose (`timestamp` ≤ `publish_timestamp`), or never published: nothing;
//! * edited after it was withdrawn: nothing, until it is published again. MISP shows the same as for an event that was
//!   edited while published (recordings 810 to 813), so [`crate::withdrawals`] remembers which events were seen
//!   withdrawn.
//!
//! One question distinguishes these cases, `POST /events/restSearch {"metadata":1,"published":0}`: the event index is
//! lighter, but leaves out protected events and those whose count of attributes has drifted to 0 (fact 61). It is asked
//! *after* the rows are read: an event that an analyst begins to edit while we read is then in the list, so a row added
//! by that edit is never taken for a published one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use misp_client::{Client, EventSearch};

use crate::provenance::Provenance;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, Selection, Upstream};

/// The events that are not published at one moment; they serve all feeds of the same upstream.
#[derive(Debug, Default)]
pub(crate) struct UnpublishedEvents(HashMap<u64, Unpublished>);

#[derive(Clone, Copy, Debug)]
struct Unpublished {
    /// The time of its last edit.
    edited: i64,
    /// The publication with which it was seen withdrawn.
    withdrawn_at: Option<i64>,
}

impl UnpublishedEvents {
    /// Asks MISP which events are unpublished now, and has `remembered` note those that are withdrawn.
    pub(crate) async fn ask(client: &Client, remembered: &UpstreamMemory) -> Result<Self, FeedError> {
        remembered.note_look();
        let events = client.event_metadata(&EventSearch::new().published(false)).await?;
        let withdrawn = remembered.observe(&events).await;
        let unpublished = |event: &misp_client::EventMetadata| Unpublished {
            edited: event.timestamp,
            withdrawn_at: withdrawn.get(&event.id).copied(),
        };
        Ok(Self(
            events.iter().map(|event| (event.id, unpublished(event))).collect(),
        ))
    }
}

/// Judges rows by the publication of their events.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    unpublished: Arc<UnpublishedEvents>,
    /// Edits before this second are older than the grace.
    grace_from: i64,
}

impl Publication {
    /// Returns the judge for a selection of this upstream's events, and asks MISP if it needs to.
    pub(crate) async fn ask(
        client: &Client,
        upstream: &Upstream,
        selection: Selection,
        remembered: &UpstreamMemory,
        now: jiff::Timestamp,
    ) -> Result<Self, FeedError> {
        if !Self::is_asked_for(upstream, selection) {
            return Ok(Self::default());
        }
        let unpublished = UnpublishedEvents::ask(client, remembered).await?;
        Ok(Self::new(Arc::new(unpublished), upstream.site.published_grace, now))
    }

    /// Returns whether the judge needs the unpublished events. Otherwise all events count, or MISP's own filter leaves
    /// out the unpublished ones.
    pub(crate) fn is_asked_for(upstream: &Upstream, selection: Selection) -> bool {
        selection.wants_published() && !upstream.site.published_grace.is_zero()
    }

    /// Returns the judge with these unpublished events.
    pub(crate) fn new(unpublished: Arc<UnpublishedEvents>, grace: Duration, now: jiff::Timestamp) -> Self {
        let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        Self {
            unpublished,
            grace_from: now.as_second().saturating_sub(grace),
        }
    }

    /// Returns the last edit of an event that is not published; nothing for the others, and where MISP was not asked.
    pub(crate) fn unpublished_since(&self, event_id: u64) -> Option<i64> {
        self.unpublished.0.get(&event_id).map(|event| event.edited)
    }

    /// Returns whether this row counts as published.
    pub(crate) fn counts(&self, row: &Provenance) -> bool {
        let Some(event) = self.unpublished.0.get(&row.event_id) else {
            return true;
        };
        let edited_since_published = row.publish_timestamp > 0 && event.edited > row.publish_timestamp;
        let withdrawn_since_published = event.withdrawn_at.is_some_and(|at| row.publish_timestamp <= at);
        edited_since_published
            && !withdrawn_since_published
            && event.edited >= self.grace_from
            && row.timestamp <= row.publish_timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication() -> Publication {
        withdrawn_at(None)
    }

    fn withdrawn_at(withdrawn_at: Option<i64>) -> Publication {
        let event = Unpublished {
            edited: 2_000,
            withdrawn_at,
        };
        Publication {
            unpublished: Arc::new(UnpublishedEvents(HashMap::from([(7, event)]))),
            grace_from: 1_500,
        }
    }

    fn row(event_id: u64, timestamp: i64, publish_timestamp: i64) -> Provenance {
        Provenance {
            attribute_id: 1,
            event_id,
            timestamp,
            publish_timestamp,
        }
    }

    #[test]
    fn every_row_of_a_published_event_counts() {
        assert!(publication().counts(&row(8, 5_000, 0)));
    }

    #[test]
    fn rows_as_last_published_count_while_the_event_is_edited() {
        assert!(publication().counts(&row(7, 1_000, 1_900)));
    }

    #[test]
    fn a_row_changed_by_the_edit_waits_for_the_next_publication() {
        assert!(!publication().counts(&row(7, 2_000, 1_900)));
    }

    #[test]
    fn an_event_withdrawn_on_purpose_drops_at_once() {
        assert!(!publication().counts(&row(7, 1_000, 2_000)));
        assert!(!publication().counts(&row(7, 1_000, 2_100)));
    }

    #[test]
    fn an_event_that_was_never_published_does_not_count() {
        assert!(!publication().counts(&row(7, 1_000, 0)));
    }

    #[test]
    fn an_edit_older_than_the_grace_does_not_count() {
        let late = Publication {
            grace_from: 2_001,
            ..publication()
        };
        assert!(!late.counts(&row(7, 1_000, 1_900)));
    }

    #[test]
    fn an_edit_after_the_withdrawal_brings_nothing_back_until_a_later_publication() {
        assert!(!withdrawn_at(Some(1_900)).counts(&row(7, 1_000, 1_900)));
        assert!(withdrawn_at(Some(1_800)).counts(&row(7, 1_000, 1_900)));
    }
}
