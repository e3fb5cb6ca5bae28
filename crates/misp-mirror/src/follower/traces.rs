//! What leaves no trace in an event: local tags, sightings, hidden events that are gone, warninglists, and the rights
//! of the key.
//!
//! Each of these checks is one light question, and is due once in the interval that the mirror was given. A quiet look
//! has a place for one of them. [`trace_plan`](super::trace_plan) says which.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use misp_client::{Error, ErrorKind, EventIndexAnswer};

use super::Follower;
use super::event_reading::Shown;
use super::tag_texts::{TagQuestion, tag_questions};
use super::tag_walk::Walk;
use super::trace_plan::{Check, Pace, Plan};
use crate::error::FollowError;
use crate::options::Options;
use crate::questions::MAX_IDS;

/// A reporter's clock and the way of a report may be late by so much.
const LATE_SIGHTINGS: i64 = 3_600;
/// Sightings are asked for up to so long after now, since clocks differ.
const AHEAD: i64 = 86_400;

/// The checks, and what they saw last.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) plan: Plan,
    pub(super) tag_questions: Vec<TagQuestion>,
    /// The questions for tags that MISP has answered.
    pub(super) answered: BTreeSet<usize>,
    /// By place of the watched tag, the ETag of the index of its events.
    etags: HashMap<usize, String>,
    /// MISP does not say how many events have a tag, so each index by tag is asked for in time.
    pub(super) counts_no_events: bool,
    /// Tags whose events were never compared, by place, with MISP's count of events.
    pub(super) uncounted: BTreeMap<usize, i64>,
    /// Tags whose attributes are being compared.
    pub(super) walks: VecDeque<Walk>,
    /// By tag, MISP's counts of events and attributes when the first load began.
    pub(super) before_load: HashMap<String, (Option<i64>, Option<i64>)>,
    /// The present look has asked for the rights of the key.
    rights_are_known: bool,
    /// Sightings that were seen at the last check.
    sightings: HashSet<u64>,
    /// Questions that this key may not ask.
    refused: BTreeSet<Check>,
}

impl Traces {
    pub(super) fn new(options: &Options) -> Self {
        let tags = options.watched_tags.iter().chain(&options.watched_namespaces);
        Self {
            tag_questions: tag_questions(&tags.cloned().collect::<Vec<_>>()),
            ..Self::default()
        }
    }

    /// Forgets what only the look before could know.
    pub(super) fn begin_look(&mut self) {
        self.rights_are_known = false;
    }

    /// Makes every check due, and forgets what the last ones saw: others asked MISP meanwhile.
    pub(super) fn begin_anew(&mut self) {
        self.plan.begin_anew();
        self.etags.clear();
        self.answered.clear();
    }
}

impl Follower {
    /// Returns the checks of a look. One that found changes has asked much already, so it leaves out what can wait.
    pub(super) fn due_checks(&mut self, has_changes: bool) -> Vec<Check> {
        let (now, pace) = (self.began, self.pace_of_checks());
        let checks = self.checks_in_time();
        let mut due = self.traces.plan.due(&checks, now, pace, has_changes);
        if due.is_empty() && !has_changes {
            due.extend(self.next_search());
            // Without a known index a look has two questions for it, and no room for what can wait.
            if due.is_empty() && !self.index.is_stale {
                let early = self.traces.plan.early(&checks, now, pace.interval);
                due.extend(early.or_else(|| self.next_event_tag()));
            }
        }
        due
    }

    fn pace_of_checks(&self) -> Pace {
        Pace {
            poll: self.options.poll,
            interval: self.options.trace_interval,
        }
    }

    /// Returns the checks that have to be done once in each interval.
    fn checks_in_time(&self) -> Vec<Check> {
        let mut checks = vec![Check::Rights, Check::Warninglists];
        checks.extend((0..self.hidden_parts()).map(Check::Hidden));
        checks.extend((0..self.traces.tag_questions.len()).map(Check::TagCounts));
        checks.extend(self.options.sightings.then_some(Check::Sightings));
        if self.traces.counts_no_events {
            checks.extend((0..self.held.watched().len()).map(Check::EventTag));
        }
        checks
    }

    /// Returns the next question for a tag whose use has changed.
    fn next_search(&self) -> Option<Check> {
        let uncounted = self.traces.uncounted.keys().next();
        let walk = (!self.traces.walks.is_empty()).then_some(Check::TaggedRows);
        walk.or_else(|| uncounted.map(|place| Check::EventTag(*place)))
    }

    /// Returns the tag whose events were compared longest ago, if that is an interval ago. Counts do not show a tag
    /// that moved from one event to another.
    fn next_event_tag(&self) -> Option<Check> {
        let now = self.began;
        let age = |check: &Check| self.traces.plan.age(*check, now);
        let all = (0..self.held.watched().len()).map(Check::EventTag);
        let due = all.filter(|check| age(check).is_none_or(|age| age >= self.options.trace_interval));
        due.max_by_key(|check| age(check).unwrap_or(std::time::Duration::MAX))
    }

    /// Does these checks. They count from when the look began, since a change while it runs may come too late for it.
    pub(super) async fn check_traces(&mut self, checks: Vec<Check>) -> Result<(), FollowError> {
        let (now, interval) = (self.began, self.options.trace_interval);
        let mut overdue = Ok(());
        for check in checks {
            match self.check(check).await {
                Err(FollowError::Misp(error)) if is_refused(&error) => self.note_refused(check, &error),
                Err(FollowError::Misp(error)) if error.kind() != ErrorKind::KeyRefused => {
                    self.note_failed(check, &error);
                    if self.traces.plan.is_overdue(check, now, interval) {
                        overdue = Err(error.into());
                    }
                    continue;
                }
                outcome => outcome?,
            }
            self.traces.plan.done(check, now);
        }
        overdue
    }

