//! Which block of an event counts as published.
//!
//! In MISP every change in an event takes its publication away until the next one (facts 41 and 60 of the recordings).
//! A consumer that took that literally would drop an event whenever an analyst mends a comment. So an event counts as
//! it was when it was last published:
//!
//! * published now: its rows now;
//! * edited since (`timestamp` > `publish_timestamp` > 0): the block that was held while it was published;
//! * withdrawn on purpose (`timestamp` ≤ `publish_timestamp`, or no time but the flag differs from the published event,
//!   which happens after MISP's clock was set back), or never published: nothing;
//! * edited after it was withdrawn: nothing until a later publication. MISP shows the same as for an event that was
//!   edited while published, so the record remembers the withdrawal.

use crate::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};

/// Returns the record of an event that MISP shows like this now, after `earlier` was held.
pub(crate) fn record(earlier: Option<&EventRecord>, current: Block) -> EventRecord {
    let earlier = earlier.filter(|earlier| earlier.current.event.uuid == current.event.uuid);
    let event = &current.event;
    if event.published {
        return EventRecord {
            last_published: LastPublished::Current,
            withdrawn_at: None,
            current,
        };
    }
    let withdrawn_at = if event.publish_timestamp <= 0 {
        None
    } else if event.timestamp <= event.publish_timestamp || earlier.is_some_and(|earlier| is_untouched(earlier, event))
    {
        Some(event.publish_timestamp)
    } else {
        earlier
            .and_then(|earlier| earlier.withdrawn_at)
            .filter(|at| event.publish_timestamp <= *at)
    };
    let last_published = if withdrawn_at.is_some() || event.publish_timestamp <= 0 {
        LastPublished::Nothing
    } else {
        LastPublished::Block(Box::new(as_published(earlier, &current)))
    };
    EventRecord {
        current,
        last_published,
        withdrawn_at,
    }
}

/// Returns whether the event is unpublished now, and has the times that it had while it was published. An edit would
/// have given it another time.
fn is_untouched(earlier: &EventRecord, event: &EventFacts) -> bool {
    let before = &earlier.current.event;
    let times = |event: &EventFacts| (event.timestamp, event.publish_timestamp);
    before.published && times(before) == times(event)
}

/// Returns the block of the last publication of an event that is being edited.
fn as_published(earlier: Option<&EventRecord>, current: &Block) -> Block {
    let known = earlier.and_then(published_block);
    match known {
        Some(block) if block.event.publish_timestamp == current.event.publish_timestamp => block.clone(),
        _ => reconstructed(known, current),
    }
}

fn published_block(record: &EventRecord) -> Option<&Block> {
    match &record.last_published {
        LastPublished::Current => Some(&record.current),
        LastPublished::Block(block) => Some(block),
        LastPublished::Nothing => None,
    }
}

