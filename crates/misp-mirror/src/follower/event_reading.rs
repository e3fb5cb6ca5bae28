//! Reads events whole and replaces them in one step.
//!
//! MISP has no snapshot: an event may change between the question for its metadata and the one for its rows. So its
//! metadata is asked again afterwards, and an event that changed meanwhile is read again. MISP's times are whole
//! seconds, so an event that changed in the very second in which it was read is read once more at the next look.
//!
//! A large answer comes in pages, and a row that goes moves the rows behind it, also those of other events. So if one
//! event of such a group changed, the others are read again in smaller groups, at last alone.

use std::collections::{HashMap, VecDeque};

use super::Follower;
use super::reading_ahead::ReadingAhead;
use super::trouble::{MAX_FAILED, may_concern_one_event};
use crate::error::FollowError;
use crate::questions::{Listing, MAX_IDS, Rows};
use crate::{Change, EventFacts};

/// Attributes of one question, by MISP's own count: less than a page of 10 000. After a full page the client has to ask
/// for another one, which is empty.
pub(super) const GROUP_ROWS: u64 = 9_900;
/// For an event whose number of attributes MISP does not say.
const UNKNOWN_ROWS: u64 = 1_000;
/// An event that changed during so many readings is put off to the next look.
const MAX_TRIES: u32 = 5;
/// A time so far ahead of MISP's clock is not that of an edit just now.
const FRESH_SECONDS: i64 = 2;
/// With more rows than this, the changes so far are delivered before the look ends.
pub(super) const EARLY_ROWS: usize = 50_000;

/// An event as MISP showed it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) facts: EventFacts,
    /// MISP's clock then.
    pub(super) answered_at: i64,
}

/// What happened so far while events were read.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// How often each event changed while it was read.
    changed: HashMap<u64, u32>,
    /// MISP answered for some events.
    pub(super) has_read: bool,
    /// The group that is read while the one before is stored.
    ahead: ReadingAhead,
}

impl Tries {
    /// Counts a reading during which the event changed; returns whether it is read again at once.
    fn may_try(&mut self, id: u64) -> bool {
        let changed = self.changed.entry(id).or_default();
        *changed += 1;
        *changed < MAX_TRIES
    }
}

/// MISP's answers for a group of events.
struct Answer {
    rows: Rows,
    /// The same events, asked for after their rows.
    after: Listing,
}

impl Follower {
    /// Reads these events and replaces them.
    pub(super) async fn read_events(&mut self, wanted: impl IntoIterator<Item = Shown>) -> Result<(), FollowError> {
        let mut wanted: VecDeque<Shown> = wanted.into_iter().collect();
        wanted.retain(|shown| !self.troubles.waits(shown.facts.id, self.began));
        let mut tries = Tries::default();
        while !wanted.is_empty() {
            self.read_next(&mut wanted, &mut tries).await?;
            let rows: usize = self.changes.iter().map(Change::rows).sum();
            if rows > EARLY_ROWS {
                self.deliver_early().await;
            }
        }
        Ok(())
    }

    /// Reads the next group of events and replaces them. Those that changed meanwhile come back to the end of the line.
    pub(super) async fn read_next(
        &mut self,
        wanted: &mut VecDeque<Shown>,
        tries: &mut Tries,
    ) -> Result<(), FollowError> {
        let mut groups = vec![next_group(wanted)];
        let mut failed: Vec<(u64, FollowError)> = Vec::new();
        while let Some(mut group) = groups.pop() {
            match self.ask_for(&group, &mut tries.ahead).await {
                Ok(answer) => {
                    tries.has_read = true;
                    if groups.is_empty() {
                        tries.ahead.begin(&self.questions, ids_of(first_group(wanted)));
                    }
                    let mut torn = self.take(group, answer, wanted, tries).await?;
                    groups.push(torn.split_off(torn.len() / 2));
                    groups.push(torn);
                    groups.retain(|group| !group.is_empty());
                }
                Err(error) if !may_concern_one_event(&error) => return Err(error),
                Err(_) if group.len() > 1 => {
                    groups.push(group.split_off(group.len() / 2));
                    groups.push(group);
                }
                Err(error) => failed.extend(group.first().map(|shown| (shown.facts.id, error))),
            }
            if failed.len() >= MAX_FAILED {
                break;
            }
        }
        self.judge_failed(failed, tries).await?;
        wanted.extend(groups.into_iter().flatten());
        Ok(())
    }

    async fn ask_for(&self, group: &[Shown], ahead: &mut ReadingAhead) -> Result<Answer, FollowError> {
        let ids = ids_of(group);
        let mut rows = match ahead.finish(&ids).await {
            Some(rows) => rows?,
            None => self.questions.rows(ids.iter().copied()).await?,
        };
        let asked = self.ask_about(&mut rows.by_event).await?;
        if !asked.unanswered.is_empty() {
            (rows.moved, rows.has_pages) = (true, true);
        }
        let after = self.questions.events(ids).await?;
        Ok(Answer { rows, after })
    }

