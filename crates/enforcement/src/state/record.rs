//! The contents of the state files.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Moment, Values};
use cratos_client::Refusals;

/// The newest whole answer of a feed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastGood {
    /// Where it came from; values of another feed under the same name do not count.
    pub asked: String,
    /// The answer's entity tag.
    pub etag: Option<String>,
    /// The values, of one type.
    pub values: Values,
    /// When they came.
    pub at: Moment,
}

/// The values that a target got last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enforced {
    /// The values, those that must never be blocked taken out.
    pub values: Values,
    /// The checksum of the rendered values.
    pub digest: String,
    /// When they were put in force.
    pub at: Moment,
    /// The feeds that had answered by then.
    pub feeds: BTreeSet<String>,
}

/// How the runs of one target went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When all its feeds had answered and all that they say was in force.
    pub last_success: Option<Moment>,
    /// Values in force.
    #[serde(default)]
    pub values: u64,
    /// Addresses that they cover; an IPv6 address counts with all others of its /48 as one.
    #[serde(default)]
    pub addresses: u64,
    /// Entries that the target holds: lines, rules, elements of a set. Neighbours may be one entry, and a value may be
    /// several.
    pub entries: u64,
    /// Values that are not enforced because of their reach, those that were cut included.
    #[serde(default)]
    pub refused: Refusals,
    /// Values that are left out because this host must never block them, those that were cut included.
    pub never_blocked: u64,
    /// Values that the target's format cannot express.
    pub left_out: u64,
    /// Why the newest values are held back.
    pub held: Option<String>,
    /// Why the last run failed.
    pub error: Option<String>,
    /// Each of its feeds.
    pub feeds: BTreeMap<String, FeedProgress>,
}

/// How it stands with one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedProgress {
    /// When it answered last: with values, or that nothing changed.
    pub last_answer: Option<Moment>,
    /// Its values.
    pub values: u64,
    /// Values of its last answer that are not of its type.
    pub refused: u64,
    /// The first of them, with the reason for each.
    #[serde(default)]
    pub refused_values: Refusals,
    /// Why it did not answer last time.
    pub error: Option<String>,
}
