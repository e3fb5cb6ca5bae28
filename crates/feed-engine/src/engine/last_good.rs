//! The last good sets on disk: taken into memory when a feed is first asked for, and written when it has changed.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{FeedEngine, Inner};
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;
use crate::last_good::LastGoodSets;
use crate::shared_sets::{self, Label, SKEW};
use crate::state_keys::StateKeys;
use crate::{FeedSet, Upstream, blocking_work};

/// The sets on disk, and the turn of those who read them.
pub(super) struct LastGood {
    sets: Arc<LastGoodSets>,
    reading: tokio::sync::Mutex<()>,
}

impl LastGood {
    pub(super) fn kept_in(folder: Option<PathBuf>) -> Self {
        Self {
            sets: Arc::new(LastGoodSets::kept_in(folder)),
            reading: tokio::sync::Mutex::default(),
        }
    }
}

impl FeedEngine {
    /// Seals the last good sets in the [state directory](super::FeedEngineBuilder::last_good_directory) with these
    /// keys from now on. Without keys, which is so at first, nothing is kept there.
    pub fn seal_last_good(&self, keys: Option<StateKeys>) {
        self.inner.last_good.sets.use_keys(keys);
    }

    /// Returns the set of a feed that is not in memory from disk, and puts it there; nothing if there is none, or one
    /// that is too old to be served.
    pub(super) async fn recalled(&self, upstream: &Upstream, key: &FeedKey) -> Option<HeldSet> {
        let inner = &self.inner;
        if !inner.last_good.sets.is_on() || inner.source.follows(upstream) {
            return None;
        }
        // Callers of the same moment read a file once.
        let _turn = inner.last_good.reading.lock().await;
        if let Some(held) = inner.sets.get(key) {
            return Some(held);
        }
        let (sets, of, now) = (Arc::clone(&inner.last_good.sets), key.clone(), Timestamp::now());
        let reading = blocking_work::run("reading the last good set", move || {
            let (label, contents) = sets.read(&of)?;
            let set = FeedSet::shared(None, contents, (label.changed_at, label.ordered_at));
            Some((label, set))
        });
        let (label, set) = reading.await.ok()??;
        let age = shared_sets::age(label.made_at, now);
        // A clock that was set back makes it seem new for ever.
        let is_ahead = label.made_at.duration_since(now) > SKEW.try_into().unwrap_or_default();
        if is_ahead || age >= upstream.site.max_stale {
            return None;
        }
        let recalled = HeldSet {
            made_at: label.made_at,
            times_wanted: label.is_timed,
            ..HeldSet::new(set, inner.clock.now().before(age))
        };
        tracing::info!(site = upstream.name(), feed = %key.scope, age = age.as_secs(), "the last good set of a feed is taken from disk");
        inner.change_set(key.clone(), |held| Some(held.unwrap_or(recalled)));
        inner.sets.get(key)
    }
}

impl Inner {
    /// Writes the set of a feed in memory, unless a copy of MISP answers for it; no caller waits for that.
    pub(super) fn remember(&self, upstream: &Upstream, key: &FeedKey) {
        if !self.last_good.sets.is_on() {
            return;
        }
        let (sets, key) = (Arc::clone(&self.last_good.sets), key.clone());
        let is_of_copy = self.source.follows(upstream);
        let held = self.sets.get(&key).filter(|held| held.failed_at.is_none());
        tokio::spawn(async move {
            // A failure is in the log.
            let _ = blocking_work::run("writing the last good set", move || match held {
                _ if is_of_copy => sets.remove(&key),
                Some(held) => sets.write(&key, &label(&held), &held.set),
                None => {}
            })
            .await;
        });
    }
}

fn label(held: &HeldSet) -> Label {
    Label {
        began_at: held.made_at,
        made_at: held.made_at,
        changed_at: held.set.changed_at(),
        ordered_at: held.set.ordered_at(),
        values: shared_sets::values_id(&held.set),
        is_judged: true,
        is_timed: held.times_wanted,
    }
}