    /// Replaces the events of a group that did not change while they were read. Returns those of them whose rows may
    /// have moved between the pages of the answer.
    async fn take(
        &mut self,
        group: Vec<Shown>,
        answer: Answer,
        wanted: &mut VecDeque<Shown>,
        tries: &mut Tries,
    ) -> Result<Vec<Shown>, FollowError> {
        let Answer { mut rows, after } = answer;
        let asked = group.len();
        let answered_at = self.second_or_now(after.answered_at);
        let mut after: HashMap<u64, EventFacts> = after.events.into_iter().map(|facts| (facts.id, facts)).collect();
        let (mut settled, mut gone) = (Vec::new(), Vec::new());
        for shown in group {
            let id = shown.facts.id;
            let is_torn = asked == 1 && rows.moved;
            match after.remove(&id) {
                Some(facts) if facts == shown.facts && !is_torn => {
                    settled.push((shown, rows.by_event.remove(&id).unwrap_or_default()));
                }
                Some(facts) if tries.may_try(id) => wanted.push_back(Shown { facts, answered_at }),
                Some(_) => {
                    tracing::info!(
                        event = id,
                        "an event changes faster than it can be read; it is read later"
                    );
                    self.put_off(id);
                }
                None => gone.push(id),
            }
        }
        let others_changed = settled.len() < asked || settled.iter().any(|(shown, _)| is_fresh(shown));
        let mut torn = Vec::new();
        if asked > 1 && rows.has_pages && (rows.moved || others_changed) {
            torn.extend(settled.drain(..).map(|(shown, _)| shown));
        }
        let doubted = self.doubt_lost_rows(&mut settled).await?;
        self.replace(settled).await?;
        for id in doubted {
            self.put_off(id);
        }
        self.vanish_of(asked, gone).await?;
        Ok(torn)
    }

    /// Returns MISP's clock, or ours where MISP does not show its own.
    pub(super) fn second_or_now(&self, answered_at: Option<i64>) -> i64 {
        answered_at.unwrap_or_else(|| self.now().as_second())
    }
}

/// Takes as many events as one question should have.
fn next_group(wanted: &mut VecDeque<Shown>) -> Vec<Shown> {
    let events = first_group(wanted).count();
    wanted.drain(..events).collect()
}

/// Returns as many events from the front as one question should have.
fn first_group(wanted: &VecDeque<Shown>) -> impl Iterator<Item = &Shown> {
    let mut rows = 0_u64;
    let fits = move |(place, shown): &(usize, &Shown)| {
        rows = rows.saturating_add(shown.facts.attribute_count.unwrap_or(UNKNOWN_ROWS).max(1));
        *place == 0 || (*place < MAX_IDS && rows <= GROUP_ROWS)
    };
    wanted.iter().enumerate().take_while(fits).map(|(_, shown)| shown)
}

fn ids_of<'s>(group: impl IntoIterator<Item = &'s Shown>) -> Vec<u64> {
    group.into_iter().map(|shown| shown.facts.id).collect()
}

/// Returns whether the event may have changed once more in the second of its last change, after it was read.
pub(super) fn is_fresh(shown: &Shown) -> bool {
    let is_now = |second: i64| (0..=FRESH_SECONDS).contains(&second.saturating_sub(shown.answered_at));
    is_now(shown.facts.timestamp) || is_now(shown.facts.publish_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: u64, attribute_count: u64) -> Shown {
        Shown {
            facts: EventFacts {
                id,
                attribute_count: Some(attribute_count),
                ..EventFacts::default()
            },
            answered_at: 1_000,
        }
    }

    #[test]
    fn group_has_about_one_page_of_rows_and_at_least_one_event() {
        let mut wanted: VecDeque<Shown> = [shown(1, 50_000), shown(2, 6_000), shown(3, 3_900), shown(4, 1)].into();
        let ids = |group: Vec<Shown>| group.iter().map(|shown| shown.facts.id).collect::<Vec<_>>();
        assert_eq!(ids(next_group(&mut wanted)), [1]);
        assert_eq!(ids(next_group(&mut wanted)), [2, 3]);
        assert_eq!(ids(next_group(&mut wanted)), [4]);
        let mut many: VecDeque<Shown> = (0..1_000).map(|id| shown(id, 0)).collect();
        assert_eq!(next_group(&mut many).len(), MAX_IDS);
    }

    #[test]
    fn event_that_changed_in_this_second_is_fresh_and_one_in_the_far_future_is_not() {
        let mut event = shown(1, 1);
        for (second, expected) in [
            (999, false),
            (1_000, true),
            (1_002, true),
            (1_003, false),
            (i64::MIN, false),
        ] {
            event.facts.timestamp = second;
            assert_eq!(is_fresh(&event), expected, "{second}");
        }
    }
}