/// Returns what can be known of a publication that was not seen: the rows that did not change since, and of a row that
/// did, the version of an older publication.
fn reconstructed(older: Option<&Block>, current: &Block) -> Block {
    let published_at = current.event.publish_timestamp;
    let older_version = |row: &MirrorRow| {
        let rows = &older?.rows;
        let place = rows.binary_search_by_key(&row.id, |old| old.id).ok()?;
        rows.get(place).cloned()
    };
    let as_published = |row: &MirrorRow| {
        if row.timestamp <= published_at {
            Some(row.clone())
        } else {
            older_version(row)
        }
    };
    let mut event = current.event.clone();
    event.published = true;
    Block {
        event,
        rows: current.rows.iter().filter_map(as_published).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn row(id: u64, value: &str, timestamp: i64) -> MirrorRow {
        MirrorRow {
            value: value.to_owned(),
            timestamp,
            ..samples::row(id)
        }
    }

    fn block(timestamp: i64, published: bool, publish_timestamp: i64, rows: Vec<MirrorRow>) -> Block {
        Block {
            event: EventFacts {
                id: 7,
                timestamp,
                published,
                publish_timestamp,
                ..EventFacts::default()
            },
            rows,
        }
    }

    fn published_values(record: &EventRecord) -> Vec<String> {
        let block = published_block(record);
        let rows = block.map_or(&[][..], |block| &block.rows);
        rows.iter().map(|row| row.value.clone()).collect()
    }

    #[test]
    fn edited_event_keeps_the_block_that_was_published() {
        let first = record(None, block(100, true, 100, vec![row(1, "a", 90), row(2, "b", 90)]));
        assert_eq!(first.last_published, LastPublished::Current);
        // One row changed, one removed, one added.
        let edited = record(
            Some(&first),
            block(200, false, 100, vec![row(1, "x", 200), row(3, "c", 200)]),
        );
        assert_eq!(published_values(&edited), ["a", "b"]);
        let again = record(Some(&edited), block(210, false, 100, vec![row(3, "c", 200)]));
        assert_eq!(published_values(&again), ["a", "b"]);
        let published = record(Some(&again), block(210, true, 220, vec![row(3, "c", 200)]));
        assert_eq!(published_values(&published), ["c"]);
    }

    #[test]
    fn event_that_was_edited_before_the_clock_went_back_is_withdrawn_by_its_flag() {
        let rows = || vec![row(1, "a", 160)];
        let published = record(None, block(160, true, 110, rows()));
        let withdrawn = record(Some(&published), block(160, false, 110, rows()));
        assert_eq!(
            (&withdrawn.last_published, withdrawn.withdrawn_at),
            (&LastPublished::Nothing, Some(110))
        );
        let edited = record(Some(&published), block(120, false, 110, rows()));
        assert_eq!(published_values(&edited), ["a"]);
    }

    #[test]
    fn withdrawn_event_has_nothing_until_a_later_publication() {
        let first = record(None, block(100, true, 100, vec![row(1, "a", 90)]));
        let withdrawn = record(Some(&first), block(100, false, 100, vec![row(1, "a", 90)]));
        assert_eq!(
            (&withdrawn.last_published, withdrawn.withdrawn_at),
            (&LastPublished::Nothing, Some(100))
        );
        let edited = record(Some(&withdrawn), block(150, false, 100, vec![row(1, "a", 150)]));
        assert_eq!(
            (&edited.last_published, edited.withdrawn_at),
            (&LastPublished::Nothing, Some(100))
        );
        let published = record(Some(&edited), block(150, true, 160, vec![row(1, "a", 150)]));
        assert_eq!(published.withdrawn_at, None);
        let edited = record(Some(&published), block(170, false, 160, vec![row(1, "b", 170)]));
        assert_eq!(published_values(&edited), ["a"]);
    }

    #[test]
    fn publication_that_was_not_seen_is_put_together_from_what_did_not_change_since() {
        let current = || {
            let rows = vec![row(1, "new", 300), row(2, "same", 150), row(3, "added", 300)];
            block(300, false, 200, rows)
        };
        assert_eq!(published_values(&record(None, current())), ["same"]);
        let older = record(None, block(100, true, 100, vec![row(1, "old", 90)]));
        assert_eq!(published_values(&record(Some(&older), current())), ["old", "same"]);
    }

    #[test]
    fn event_that_was_never_published_has_nothing() {
        let draft = record(None, block(100, false, 0, vec![row(1, "a", 90)]));
        assert_eq!(
            (&draft.last_published, draft.withdrawn_at),
            (&LastPublished::Nothing, None)
        );
    }

    #[test]
    fn another_event_with_the_same_number_inherits_nothing() {
        let first = record(None, block(100, true, 100, vec![row(1, "a", 90)]));
        let mut other = block(200, false, 100, vec![row(1, "b", 200)]);
        other.event.uuid = Some(uuid::Uuid::from_u128(5));
        assert!(published_values(&record(Some(&first), other)).is_empty());
    }
}
