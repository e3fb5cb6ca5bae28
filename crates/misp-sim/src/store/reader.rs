//! The user of a search, and the events that MISP shows to that user.

use super::EventRow;

/// The user of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) organisation: u64,
    pub(crate) sees_everything: bool,
}

/// Returns whether the event is shown to the reader: own, or shared with the site; unpublished ones too (fact 22).
pub(crate) fn event_is_visible(event: &EventRow, reader: Reader) -> bool {
    !event.gone && (reader.sees_everything || event.distribution != 0 || event.owner == reader.organisation)
}
