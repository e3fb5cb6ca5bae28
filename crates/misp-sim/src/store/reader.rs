//! The user of a search, and the events that MISP shows to that user.

use super::{EventRow, Store};

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
}
