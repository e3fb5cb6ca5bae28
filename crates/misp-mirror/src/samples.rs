//! Events and rows for tests.

use crate::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};

/// Returns a domain that nothing else is said of.
pub(crate) fn row(id: u64) -> MirrorRow {
    MirrorRow {
        id,
        kind: "domain".into(),
        value: format!("d{id}.example"),
        to_ids: true,
        timestamp: 1_000,
        last_seen: None,
        last_sighting: None,
        tags: [].into(),
        warninglists: Vec::new(),
    }
}

/// Returns an event with these rows that was not edited since its last publication.
pub(crate) fn record(event: EventFacts, rows: Vec<MirrorRow>) -> EventRecord {
    EventRecord {
        current: Block { event, rows },
        last_published: LastPublished::Current,
        withdrawn_at: None,
    }
}
