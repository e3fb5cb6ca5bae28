//! One row of an answer, read where it lies.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use crate::{Attribute, EventSummary, Tag, WarninglistHit};

/// One row of an answer: an [`Attribute`] whose texts lie in the answer, without what copies of MISP do not need
/// (comment, object, visibility).
///
/// [`AttributePages::next_rows`](crate::AttributePages::next_rows) shows rows. Reading them takes a fraction of the time
/// of reading attributes: a row is not built field by field, and rows with the same tags share one list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeRow<'a> {
    /// MISP's number of the attribute; unique in one MISP.
    pub id: u64,
    /// Number of its event; 0 when MISP did not send it.
    pub event_id: u64,
    /// The UUID, the same on every MISP that the attribute was shared to.
    pub uuid: Option<Uuid>,
    /// MISP's attribute type as sent, such as `ip-dst`; never empty.
    pub kind: Cow<'a, str>,
    /// The category; empty when MISP did not send it.
    pub category: Cow<'a, str>,
    /// The value as MISP stored it; never empty.
    pub value: Cow<'a, str>,
    /// Whether analysts meant it for detection.
    pub to_ids: bool,
    /// Whether it is soft-deleted.
    pub deleted: bool,
    /// The last change, in unix seconds; 0 when MISP did not send it.
    pub timestamp: i64,
    /// Last time that the thing itself was seen, in unix seconds; 0 for a text that is not a time.
    pub last_seen: Option<i64>,
    /// The newest sighting, in unix seconds.
    pub last_sighting: Option<i64>,
    /// Its own tags, then those of its event where the search includes them.
    pub tags: Arc<[Tag]>,
    /// The warninglists that its value is on.
    pub warnings: Vec<WarninglistHit>,
    /// Its event, as far as the row shows it.
    pub event: Arc<EventSummary>,
}

impl AttributeRow<'_> {
    /// Returns true when the attribute or its event has this tag, as far as the answer shows.
    #[must_use]
    pub fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

impl From<Attribute> for AttributeRow<'_> {
    fn from(attribute: Attribute) -> Self {
        Self {
            id: attribute.id,
            event_id: attribute.event_id,
            uuid: attribute.uuid,
            kind: attribute.kind.into(),
            category: attribute.category.into(),
            value: attribute.value.into(),
            to_ids: attribute.to_ids,
            deleted: attribute.deleted,
            timestamp: attribute.timestamp,
            last_seen: attribute.last_seen,
            last_sighting: attribute.last_sighting,
            tags: attribute.tags.into(),
            warnings: attribute.warnings,
            event: Arc::new(attribute.event),
        }
    }
}
