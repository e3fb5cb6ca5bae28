//! The marks of MISP's warninglists on rows.

use std::sync::Arc;

use crate::{Block, Change, EventRecord, LastPublished};

/// Says which rows a warninglist names.
#[derive(Debug, Default)]
pub(crate) struct Marks {}

impl Marks {
    /// Returns the change that replaces an event by this one, with the marks of its rows.
    pub(crate) fn change(&self, record: Arc<EventRecord>) -> Change {
        let warned = self.of(&record.current);
        let warned_published = match &record.last_published {
            LastPublished::Block(block) => self.of(block),
            LastPublished::Current | LastPublished::Nothing => Vec::new(),
        };
        Change::Replaced {
            record,
            warned,
            warned_published,
        }
    }

    fn of(&self, block: &Block) -> Vec<bool> {
        vec![false; block.rows.len()]
    }
}
