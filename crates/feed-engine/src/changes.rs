//! What changed in a feed between two of its states, for whoever follows it or asks again later.
//!
//! A state is named by what the feed holds ([`FeedSet::id`](crate::FeedSet::id)), so that the name means the same on every replica and after every
//! restart. Differences are kept for feeds that somebody follows or has asked about, a bounded number of them; who comes with a
//! state that is not known any more gets the whole feed.

mod follower;
mod log;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use feed_classification::IndicatorSet;

pub use follower::Follower;
pub(crate) use log::{ChangeLogs, FeedLog};

use crate::FeedSet;

/// How a feed comes from what a caller has to what it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Nothing has changed.
    None,
    /// These values came and went.
    Delta(Arc<Delta>),
    /// What the caller has is not known (any more): this is all.
    Snapshot(Arc<Snapshot>),
}

/// The difference between two states of a feed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delta {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Values that came.
    pub added: IndicatorSet,
    /// Values that went.
    pub removed: IndicatorSet,
    /// For who sends it.
    pub rendering: Rendering,
}

/// One whole state of a feed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The values.
    pub set: Arc<FeedSet>,
    /// For who sends it.
    pub rendering: Rendering,
}

/// Bytes that are made of a value once for all who send it at the same time, and gone when the last of them is done.
#[derive(Default)]
pub struct Rendering(Mutex<Weak<Vec<Bytes>>>);

impl Delta {
    /// Returns the difference between two sets, text by text: a URL in a new spelling goes and comes, so that whoever follows holds
    /// the lines that the feed has.
    #[must_use]
    pub fn between(before: &FeedSet, after: &FeedSet) -> Self {
        Self {
            from: before.id().to_owned(),
            to: after.id().to_owned(),
            added: after.values().without_texts_of(before.values()),
            removed: before.values().without_texts_of(after.values()),
            rendering: Rendering::default(),
        }
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.added.weight_bytes() + self.removed.weight_bytes()
    }
}

impl Snapshot {
    pub(crate) fn of(set: Arc<FeedSet>) -> Arc<Self> {
        Arc::new(Self {
            set,
            rendering: Rendering::default(),
        })
    }

    /// Returns the name of this state.
    #[must_use]
    pub fn id(&self) -> &str {
        self.set.id()
    }
}

impl Rendering {
    /// Returns the bytes that somebody is sending at this moment, else those that `make` makes.
    ///
    /// Who comes while they are being made waits for them, so call it where waiting is allowed.
    pub fn get_or_make(&self, make: impl FnOnce() -> Vec<Bytes>) -> Arc<Vec<Bytes>> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = made.upgrade() {
            return bytes;
        }
        let bytes = Arc::new(make());
        *made = Arc::downgrade(&bytes);
        bytes
    }
}

impl fmt::Debug for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering").finish_non_exhaustive()
    }
}
