//! The facts about an event.

use misp_mirror::EventFacts;
use uuid::Uuid;

/// An event of MISP, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// MISP's number of the event.
    pub id: u64,
    /// The UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// The title.
    pub info: Box<str>,
    /// The organisation that made it.
    pub orgc_uuid: Option<Uuid>,
    /// The last change, in unix seconds.
    pub timestamp: i64,
    /// Whether it is published.
    pub published: bool,
    /// The last publication, in unix seconds; 0 for never.
    pub publish_timestamp: i64,
    /// The families that have rows of it, a bit for each.
    pub(crate) families: u64,
}

impl Event {
    pub(crate) fn of(facts: &EventFacts) -> Self {
        Self {
            id: facts.id,
            uuid: facts.uuid,
            info: facts.info.as_str().into(),
            orgc_uuid: facts.orgc_uuid,
            timestamp: facts.timestamp,
            published: facts.published,
            publish_timestamp: facts.publish_timestamp,
            families: 0,
        }
    }

    /// Returns whether a question may judge the rows of both differently, although the rows are the same.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        self.timestamp == other.timestamp && self.orgc_uuid == other.orgc_uuid
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.info.len()
    }
}
