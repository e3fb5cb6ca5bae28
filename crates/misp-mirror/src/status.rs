//! The state of a mirror, for people and health checks.

use jiff::Timestamp;

use crate::peers::Standing;

/// The state of a mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What it does now.
    pub phase: Phase,
    /// Its part among the mirrors of several processes.
    pub standing: Standing,
    /// Number of events held.
    pub events: u64,
    /// Number of attributes held.
    pub rows: u64,
    /// Events whose record in the store is damaged and not read again yet. Of these, [`Change::Missing`](crate::Change)
    /// reported the ones that no earlier change of this mirror has.
    pub missing_events: u64,
    /// The numbers of these events, the smallest 100 of them.
    pub missing: Vec<u64>,
    /// Events that MISP lists and whose last reading failed, for example because MISP answers with an error for this
    /// event alone. The mirror keeps their earlier version, if it has one, and tries again.
    pub troubled_events: u64,
    /// When the last complete look at MISP began.
    pub as_of: Option<Timestamp>,
    /// When something last changed in MISP.
    pub changed_at: Option<Timestamp>,
    /// When attributes, or their tags, last went without a reason that MISP shows: the key got other rights, most
    /// events were gone at once, a warninglist changed, or an event lost them without an edit. It is later than `as_of`
    /// of the batches before that loss.
    pub unexplained_at: Option<Timestamp>,
    /// Since when MISP fails, and its last error.
    pub failing: Option<(Timestamp, String)>,
    /// Since when MISP refuses the key.
    pub refused_since: Option<Timestamp>,
    /// Size of the store in bytes.
    pub store_bytes: u64,
    /// Whether the store outlives the process.
    pub is_durable: bool,
    /// How far the slow round over all events has come: events compared, of how many.
    pub round: (u64, u64),
    /// Differences that the slow round found and repaired since the start.
    pub repaired: u64,
    /// Questions to MISP since the start, and the bytes of their answers.
    pub questions: u64,
    /// See `questions`.
    pub answer_bytes: u64,
}

/// What a mirror does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It reads the store.
    #[default]
    Opening,
    /// It reads MISP for the first time.
    Loading {
        /// Events read.
        done: u64,
        /// Events that MISP lists.
        total: u64,
    },
    /// It follows what changes.
    Following,
    /// It has stopped, since MISP has more attributes than it may hold.
    TooLarge {
        /// The most attributes that it may hold.
        limit: u64,
    },
    /// It was stopped.
    Stopped,
}
