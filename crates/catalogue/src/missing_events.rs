//! Events that exist in MISP and are not in the catalogue: their record in the mirror does not open.

use misp_mirror::EventSummary;

use crate::{Question, Selected, Snapshot};

impl Snapshot {
    /// Returns the number of an event that is missing and may concern the answer to this question.
    ///
    /// Such an event exists in MISP, but its record in the mirror was damaged and is not read again yet. The answer
    /// could lack its values, or have values that it calls harmless. Ask MISP, or answer nothing.
    #[must_use]
    pub fn missing_for(&self, question: &Question) -> Option<u64> {
        let concerns = |summary: &Option<EventSummary>| {
            summary.is_none_or(|summary| self.may_select(question, &summary) || self.may_take_out(question, &summary))
        };
        let mut missing = self.missing.iter();
        missing.find(|(_, summary)| concerns(summary)).map(|(id, _)| *id)
    }

    fn may_select(&self, question: &Question, summary: &EventSummary) -> bool {
        let is_selected = match &question.selected {
            Selected::Everything => true,
            Selected::Tag(tag) => summary.may_have_tag(tag),
            Selected::Organisation(organisation) => summary.may_be_of(*organisation),
        };
        is_selected
            && self
                .mappings
                .takes_any(question.kind, |kind| summary.may_have_type(kind))
    }

    fn may_take_out(&self, question: &Question, summary: &EventSummary) -> bool {
        let harmless = question.harmless.as_ref();
        harmless.is_some_and(|harmless| summary.may_have_tag(&harmless.tag))
            && self
                .mappings
                .family_takes_any(question.kind, |kind| summary.may_have_type(kind))
    }
}
