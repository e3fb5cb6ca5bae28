//! The first load: every event once, resumable after each group of events.

use std::collections::{HashSet, VecDeque};

use super::Follower;
use super::event_reading::{Shown, Tries};
use crate::error::FollowError;
use crate::{Update, memory};

impl Follower {
    /// Reads every event that is not held as MISP shows it, removes the others, and delivers group by group.
    pub(super) async fn first_load(&mut self) -> Result<(), FollowError> {
        let began = self.now();
        if self.held.len() == 0 {
            // Everything is read now.
            self.take_resync_order();
        }
        self.need_warninglists().await?;
        if self.memory.rights.is_none() {
            self.learn_rights().await?;
        }
        self.count_tags_before_load().await;
        let list = self.questions.all_events().await?;
        self.distrust.judge(self.began, list.events.len(), self.held.len())?;
        let since = list.began_at.unwrap_or_else(|| began.as_second());
        let answered_at = self.second_or_now(list.answered_at);
        let listed: HashSet<u64> = list.events.iter().map(|event| event.id).collect();
        let differing = list.events.into_iter().filter(|event| self.held.differs(event));
        let mut wanted: VecDeque<Shown> = differing.map(|facts| Shown { facts, answered_at }).collect();
        let total = listed.len() as u64;
        let mut tries = Tries::default();
        while !wanted.is_empty() {
            self.progress.loading(total.saturating_sub(wanted.len() as u64), total);
            self.read_next(&mut wanted, &mut tries).await?;
            self.report();
            self.deliver(None, false).await;
        }
        let known = self.held.iter().map(|(id, _)| id).chain(self.store.damaged());
        let gone = known.filter(|id| !listed.contains(id)).collect();
        self.vanish(gone).await?;
        self.end_first_load(since).await
    }

    /// Looks at what changed since the load began. Only then the copy is complete: an event that was published
    /// meanwhile would be missing otherwise.
    async fn end_first_load(&mut self, since: i64) -> Result<(), FollowError> {
        self.memory.since = Some(since);
        self.memory.sightings_since.get_or_insert(since);
        self.take_counts_before_load();
        self.look_undelivered().await?;
        let mut memory = self.memory.clone();
        memory.loaded = true;
        let bytes = memory.bytes();
        self.with_store(move |store| Ok(store.write(Update::new().meta(memory::NAME, &bytes).whole())?))
            .await?;
        self.memory = memory;
        // Not before it is written down: after a kill in between, a restart while MISP is away would serve nothing.
        self.deliver_look().await;
        let (events, attributes) = (self.held.len(), self.held.rows());
        tracing::info!(events, attributes, "the mirror has read MISP and follows its changes");
        Ok(())
    }
}
