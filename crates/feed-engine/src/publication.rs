//! Which events count as published, also while an analyst edits them.
//!
//! In MISP every change in an event (an attribute added, a tag put on, a comment mended) takes its publication away until somebody
//! publishes again (facts 41 and 60 of the recordings). Asked for `published: 1`, MISP would drop all indicators of that event in the
//! meantime, and firewalls would open. So an event counts **as last published**:
//!
//! * published now: all its attributes;
//! * edited since (its `timestamp` > its `publish_timestamp` > 0), for at most the site's `published_grace`: the attributes that have not
//!   changed since it was published;
//! * withdrawn on purpose (`timestamp` ≤ `publish_timestamp`), or never published: nothing.
//!
//! One light question tells them apart, `POST /events/index {"minimal":1,"published":0}`. It is asked *after* the rows are read: an event
//! that an analyst begins to edit while we read is then in the list, so a row added by that edit is never taken for a published one.

use std::collections::HashMap;
use std::time::Duration;

use misp_client::{EventIndex, EventIndexAnswer};

use crate::FeedError;
use crate::rows::Provenance;

/// The events that are not published at one moment, each with the time of its last edit.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    unpublished: HashMap<u64, i64>,
    /// Edits before this second are older than the grace.
    grace_from: i64,
}

impl Publication {
    /// Asks MISP which events are unpublished now.
    pub(crate) async fn ask(
        client: &misp_client::Client,
        grace: Duration,
        now: jiff::Timestamp,
    ) -> Result<Self, FeedError> {
        let unpublished = match client.event_index(&EventIndex::new().published(false)).await? {
            EventIndexAnswer::Events(events) => events
                .entries
                .into_iter()
                .map(|event| (event.id, event.timestamp))
                .collect(),
            // Only a conditional question is answered so, and this one has no condition.
            EventIndexAnswer::NotModified => HashMap::new(),
        };
        let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        Ok(Self {
            unpublished,
            grace_from: now.as_second().saturating_sub(grace),
        })
    }

    /// Returns whether this row counts as published.
    pub(crate) fn counts(&self, row: &Provenance) -> bool {
        let Some(&edited) = self.unpublished.get(&row.event_id) else {
            return true;
        };
        let edited_since_published = row.publish_timestamp > 0 && edited > row.publish_timestamp;
        edited_since_published && edited >= self.grace_from && row.timestamp <= row.publish_timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication() -> Publication {
        Publication {
            unpublished: HashMap::from([(7, 2_000)]),
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
}
