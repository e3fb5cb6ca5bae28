//! The marks of MISP's warninglists on rows.

use std::sync::Arc;

use misp_client::warninglist::WarninglistMatcher;

use crate::{Block, Change, EventRecord, LastPublished};

/// Says which rows an enabled warninglist names; without lists none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    matcher: Option<WarninglistMatcher>,
}

impl Marks {
    pub(crate) fn by(matcher: WarninglistMatcher) -> Self {
        Self { matcher: Some(matcher) }
    }

    pub(crate) fn matcher(&self) -> Option<&WarninglistMatcher> {
        self.matcher.as_ref()
    }

    /// Returns the change that replaces an event by this one, with the marks of its rows.
    pub(crate) fn change(&self, record: Arc<EventRecord>) -> Change {
        let (warned, warned_published) = self.of_record(&record);
        Change::Replaced {
            record,
            warned,
            warned_published,
        }
    }

    /// Returns the marks of the current rows, and of the block that counts as published where that is another one.
    pub(crate) fn of_record(&self, record: &EventRecord) -> (Vec<bool>, Vec<bool>) {
        let published = match &record.last_published {
            LastPublished::Block(block) => self.of(block),
            LastPublished::Current | LastPublished::Nothing => Vec::new(),
        };
        (self.of(&record.current), published)
    }

    fn of(&self, block: &Block) -> Vec<bool> {
        let Some(matcher) = &self.matcher else {
            return vec![false; block.rows.len()];
        };
        let rows = block.rows.iter();
        rows.map(|row| matcher.matches(&row.kind, &row.value)).collect()
    }
}
