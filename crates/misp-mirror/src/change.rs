//! What a mirror reports to the program that follows it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{EventRecord, EventSummary};

/// The changes of one look at MISP, to be taken over in one step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The changes, at most one an event.
    pub changes: Vec<Change>,
    /// When the look began that confirms everything reported up to this batch; nothing before the first complete one
    /// of this mirror, which may have ended in an earlier life of the process.
    pub as_of: Option<Timestamp>,
    /// Whether every event has been reported once: the copy is complete.
    pub is_complete: bool,
}

impl Batch {
    /// Makes a batch of these changes.
    #[must_use]
    pub fn new(changes: Vec<Change>, as_of: Option<Timestamp>, is_complete: bool) -> Self {
        Self {
            changes,
            as_of,
            is_complete,
        }
    }
}

/// One event that differs from its last report. The kinds are a closed set: a copy that skips one of them is wrong.
#[derive(Clone, Debug)]
pub enum Change {
    /// The event is new, or differs.
    Replaced {
        /// The event.
        record: Arc<EventRecord>,
        /// For each row of the current block, whether an enabled warninglist of MISP names its value.
        warned: Vec<bool>,
        /// The same for the rows of [`LastPublished::Block`](crate::LastPublished::Block); empty without one.
        warned_published: Vec<bool>,
    },
    /// The event is gone, or the key may not see it any more.
    Removed {
        /// MISP's number of the event.
        id: u64,
    },
    /// The event exists, and its record in the store does not open. It is read again from MISP and reported then. Comes
    /// only when the store is opened, so nothing was reported of this event before.
    Missing {
        /// MISP's number of the event.
        id: u64,
        /// What may be in it; anything if there is no summary.
        summary: Option<EventSummary>,
    },
}

impl Change {
    /// Returns the number of rows in it.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Replaced {
                warned,
                warned_published,
                ..
            } => warned.len() + warned_published.len(),
            Self::Removed { .. } | Self::Missing { .. } => 0,
        }
    }
}
