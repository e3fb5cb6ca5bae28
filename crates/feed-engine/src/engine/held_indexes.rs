//! The indexes in memory.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cache::{Flights, MemoryStore, Moment, Weigh};

use super::confirmed::Confirmation;
use super::current::PAUSE_AFTER_FAILURE;
use super::held_values::GoingValues;
use super::polls::Polls;
use super::rule_cache::RuleCache;
use crate::errand::Errands;
use crate::hashed_key::HashedKey;
use crate::lookup::KeptIndex;
use crate::recent_requests::RecentRequests;
use crate::upstream::UpstreamId;
use crate::{FeedError, LookupIndex, LookupScope, Upstream};

/// Values that would go may take this part of the memory of the indexes beside it.
const GOING_PART: u64 = 4;

/// Names one index.
pub(crate) type LookupKey = HashedKey<LookupKeyParts>;

/// The parts of a [`LookupKey`]. `rules` changes with every setting that changes the contents of the index.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct LookupKeyParts {
    pub(super) upstream: UpstreamId,
    pub(super) scope: LookupScope,
    pub(super) rules: u64,
}

/// All indexes of an engine.
pub(crate) struct Lookups {
    pub(super) indexes: MemoryStore<LookupKey, HeldIndex>,
    /// The values that would go from feeds whose smaller set is held back.
    pub(super) going: GoingValues,
    /// Locked while an index is put in its place, or marked.
    changing: Mutex<()>,
    pub(super) flights: Flights<LookupKey, PresentIndex, FeedError>,
    pub(super) asked: RecentRequests<LookupKey>,
    pub(super) polls: Polls<LookupKey>,
    pub(super) errands: Errands<LookupKey>,
    pub(super) rules: RuleCache,
}

/// An index between look-ups.
#[derive(Clone)]
pub(super) struct HeldIndex {
    pub(super) index: KeptIndex,
    /// The ages of its rules count from then, and so does its own, unless it follows a catalogue.
    pub(super) made_at: Moment,
    /// When the last refresh failed, or a caller waited in vain.
    pub(super) in_vain_at: Option<Moment>,
}

/// An index in its present state.
#[derive(Clone)]
pub(super) struct PresentIndex {
    pub(super) index: LookupIndex,
    /// Since its values were confirmed.
    pub(super) age: Duration,
}

impl PresentIndex {
    /// Returns how much longer it counts as fresh.
    pub(super) fn fresh_for(&self, upstream: &Upstream) -> Duration {
        upstream.site.soft_expiry.saturating_sub(self.age)
    }
}

impl HeldIndex {
    /// Returns the index as it is now; nothing if it follows a catalogue that no longer answers.
    pub(super) fn present(&self, upstream: &Upstream, now: Moment) -> Option<PresentIndex> {
        let index = self.index.present()?;
        let age = match self.index.is_following() {
            true => Confirmation::of(index.as_of(), &upstream.site, None).age,
            false => now.since(self.made_at),
        };
        Some(PresentIndex { index, age })
    }

    pub(super) fn failed_just_now(&self, now: Moment) -> bool {
        self.in_vain_at.is_some_and(|at| now.since(at) < PAUSE_AFTER_FAILURE)
    }
}

impl Weigh for HeldIndex {
    fn weight_bytes(&self) -> usize {
        self.index.weight_bytes()
    }
}

impl Lookups {
    /// Returns a memory for indexes of `max_bytes`, and for the polls of at most this many.
    pub(crate) fn new(max_bytes: u64, most_polled: usize) -> Self {
        Self {
            indexes: MemoryStore::new(max_bytes),
            going: GoingValues::new(max_bytes / GOING_PART),
            changing: Mutex::default(),
            flights: Flights::new(),
            asked: RecentRequests::up_to(most_polled),
            polls: Polls::up_to(most_polled),
            errands: Errands::default(),
            rules: RuleCache::default(),
        }
    }

    pub(super) fn put(&self, key: LookupKey, held: HeldIndex) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.indexes.insert(key, held);
    }

    pub(super) fn note_in_vain(&self, key: &LookupKey, now: Moment) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = self.indexes.get(key) {
            let in_vain_at = Some(now);
            self.indexes.insert(key.clone(), HeldIndex { in_vain_at, ..held });
        }
    }
}