    async fn check(&mut self, check: Check) -> Result<(), FollowError> {
        match check {
            Check::Hidden(part) => self.check_hidden(part).await,
            Check::EventTag(place) => {
                let count = self.traces.uncounted.get(&place).copied();
                self.compare_event_tag(place, count).await
            }
            Check::TagCounts(question) => self.check_tag_counts(question).await,
            Check::TaggedRows => self.walk_once().await,
            Check::Sightings => self.check_sightings().await,
            Check::Rights => self.check_rights().await,
            Check::Warninglists => self.check_warninglists().await,
        }
    }

    fn hidden(&self) -> impl Iterator<Item = u64> {
        let hidden = self.held.shown().filter(|(_, event)| !event.is_listed());
        hidden.map(|(id, _)| id)
    }

    /// Returns the number of questions for the events that the index does not list.
    fn hidden_parts(&self) -> u64 {
        self.hidden().count().div_ceil(MAX_IDS) as u64
    }

    async fn check_hidden(&mut self, part: u64) -> Result<(), FollowError> {
        let parts = self.hidden_parts().max(1);
        let ids = self.hidden().filter(|id| id % parts == part).collect();
        self.look_at(ids).await
    }

    /// Asks for these events, and reads those that differ.
    pub(super) async fn look_at(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        let mut shown: BTreeMap<u64, Shown> = BTreeMap::new();
        self.show_events(&mut shown, ids).await?;
        shown.retain(|_, event| self.held.differs(&event.facts));
        self.read_events(shown.into_values()).await
    }

    /// Compares the events that have a watched tag with those that should. `count` is MISP's number of them.
    pub(super) async fn compare_event_tag(&mut self, place: usize, count: Option<i64>) -> Result<(), FollowError> {
        let Some(tag) = self.held.watched().get(place).cloned() else {
            return Ok(());
        };
        let etag = self.traces.etags.get(&place).map(String::as_str);
        if let EventIndexAnswer::Events(list) = self.questions.index_with_tag(&tag, etag).await? {
            let tagged: HashSet<u64> = list.entries.iter().map(|entry| entry.id).collect();
            let listed = self.held.shown().filter(|(_, event)| event.is_listed());
            let differing = listed.filter(|(id, event)| event.has_event_tag(place) != tagged.contains(id));
            let differing = differing.map(|(id, _)| id).collect();
            self.look_at(differing).await?;
            match list.etag {
                Some(etag) => self.traces.etags.insert(place, etag),
                None => self.traces.etags.remove(&place),
            };
        }
        if let Some(count) = count {
            let surplus = count - self.held.events_with(place);
            self.memory.event_tag_surplus.insert(tag, surplus);
            self.traces.uncounted.remove(&place);
        }
        Ok(())
    }

    /// Reads these events again, whether their metadata differs or not.
    pub(super) async fn read_whole(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        let mut shown: BTreeMap<u64, Shown> = BTreeMap::new();
        self.show_events(&mut shown, ids).await?;
        self.read_events(shown.into_values()).await
    }

    async fn check_sightings(&mut self) -> Result<(), FollowError> {
        let now = self.memory.since.unwrap_or_else(|| self.now().as_second());
        let from = self
            .memory
            .sightings_since
            .unwrap_or(now)
            .saturating_sub(LATE_SIGHTINGS);
        let found = self
            .questions
            .sightings_between(from.max(1), now.saturating_add(AHEAD))
            .await?;
        let new = found.iter().filter(|seen| !self.traces.sightings.contains(&seen.id));
        let mut events: Vec<u64> = new.map(|seen| seen.event_id).collect();
        events.sort_unstable();
        events.dedup();
        events.retain(|id| self.held.get(*id).is_some());
        self.read_whole(events).await?;
        self.traces.sightings = found.into_iter().map(|seen| seen.id).collect();
        self.memory.sightings_since = Some(now);
        Ok(())
    }

    /// A key that moved to another organisation or role sees other events and attributes.
    pub(super) async fn check_rights(&mut self) -> Result<(), FollowError> {
        if self.traces.rights_are_known {
            return Ok(());
        }
        let rights = self.questions.rights().await?;
        self.traces.rights_are_known = true;
        if self.memory.rights.as_ref().is_some_and(|known| *known != rights) {
            tracing::info!("the rights of the MISP key changed, so the mirror reads everything again");
            self.memory.rights = Some(rights);
            // The rights and what follows from them are written down together.
            self.begin_resync(true).await?;
            self.orders.hint();
            return Ok(());
        }
        self.memory.rights = Some(rights);
        Ok(())
    }

    fn note_failed(&mut self, check: Check, error: &Error) {
        if self.traces.plan.failed(check) {
            tracing::warn!("one of the mirror's checks fails ({check:?}), and is tried again: {error}");
        }
    }

    fn note_refused(&mut self, check: Check, error: &Error) {
        // A search that may not be asked would be tried for ever.
        self.traces
            .uncounted
            .retain(|place, _| Check::EventTag(*place) != check);
        if check == Check::TaggedRows {
            self.traces.walks.clear();
        }
        if self.traces.refused.insert(check) {
            tracing::warn!("the mirror goes without one of its checks ({check:?}): {error}");
        }
    }
}

/// The key may not ask this, or this MISP does not know the question.
fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotPermitted | ErrorKind::NotFound)
}
