//! Reading every event again: because the key got other rights, or because an operator wants it. A restart goes on with
//! it where it was.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::Follower;
use crate::distrust::Plausibility;
use crate::error::FollowError;
use crate::memory::Resync;

impl Follower {
    /// Begins to read every event again, from the first.
    pub(super) async fn begin_resync(&mut self, by_rights: bool) -> Result<(), FollowError> {
        let by_rights = by_rights || self.memory.resync.is_some_and(|resync| resync.by_rights);
        self.memory.resync = Some(Resync { from: 0, by_rights });
        self.is_queued = false;
        self.save_memory().await
    }

    /// Puts the events that a resync still has to read into the backlog, and removes those that MISP does not list.
    pub(super) async fn queue_resync(&mut self) -> Result<(), FollowError> {
        if self.take_resync_order() {
            self.begin_resync(false).await?;
        }
        let Some(resync) = self.memory.resync.filter(|_| !self.is_queued) else {
            return Ok(());
        };
        tracing::info!(events = self.held.len(), "the mirror reads every event of MISP again");
        let list = self.questions.all_events().await?;
        if self.distrust.judge(self.began, list.events.len(), self.held.len())? == Plausibility::Doubted {
            self.note_unexplained();
        }
        let listed: BTreeSet<u64> = list.events.iter().map(|event| event.id).collect();
        let gone = self.held.shown().filter(|(id, _)| !listed.contains(id));
        let gone = gone.map(|(id, _)| id).collect();
        self.vanish(gone).await?;
        self.backlog.extend(listed.range(resync.from..));
        self.is_queued = true;
        Ok(())
    }

    /// Notes how far a resync has come.
    pub(super) async fn note_resync(&mut self) -> Result<(), FollowError> {
        let (true, Some(resync)) = (self.is_queued, &mut self.memory.resync) else {
            return Ok(());
        };
        if let Some(first) = self.backlog.first() {
            resync.from = resync.from.max(*first);
            return Ok(());
        }
        self.memory.resync = None;
        self.is_queued = false;
        tracing::info!("the mirror has read every event of MISP again");
        self.save_memory().await
    }

    /// Notes which events have to be read again; returns whether these are others than before.
    pub(super) fn note_unread(&mut self) -> bool {
        if self.memory.position.is_some() {
            return false;
        }
        let unread = self.troubles.ids().collect();
        std::mem::replace(&mut self.memory.unread, unread) != self.memory.unread
    }

    /// Takes up what an earlier life of this mirror, or the leader before it, had still to read again.
    pub(super) fn take_up_unread(&mut self) {
        self.backlog.extend(&self.memory.unread);
        // What changed after the last look began may have been read in the very second of its change.
        if let Some(since) = self.memory.since {
            self.again.extend(self.store.changed_since(since));
        }
    }

    /// Returns whether this mirror has to ask MISP by itself, and not only take what a leader found: for events that it
    /// reads again, and for the warninglists where it has none.
    pub(super) fn has_work(&self) -> bool {
        // What came with the head of a leader is the work of that leader.
        let is_own = self.memory.position.is_none();
        self.marks.matcher().is_none()
            || !self.backlog.is_empty()
            || self.orders.resync.load(Ordering::Acquire)
            || (is_own && self.memory.resync.is_some())
    }

    /// Returns whether a resync was ordered, once.
    pub(super) fn take_resync_order(&self) -> bool {
        self.orders.resync.swap(false, Ordering::AcqRel)
    }
}
