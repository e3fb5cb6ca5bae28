//! The user of a search, and the events that MISP shows to that user.

use super::{AttributeRow, EventRow, Store};

/// The user of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) organisation: u64,
    pub(crate) sees_everything: bool,
}

impl Store {
    /// Returns whether the event is shown to the reader: own, or shared with the site.
    ///
    /// Unpublished ones are shown too (fact 22), except with `MISP.unpublishedprivate` (fact 66).
    pub(crate) fn shows(&self, event: &EventRow, reader: Reader) -> bool {
        let shared = event.distribution != 0 && (event.published || !self.settings.unpublished_private);
        !event.gone && (reader.sees_everything || shared || event.owner == reader.organisation)
    }

    /// Returns whether the attribute is shown to the reader: its event is, and it is not its organisation's alone.
    pub(crate) fn shows_row(&self, row: &AttributeRow, reader: Reader) -> bool {
        let event = self.event_of(row);
        let own = reader.sees_everything || event.owner == reader.organisation;
        !row.gone && (own || row.distribution != 0) && self.shows(event, reader)
    }
}
