//! The set of the last answer to a prepared request, so that the next one need not search for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use cache::Moment;

use super::FeedEngine;
use crate::FeedSet;
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;

/// The store learns of a use at least this often, so that it does not evict the set.
const PAUSE: Duration = Duration::from_secs(1);

/// The place for the set of the last answer. It keeps no values in memory.
#[derive(Debug, Default)]
pub(super) struct SeenSet(ArcSwapOption<Seen>);

#[derive(Debug)]
struct Seen {
    set: Weak<FeedSet>,
    fetched_at: Moment,
    has_failed: bool,
    times_wanted: bool,
    /// The number of changes of all sets before.
    changes: u64,
    at: Moment,
}

/// A set in memory that no refresh has cast doubt on, and that was not forgotten.
pub(super) struct SureSet {
    pub(super) set: Arc<FeedSet>,
    pub(super) fetched_at: Moment,
    /// The last attempt to refresh it failed.
    pub(super) has_failed: bool,
    pub(super) times_wanted: bool,
}

impl SeenSet {
    fn of(&self, changes: u64, now: Moment) -> Option<SureSet> {
        let last = self.0.load();
        let seen = last.as_deref()?;
        if seen.changes != changes || now.since(seen.at) >= PAUSE {
            return None;
        }
        Some(SureSet {
            set: seen.set.upgrade()?,
            fetched_at: seen.fetched_at,
            has_failed: seen.has_failed,
            times_wanted: seen.times_wanted,
        })
    }

    fn note(&self, held: &HeldSet, changes: u64, now: Moment) {
        self.0.store(Some(Arc::new(Seen {
            set: Arc::downgrade(&held.set),
            fetched_at: held.fetched_at,
            has_failed: held.failed_at.is_some(),
            times_wanted: held.times_wanted,
            changes,
            at: now,
        })));
    }
}

impl FeedEngine {
    /// Returns the set in memory, if it is sure. `seen` is the place of a request for this feed: while no set changes,
    /// it has the same as the store.
    pub(super) fn sure_set(&self, key: &FeedKey, seen: &SeenSet, now: Moment) -> Option<SureSet> {
        // Before the store is asked: a change meanwhile counts from the next answer on.
        let changes = self.inner.set_changes.load(Ordering::Acquire);
        if let Some(sure) = seen.of(changes, now) {
            return Some(sure);
        }
        let held = self.inner.sets.get(key)?;
        if held.doubt.is_some() || held.forgotten.is_some() {
            return None;
        }
        seen.note(&held, changes, now);
        Some(SureSet {
            set: held.set,
            fetched_at: held.fetched_at,
            has_failed: held.failed_at.is_some(),
            times_wanted: held.times_wanted,
        })
    }
}
