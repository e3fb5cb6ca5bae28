//! Events that MISP does not show any more.

use super::Follower;
use crate::Change;
use crate::error::FollowError;

impl Follower {
    /// Removes the events that MISP does not show although it was asked for them by number. Where these are most of the
    /// asked events, MISP must have said so often enough; until then they stay, and are asked for again.
    pub(super) async fn vanish_of(&mut self, asked: usize, gone: Vec<u64>) -> Result<(), FollowError> {
        if asked > 1
            && let Err(doubt) = self.asked.judge(self.began, asked.saturating_sub(gone.len()), asked)
        {
            tracing::warn!(
                events = gone.len(),
                "the mirror keeps events that MISP does not show: {doubt}"
            );
            for id in gone {
                self.put_off(id);
            }
            return Ok(());
        }
        self.vanish(gone).await
    }

    /// Removes these events, or notes that they are gone where a grace keeps them.
    pub(super) async fn vanish(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.learn_rights().await?;
        let now = self.now();
        let (mut gone, mut kept) = (Vec::new(), 0_usize);
        for id in ids {
            match self.held.get_mut(id) {
                Some(event) if !self.options.vanished_grace.is_zero() => {
                    kept += usize::from(event.vanished_at.is_none());
                    event.vanished_at.get_or_insert(now);
                    self.memory.vanished.entry(id).or_insert(now.as_second());
                    self.backlog.remove(&id);
                    self.again.remove(&id);
                    self.troubles.forget(id);
                }
                _ => gone.push(id),
            }
        }
        if kept > 0 {
            tracing::info!(
                events = kept,
                "MISP does not show these events any more; the grace keeps them"
            );
            self.index.is_stale = true;
            self.save_memory().await?;
        }
        self.remove(gone).await
    }

    /// Removes the events whose grace is over.
    pub(super) async fn end_graces(&mut self) -> Result<(), FollowError> {
        let (now, grace) = (self.now(), self.options.vanished_grace);
        let is_over = |at| now.duration_since(at).unsigned_abs() >= grace;
        let gone = self.held.iter().filter(|(_, event)| event.vanished_at.is_some());
        let over = gone.filter(|(_, event)| event.vanished_at.is_some_and(is_over));
        let over = over.map(|(id, _)| id).collect();
        self.remove(over).await
    }

    async fn remove(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        if ids.is_empty() {
            return Ok(());
        }
        if self.has_other_rights() {
            self.note_unexplained();
        }
        let gone = ids.clone();
        self.with_store(move |store| Ok(store.remove(&gone)?)).await?;
        self.index.is_stale = true;
        for id in ids {
            self.held.remove(id);
            self.memory.vanished.remove(&id);
            self.memory.withdrawn.remove(&id);
            self.lost_rows.remove(&id);
            self.unsure.remove(&id);
            self.backlog.remove(&id);
            self.again.remove(&id);
            self.troubles.forget(id);
            self.changes.push(Change::Removed { id });
        }
        Ok(())
    }
}
