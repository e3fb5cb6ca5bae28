//! Events whose rows are suddenly gone although MISP still counts attributes in them.
//!
//! A MISP that lost its attributes, or the index of them, answers politely that there are none. Believed at once, it
//! would empty every firewall event by event. So the rows stay until MISP has said so several times.

use super::Follower;
use super::event_reading::Shown;
use super::replacing::stored;
use crate::distrust::Distrust;
use crate::error::FollowError;
use crate::{EventFacts, MirrorRow};

impl Follower {
    /// Puts the held rows in place of an answer that has lost them and is not believed yet. Returns these events: they
    /// have to be read again.
    pub(super) async fn doubt_lost_rows(
        &mut self,
        settled: &mut [(Shown, Vec<MirrorRow>)],
    ) -> Result<Vec<u64>, FollowError> {
        let mut doubted = Vec::new();
        for (shown, rows) in settled {
            let id = shown.facts.id;
            if !self.lacks_rows(&shown.facts, rows.len()) {
                self.lost_rows.remove(&id);
                continue;
            }
            let Some(record) = self.with_store(move |store| stored(store, id)).await? else {
                continue;
            };
            if !self.is_believed(&shown.facts, rows.len(), record.current.rows.len()) {
                *rows = record.current.rows;
                doubted.push(id);
            }
        }
        if !doubted.is_empty() {
            // Written down first: the records are going to look as if they had been read.
            self.memory.unread.extend(&doubted);
            self.save_memory().await?;
        }
        Ok(doubted)
    }

    /// Returns whether an event has fewer rows than it should, by those that are held and by MISP's own count.
    fn lacks_rows(&self, facts: &EventFacts, rows: usize) -> bool {
        let Some(held) = self.held.get(facts.id).filter(|held| held.uuid == facts.uuid) else {
            return false;
        };
        // With other rights the key may see fewer attributes.
        if facts.attribute_count == Some(0) || self.has_other_rights() {
            return false;
        }
        let before = self.store.state(facts.id).and_then(|state| state.attribute_count);
        let counts = before.zip(facts.attribute_count);
        let deleted = counts.map_or(0, |(before, now)| before.saturating_sub(now));
        held.rows().saturating_sub(rows as u64) > deleted
    }

    fn is_believed(&mut self, facts: &EventFacts, rows: usize, held: usize) -> bool {
        let id = facts.id;
        let poll = self.options.poll;
        let doubt = self.lost_rows.entry(id).or_insert_with(|| Distrust::new(poll));
        let Err(doubt) = doubt.judge(self.began, rows, held) else {
            self.lost_rows.remove(&id);
            return true;
        };
        tracing::warn!(
            event = id,
            rows,
            held,
            counted = facts.attribute_count,
            time = doubt.time,
            "MISP shows few or no attributes of an event although it counts them; the mirror keeps those that it has \
             until MISP has said so three times"
        );
        false
    }
}
