//! The knowledge that an event was withdrawn, which outlives its record. Without it, the next edit would bring the
//! event back.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Block, EventFacts, EventRecord, EventState, LastPublished};

/// The knowledge that an event was withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawal {
    uuid: Option<Uuid>,
    /// The `publish_timestamp` with which it was seen withdrawn.
    at: i64,
}

impl Withdrawal {
    pub(crate) fn of(state: &EventState) -> Option<Self> {
        let uuid = state.uuid;
        state.withdrawn_at.map(|at| Self { uuid, at })
    }

    /// Returns a record of the event without its rows, in place of the one that is lost.
    pub(crate) fn record(self, id: u64) -> EventRecord {
        let event = EventFacts {
            id,
            uuid: self.uuid,
            ..EventFacts::default()
        };
        EventRecord {
            current: Block {
                event,
                rows: Vec::new(),
            },
            last_published: LastPublished::Nothing,
            withdrawn_at: Some(self.at),
        }
    }
}
