//! One event as the mirror holds it: its rows now, and its rows as last published.

use std::sync::Arc;

use misp_client::Tag;
use uuid::Uuid;

/// One event with its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// The event and its attributes now, without soft-deleted ones.
    pub current: Block,
    /// The event as of its last publication.
    pub last_published: LastPublished,
    /// The `publish_timestamp` with which the event was seen withdrawn. Later edits publish nothing until MISP shows a
    /// later publication.
    pub withdrawn_at: Option<i64>,
}

/// The rows that count as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastPublished {
    /// The current ones: the event is published now.
    Current,
    /// These: the event was published, and is being edited since.
    Block(Box<Block>),
    /// None: the event was never published, or was withdrawn.
    Nothing,
}

/// One state of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The event itself.
    pub event: EventFacts,
    /// Its attributes, in ascending order of their numbers.
    pub rows: Vec<MirrorRow>,
}

/// The facts about an event that all its attributes share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// MISP's number of the event.
    pub id: u64,
    /// The UUID, the same on every MISP.
    pub uuid: Option<Uuid>,
    /// The title, at most 512 bytes.
    pub info: String,
    /// The organisation that made it.
    pub orgc_uuid: Option<Uuid>,
    /// The last change, in unix seconds. Publishing and unpublishing do not count.
    pub timestamp: i64,
    /// Whether it is published.
    pub published: bool,
    /// The last publication, in unix seconds; 0 for never. Unpublishing does not change it.
    pub publish_timestamp: i64,
    /// The tags of the event, global and local ones.
    pub tags: Vec<Tag>,
    /// MISP's own count of its attributes, which may be wrong.
    pub attribute_count: Option<u64>,
    /// Whether it is a protected event.
    pub protected: bool,
}

impl EventFacts {
    /// Returns whether MISP's minimal index counts the event in its total: its `attribute_count` is not 0.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.attribute_count != Some(0)
    }

    /// Returns whether MISP's minimal index lists the event: it is counted and not protected.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.is_counted() && !self.protected
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRow {
    /// MISP's number of the attribute.
    pub id: u64,
    /// MISP's attribute type, such as `ip-dst` or `domain|ip`. Rows that were read together share it.
    pub kind: Arc<str>,
    /// The value as MISP stored it; composites whole.
    pub value: String,
    /// Whether analysts meant it for detection.
    pub to_ids: bool,
    /// The last change, in unix seconds.
    pub timestamp: i64,
    /// Last time that the thing itself was seen, in unix seconds, where an analyst entered it.
    pub last_seen: Option<i64>,
    /// The newest sighting, in unix seconds; only where the mirror asks for sightings.
    pub last_sighting: Option<i64>,
    /// Its own tags, global and local ones, without those of the event. Rows that were read together share equal lists.
    pub tags: Arc<[Tag]>,
    /// MISP's numbers of the warninglists that MISP itself named for the value. The mirror asks only about lists that
    /// it cannot judge, so most rows have none.
    pub warninglists: Vec<u64>,
}
