//! Rows of events that carry a tag themselves.
//!
//! MISP's `tags` filter takes tags of attributes and of events alike. Where a question counts by the time of the
//! *event*, an attribute that carries the tag itself would count as long as its event is edited, so only rows that
//! inherit the tag count.

use std::collections::HashSet;

use misp_client::AttributeRow;

use crate::FeedError;
use crate::pass::Sink;

/// Collects the rows whose event carries the tag.
#[derive(Debug)]
pub(crate) struct OfTaggedEvents<S> {
    tag: String,
    rows: S,
}

impl<S> OfTaggedEvents<S> {
    pub(crate) fn new(tag: impl Into<String>, rows: S) -> Self {
        Self { tag: tag.into(), rows }
    }

    /// Returns the rows that count.
    pub(crate) fn into_rows(self) -> S {
        self.rows
    }
}

impl<S: Sink> Sink for OfTaggedEvents<S> {
    fn take(&mut self, attribute: &AttributeRow<'_>) -> Result<(), FeedError> {
        let mut tags = attribute.tags.iter();
        if tags.any(|tag| tag.inherited && tag.name == self.tag) {
            return self.rows.take(attribute);
        }
        Ok(())
    }

    fn count_dropped(&mut self, reason: &'static str, attributes: u64) {
        self.rows.count_dropped(reason, attributes);
    }

    fn absorb(&mut self, other: &Self, left_out: &HashSet<u64>) {
        self.rows.absorb(&other.rows, left_out);
    }
}
