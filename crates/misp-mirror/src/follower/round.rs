//! The slow round: every event and row is compared with MISP, spread evenly over a day, so that a change which no
//! other check knows of is found in the end.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Follower;
use crate::EventRecord;
use crate::distrust::Plausibility;
use crate::error::FollowError;
use crate::questions::MAX_IDS;
use crate::record_difference::difference;

/// Parts of a round: a part is one question for rows.
const PARTS: u128 = 288;

impl Follower {
    /// Compares the next events where that is due.
    pub(super) async fn go_round(&mut self) -> Result<(), FollowError> {
        let now = self.now();
        let (last, began) = *self.memory.round.get_or_insert((0, now.as_second()));
        let began = Timestamp::from_second(began).unwrap_or(now);
        let spent = now.duration_since(began).unsigned_abs().as_millis();
        let whole = self.options.round.as_millis().max(1);
        let (total, done) = (self.held.len(), self.held.iter().filter(|(id, _)| *id <= last).count());
        self.progress.round(done as u64, total as u64);
        let (total, done) = (total as u128, done as u128);
        if done >= total && spent >= whole {
            return self.begin_round(now).await;
        }
        let due = (total * spent / whole).min(total).saturating_sub(done);
        if due == 0 || (due < total.div_ceil(PARTS) && spent < whole) {
            return Ok(());
        }
        let next = self.held.shown().map(|(id, _)| id).filter(|id| *id > last);
        let ids: Vec<u64> = next
            .take(usize::try_from(due).unwrap_or(MAX_IDS).min(MAX_IDS))
            .collect();
        // The last ones may be such that MISP does not show.
        let end = ids.last().copied().unwrap_or(u64::MAX);
        self.compare(ids.clone()).await?;
        let outcome = self.hold_against_misp(&ids).await;
        self.tolerate(outcome)?;
        self.memory.round = Some((end, began.as_second()));
        self.save_memory().await
    }

    /// Lists all events, which also finds those that no other question shows, and starts with the first again.
    async fn begin_round(&mut self, now: Timestamp) -> Result<(), FollowError> {
        let list = self.questions.all_events().await?;
        if self.distrust.judge(self.began, list.events.len(), self.held.len())? == Plausibility::Doubted {
            self.note_unexplained();
        }
        let differing = list.events.iter().filter(|event| self.held.differs(event));
        let differing: Vec<u64> = differing.map(|event| event.id).collect();
        let listed: HashSet<u64> = list.events.iter().map(|event| event.id).collect();
        let gone = self.held.shown().map(|(id, _)| id).filter(|id| !listed.contains(id));
        let gone: Vec<u64> = gone.collect();
        if !gone.is_empty() {
            self.found(gone.len(), "events that are gone");
            self.vanish(gone).await?;
        }
        self.compare(differing).await?;
        self.memory.round = Some((0, now.as_second()));
        self.save_memory().await
    }

    /// Reads these events, and counts and logs differences although MISP shows no change.
    async fn compare(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        self.comparing = true;
        let outcome = self.read_whole(ids).await;
        self.comparing = false;
        outcome
    }

    /// Notes a difference that the round found in one event.
    pub(super) fn compared(&self, held: Option<&EventRecord>, there: &EventRecord) {
        let kinds = match held {
            Some(held) => difference(held, there),
            None => vec!["an event that was not held, or whose record does not open"],
        };
        if !kinds.is_empty() {
            let event = there.current.event.id;
            tracing::warn!(event, "the slow round repairs a difference: {}", kinds.join(", "));
            self.progress.repaired(1);
        }
    }

    fn found(&self, events: usize, kind: &str) {
        tracing::warn!(events, "the slow round repairs a difference: {kind}");
        self.progress.repaired(events as u64);
    }
}
