//! A mirror that follows the one that asks MISP: it takes the entries of the log in their order.

use jiff::Timestamp;

use super::Follower;
use super::event_reading::EARLY_ROWS;
use crate::error::FollowError;
use crate::log_position::Position;
use crate::memory::{self, Memory};
use crate::peers::{PeerItem, Peers};
use crate::shared_log::{Entry, HEAD, Head, ReadChange};
use crate::{Change, Update};

impl Follower {
    /// Returns the head of the log, unless it is older than one that was seen.
    pub(super) async fn head(&mut self, peers: &dyn Peers) -> Option<Head> {
        let PeerItem::Found(bytes) = peers.get(HEAD).await else {
            return None;
        };
        let head = Head::read(&bytes).filter(|head| head.memory.scope == self.memory.scope)?;
        let seen = self.sharing.seen.max(self.memory.position);
        if seen.is_some_and(|seen| head.position < seen) {
            tracing::debug!("the head of the shared log is older than one before, and is not used");
            return None;
        }
        self.sharing.seen = Some(head.position);
        Some(head)
    }

    /// Takes everything up to this head. Returns whether that was possible; if not, this mirror has to compare what it
    /// has with MISP.
    pub(super) async fn catch_up(&mut self, peers: &dyn Peers, head: &Head) -> Result<bool, FollowError> {
        let Some(entries) = self.memory.position.and_then(|from| head.since(from)) else {
            return Ok(false);
        };
        // Before the changes that it is about.
        self.show_unexplained(head.memory.unexplained_ms);
        for position in entries {
            match peers.get(&position.name()).await {
                PeerItem::Found(bytes) => {
                    if !self.take_entry(position, bytes).await? {
                        tracing::warn!("an entry of the shared log is not what it should be, and is not used");
                        return Ok(false);
                    }
                }
                PeerItem::Missing => return Ok(false),
                // It may answer at the next turn.
                PeerItem::Unknown => return Ok(true),
            }
        }
        self.take_head(head).await?;
        Ok(true)
    }

    /// Compares everything with MISP, as after a long time, and then goes on from this head.
    pub(super) async fn join(&mut self, head: &Head) -> Result<(), FollowError> {
        tracing::info!("this mirror compares what it has with MISP, and then follows the one that asks MISP");
        self.leave_log().await?;
        self.traces.begin_anew();
        self.look().await?;
        // A resync reads on for some looks.
        if self.backlog.is_empty() {
            self.memory.position = Some(head.position);
            self.sharing.taken_as_of = head.as_of();
        }
        Ok(())
    }

    /// Takes an entry in one step; returns whether it is the one that this position should have.
    async fn take_entry(&mut self, position: Position, bytes: Vec<u8>) -> Result<bool, FollowError> {
        let reading = tokio::task::spawn_blocking(move || Entry::read(&bytes));
        let read = reading.await.map_err(|_| FollowError::Cancelled)?;
        let Some((entry, changes)) = read.filter(|(entry, _)| entry.position == position) else {
            return Ok(false);
        };
        if let Some(lists) = entry.warninglists
            && !self.take_warninglists(lists).await?
        {
            return Ok(false);
        }
        self.take_changes(position, changes).await?;
        Ok(true)
    }

    async fn take_changes(&mut self, position: Position, changes: Vec<ReadChange>) -> Result<(), FollowError> {
        let (mut records, mut gone) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                ReadChange::Replaced(record) => records.push(record),
                ReadChange::Removed(id) => gone.push(id),
            }
        }
        let mut memory = self.memory.clone();
        memory.position = Some(position);
        let (bytes, ids) = (memory.bytes(), gone.clone());
        let writing = self.with_store(move |store| {
            store.write(Update::new().remove(ids).put(&records).meta(memory::NAME, &bytes))?;
            Ok(records)
        });
        let records = writing.await?;
        self.memory = memory;
        self.index.is_stale = true;
        for id in gone {
            self.held.remove(id);
            self.forget_waiting(id);
            self.changes.push(Change::Removed { id });
        }
        for record in records {
            self.held.insert(&record);
            self.forget_waiting(record.current.event.id);
            self.note(record);
        }
        if self.held.rows() > self.options.max_attributes {
            let limit = self.options.max_attributes;
            return Err(FollowError::TooLarge { limit });
        }
        if self.changes.iter().map(Change::rows).sum::<usize>() > EARLY_ROWS {
            self.deliver_early().await;
        }
        Ok(())
    }

    fn forget_waiting(&mut self, id: u64) {
        self.memory.vanished.remove(&id);
        self.backlog.remove(&id);
        self.troubles.forget(id);
        self.again.remove(&id);
    }

    /// Takes over what the leader knows of MISP, if the head is new, and delivers one batch.
    async fn take_head(&mut self, head: &Head) -> Result<(), FollowError> {
        let Some(as_of) = head.as_of().map(|as_of| as_of.min(self.now())) else {
            return Ok(());
        };
        let is_known = self.memory.position == Some(head.position) && self.sharing.taken_as_of >= Some(as_of);
        if is_known && self.changes.is_empty() {
            return Ok(());
        }
        self.is_queued = false;
        self.memory = Memory {
            position: Some(head.position),
            as_of: Some(as_of.as_second()),
            ..head.memory.clone()
        };
        self.mark_vanished();
        self.renew_marks().await?;
        self.save_memory_when_due().await?;
        self.sharing.taken_as_of = Some(as_of);
        self.following();
        self.progress.as_of(Some(as_of));
        self.report();
        self.deliver(Some(as_of), true).await;
        Ok(())
    }

    /// Notes which events a grace keeps, as the memory has it.
    fn mark_vanished(&mut self) {
        let marked = self.held.iter().filter(|(_, event)| event.vanished_at.is_some());
        let back: Vec<u64> = marked
            .map(|(id, _)| id)
            .filter(|id| !self.memory.vanished.contains_key(id))
            .collect();
        for id in back {
            if let Some(event) = self.held.get_mut(id) {
                event.vanished_at = None;
            }
        }
        for (id, second) in &self.memory.vanished {
            if let Some(event) = self.held.get_mut(*id) {
                event.vanished_at = Timestamp::from_second(*second).ok();
            }
        }
    }
}
