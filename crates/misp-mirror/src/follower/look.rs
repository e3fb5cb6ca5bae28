//! One look at MISP: what changed since the last one.

use std::collections::{BTreeMap, BTreeSet};

use super::Follower;
use super::event_reading::Shown;
use crate::Phase;
use crate::error::FollowError;
use crate::questions::Listing;

/// MISP writes the time of an edit before it has stored the edit, and a large one takes a while.
const OVERLAP_SECONDS: i64 = 120;
/// Events of the backlog in one look.
const BACKLOG_EVENTS: usize = 2_000;

impl Follower {
    /// Looks once at MISP, and delivers one batch.
    pub(super) async fn look(&mut self) -> Result<(), FollowError> {
        self.look_undelivered().await?;
        self.deliver_look().await;
        Ok(())
    }

    /// Delivers what the look that has just ended found.
    pub(super) async fn deliver_look(&mut self) {
        self.deliver(self.looked_at, true).await;
    }

    /// Looks once at MISP, and delivers nothing yet, unless it is much.
    pub(super) async fn look_undelivered(&mut self) -> Result<(), FollowError> {
        self.following();
        let began = self.begin_look();
        self.need_warninglists().await?;
        // A record may have turned out to be damaged since the last look.
        self.backlog.extend(self.store.damaged());
        self.queue_resync().await?;
        let mut shown = BTreeMap::new();
        let next_since = self.show_changed(&mut shown).await?;
        self.show_waiting(&mut shown).await?;
        let is_waiting = |id: &u64| self.backlog.contains(id) || self.again.contains(id) || self.troubles.contains(*id);
        shown.retain(|id, event| self.held.differs(&event.facts) || is_waiting(id));
        self.read_events(shown.into_values()).await?;
        let has_changes = !self.changes.is_empty();
        let checks = self.due_checks(has_changes);
        self.check_index(!has_changes && !checks.is_empty()).await?;
        self.check_traces(checks).await?;
        self.ask_about_held().await?;
        self.go_round().await?;
        self.end_graces().await?;

        self.memory.since = Some(next_since);
        self.memory.as_of = Some(began.as_second());
        self.looked_at = Some(began);
        self.note_resync().await?;
        self.save_memory_when_due().await?;
        self.progress.as_of(Some(began));
        self.report();
        Ok(())
    }

    /// Adds the events that changed or were published since the last look. Returns the second of MISP's clock from
    /// which the next look asks.
    async fn show_changed(&mut self, shown: &mut BTreeMap<u64, Shown>) -> Result<i64, FollowError> {
        let mut since = self.memory.since.unwrap_or_default().saturating_sub(OVERLAP_SECONDS);
        let changed = self.questions.changed_since(since).await?;
        let began_at = changed.began_at.unwrap_or_else(|| self.began.as_second());
        self.show(shown, changed);
        if let Some(earlier) = self.since_on_earlier_clock(began_at) {
            since = since.min(earlier);
            let changed = self.questions.changed_since(since).await?;
            self.show(shown, changed);
        }
        let published = self.questions.published_since(since).await?;
        self.show(shown, published);
        Ok(began_at)
    }

    /// Returns the second from which to ask if MISP's clock was set back since the last look: edits since then have
    /// times before it. Our own clock says how long ago that look was.
    fn since_on_earlier_clock(&self, began_at: i64) -> Option<i64> {
        let back = self
            .memory
            .since
            .filter(|since| began_at < *since)?
            .saturating_sub(began_at);
        let passed = self
            .memory
            .as_of
            .map_or(0, |at| self.began.as_second().saturating_sub(at));
        tracing::info!(
            seconds = back,
            "MISP's clock was set back; the mirror asks for changes from there"
        );
        Some(began_at.saturating_sub(passed.max(0)).saturating_sub(OVERLAP_SECONDS))
    }

    /// Adds these events to those that MISP showed; of two the later counts.
    pub(super) fn show(&self, shown: &mut BTreeMap<u64, Shown>, listing: Listing) {
        let answered_at = self.second_or_now(listing.answered_at);
        for facts in listing.events {
            shown.insert(facts.id, Shown { facts, answered_at });
        }
    }

    /// Reads the events again that changed in the second in which they were read.
    pub(super) async fn read_again(&mut self) -> Result<(), FollowError> {
        if self.again.is_empty() {
            return Ok(());
        }
        let mut shown = BTreeMap::new();
        self.show_waiting(&mut shown).await?;
        self.read_events(shown.into_values()).await?;
        self.deliver_early().await;
        Ok(())
    }

    /// Adds the events that wait to be read again, and removes those of them that are gone.
    async fn show_waiting(&mut self, shown: &mut BTreeMap<u64, Shown>) -> Result<(), FollowError> {
        let is_sound = |id: &&u64| !self.troubles.contains(**id);
        let backlog = self.backlog.iter().filter(is_sound).take(BACKLOG_EVENTS);
        let waiting = self.again.iter().filter(is_sound).chain(backlog).copied();
        let waiting = waiting.chain(self.troubles.due(self.began));
        let unseen: BTreeSet<u64> = waiting.filter(|id| !shown.contains_key(id)).collect();
        let unseen = unseen.into_iter().collect();
        self.show_events(shown, unseen).await
    }

    /// Asks for these events, adds them to those that MISP showed, and removes those that are gone.
    pub(super) async fn show_events(
        &mut self,
        shown: &mut BTreeMap<u64, Shown>,
        ids: Vec<u64>,
    ) -> Result<(), FollowError> {
        if ids.is_empty() {
            return Ok(());
        }
        let asked = ids.len();
        let listing = self.questions.events(ids.iter().copied()).await?;
        self.show(shown, listing);
        let gone: Vec<u64> = ids.into_iter().filter(|id| !shown.contains_key(id)).collect();
        self.vanish_of(asked, gone).await
    }

    pub(super) fn following(&self) {
        self.progress.phase(Phase::Following);
    }
}
