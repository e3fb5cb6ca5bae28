//! The event of an attribute, as far as the attribute shows it.

use uuid::Uuid;

/// The event of an attribute, as far as the row shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventSummary {
    /// The event's UUID, the same on every MISP that it was shared to.
    pub uuid: Option<Uuid>,
    /// The title of the event.
    pub info: Option<String>,
    /// The last publication, in unix seconds; 0 for never.
    pub publish_timestamp: Option<i64>,
    /// Number of the organisation that made the event.
    pub orgc_id: Option<u64>,
    /// Number of the organisation that owns it on this MISP.
    pub org_id: Option<u64>,
    /// The organisation that made the event; only with `include_context`.
    pub orgc_uuid: Option<Uuid>,
    /// Whether the event is published now; only with `include_context`.
    pub published: Option<bool>,
    /// The last change of the event, in unix seconds; only with `include_context`.
    pub timestamp: Option<i64>,
}
