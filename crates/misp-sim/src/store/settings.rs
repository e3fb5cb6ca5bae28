//! Settings of the site that change what a key sees.

use super::Store;

/// The settings; all are off in a new MISP.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// `MISP.unpublishedprivate`.
    pub(crate) unpublished_private: bool,
    /// `MISP.warning_for_all`.
    pub(crate) warning_for_all: bool,
}

impl Store {
    /// Switches `MISP.unpublishedprivate`: an unpublished event is then shown to its own organisation only, so that an
    /// edited one looks deleted to the others (fact 66).
    pub fn set_unpublished_private(&mut self, on: bool) {
        self.settings.unpublished_private = on;
    }

    /// Switches `MISP.warning_for_all`: `includeWarninglistHits` then marks attributes without `to_ids` too (fact 64).
    pub fn set_warning_for_all(&mut self, on: bool) {
        self.settings.warning_for_all = on;
    }
}
