//! What a mirror remembers over a restart beside the events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::log_position::Position;
use crate::store::Withdrawal;

/// The name of the entry in the store.
pub(crate) const NAME: &str = "following";

/// What a mirror remembers over a restart beside the events. A memory that cannot be read is an empty one: everything
/// is compared with MISP again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// Whether a first load was complete.
    pub(crate) loaded: bool,
    /// The attribute types and whether sightings were asked for: with others everything has to be read again.
    pub(crate) scope: String,
    /// MISP's clock when the last complete look began.
    pub(crate) since: Option<i64>,
    /// Our clock when it began, in unix seconds.
    pub(crate) as_of: Option<i64>,
    /// The user, organisation and role of the key.
    pub(crate) rights: Option<String>,
    /// Our clock when rows last went without a reason that MISP shows, in unix milliseconds.
    pub(crate) unexplained_ms: Option<i64>,
    /// By tag: MISP's count of attributes less the number that is held.
    pub(crate) tag_surplus: BTreeMap<String, i64>,
    /// The same for the live attributes that the key sees, of tags whose use was looked for.
    pub(crate) seen_tag_surplus: BTreeMap<String, i64>,
    /// The same for events.
    pub(crate) event_tag_surplus: BTreeMap<String, i64>,
    /// MISP's clock when sightings were last asked for.
    pub(crate) sightings_since: Option<i64>,
    /// Events that MISP does not show any more and a grace keeps, with our clock when that was noticed.
    pub(crate) vanished: BTreeMap<u64, i64>,
    /// The slow round: the last event that was compared, and our clock when it began.
    pub(crate) round: Option<(u64, i64)>,
    /// While every event is read again: the first one that is not read yet, and why.
    pub(crate) resync: Option<Resync>,
    /// Events that have to be read again although they may look the same, since they could not be read last time.
    pub(crate) unread: BTreeSet<u64>,
    /// Events that were withdrawn and whose records are forgotten.
    pub(crate) withdrawn: BTreeMap<u64, Withdrawal>,
    /// The warninglists that MISP is or was asked about, as one text to compare.
    pub(crate) asked_lists: String,
    /// While MISP is being asked about the rows that are held: the last event of those that it was asked about.
    pub(crate) asked_to: Option<u64>,
    /// The warninglists of which MISP has judged every row, by number, with a digest of their version.
    pub(crate) answered_lists: BTreeMap<u64, String>,
    /// Warninglists by which MISP judged otherwise than is judged here, by number, with a digest of their version.
    pub(crate) differing_lists: BTreeMap<u64, String>,
    /// The last entry of the leader's log that was taken, while the records are exactly what the leader had then.
    pub(crate) position: Option<Position>,
}

/// Every event is read again, in the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resync {
    /// The first event that is not read again yet.
    pub(crate) from: u64,
    /// The key got other rights, so it may see other attributes than before.
    pub(crate) by_rights: bool,
}

impl Memory {
    pub(crate) fn read(bytes: Option<&[u8]>) -> Self {
        bytes
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Numbers and texts can always be written; nothing would be read as an empty memory.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_a_damaged_one_is_empty() {
        let memory = Memory {
            loaded: true,
            since: Some(5),
            vanished: BTreeMap::from([(7, 9)]),
            resync: Some(Resync {
                from: 3,
                by_rights: true,
            }),
            unread: BTreeSet::from([4]),
            ..Memory::default()
        };
        assert_eq!(Memory::read(Some(&memory.bytes())), memory);
        assert_eq!(Memory::read(Some(b"\xff{")), Memory::default());
        assert_eq!(Memory::read(None), Memory::default());
    }
}
