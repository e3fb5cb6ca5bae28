//! The attribute that a value comes from.

use misp_client::AttributeRow;

/// The attribute of a value, with its times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) attribute_id: u64,
    pub(crate) event_id: u64,
    pub(crate) timestamp: i64,
    pub(crate) publish_timestamp: i64,
}

impl Provenance {
    pub(crate) fn of(attribute: &AttributeRow<'_>) -> Self {
        Self {
            attribute_id: attribute.id,
            event_id: attribute.event_id,
            timestamp: attribute.timestamp,
            publish_timestamp: attribute.event.publish_timestamp.unwrap_or(0),
        }
    }
}
