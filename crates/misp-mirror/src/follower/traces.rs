//! What leaves no trace in an event: local tags, sightings, hidden events that are gone, warninglists, and the rights
//! of the key.
//!
//! Each of these checks is one light question, and is due once in the interval that the mirror was given. Every look
//! has a place for one of them, or for several where the looks are too few.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use misp_client::{Error, ErrorKind, EventIndexAnswer};

use super::Follower;
use super::event_reading::Shown;
use super::tag_texts::tag_texts;
use crate::error::FollowError;
use crate::options::Options;

/// A reporter's clock and the way of a report may be late by so much.
const LATE_SIGHTINGS: i64 = 3_600;
/// Sightings are asked for up to so long after now, since clocks differ.
const AHEAD: i64 = 86_400;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// The events that the index does not list.
    Hidden,
    /// The events that have the watched tag at this place.
    EventTag(usize),
    /// The use of the watched tags that have this text in their names.
    AttributeTags(usize),
    Sightings,
    Rights,
    Warninglists,
}

/// The checks, and when each was last done.
#[derive(Debug, Default)]
pub(super) struct Traces {
    checks: Vec<(Check, Option<Timestamp>)>,
    /// Texts that find the watched tags.
    texts: Vec<String>,
    /// By place of the watched tag, the ETag of the index of its events.
    etags: Vec<Option<String>>,
    /// Sightings that were seen at the last check.
    sightings: HashSet<u64>,
    /// The last look left its place out.
    skipped: bool,
    /// Questions that this key may not ask.
    refused: Vec<Check>,
    /// Checks that failed the last time.
    failing: Vec<Check>,
}

impl Traces {
    pub(super) fn new(options: &Options) -> Self {
        let texts = tag_texts(&options.watched_tags);
        let mut checks = vec![Check::Hidden, Check::Rights, Check::Warninglists];
        checks.extend((0..options.watched_tags.len()).map(Check::EventTag));
        checks.extend((0..texts.len()).map(Check::AttributeTags));
        checks.extend(options.sightings.then_some(Check::Sightings));
        Self {
            checks: checks.into_iter().map(|check| (check, None)).collect(),
            texts,
            etags: vec![None; options.watched_tags.len()],
            ..Self::default()
        }
    }

    /// Returns the checks of a look at this time.
    fn due(&mut self, now: Timestamp, poll: Duration, interval: Duration, may_skip: bool) -> Vec<Check> {
        for (_, last) in &mut self.checks {
            // The first time counts from the first look.
            last.get_or_insert(now);
        }
        let plan = plan(self.checks.len(), poll, interval);
        let age = |last: &Option<Timestamp>| last.map_or(interval, |last| now.duration_since(last).unsigned_abs());
        let must = |last: &Option<Timestamp>| age(last) + poll > interval;
        let may = |last: &Option<Timestamp>| age(last) + plan.lead >= interval;
        let mut due: Vec<_> = self.checks.iter().filter(|(_, last)| may(last)).collect();
        // A check that fails must not keep the others waiting.
        due.sort_by_key(|(check, last)| (self.failing.contains(check), *last));
        let skips = may_skip && !self.skipped;
        self.skipped = skips && !due.is_empty();
        let places = if skips { 0 } else { plan.each };
        let chosen = due.into_iter().enumerate();
        let chosen = chosen.filter(|(place, (_, last))| *place < places || must(last));
        chosen.map(|(_, (check, _))| *check).collect()
    }

    /// Makes every check due, and forgets what the last ones saw: others asked MISP meanwhile.
    pub(super) fn begin_anew(&mut self) {
        for (_, last) in &mut self.checks {
            *last = Some(Timestamp::UNIX_EPOCH);
        }
        self.etags.fill(None);
    }

    /// Returns whether a check was last done longer ago than it may be.
    fn is_overdue(&self, check: Check, now: Timestamp, interval: Duration) -> bool {
        let known = self.checks.iter().find(|(known, _)| *known == check);
        let last = known.and_then(|(_, last)| *last);
        last.is_some_and(|last| now.duration_since(last).unsigned_abs() >= interval)
    }

    fn done(&mut self, check: Check, now: Timestamp) {
        for (known, last) in &mut self.checks {
            if *known == check {
                *last = Some(now);
            }
        }
    }
}

/// How many checks a look has, and how long before its end a check may be done.
struct Plan {
    each: usize,
    lead: Duration,
}

fn plan(checks: usize, poll: Duration, interval: Duration) -> Plan {
    let looks = interval.as_millis().checked_div(poll.as_millis()).unwrap_or(1).max(1);
    let looks = usize::try_from(looks).unwrap_or(usize::MAX);
    let each = checks.div_ceil(looks).max(1);
    let needed = u32::try_from(checks.div_ceil(each)).unwrap_or(u32::MAX);
    Plan {
        each,
        // One look more than needed, since a look may leave its place out.
        lead: poll.saturating_mul(needed.saturating_add(1)),
    }
}

impl Follower {
    /// Does the checks that are due. A look that found changes has asked much already, so it may leave its place out.
    pub(super) async fn check_traces(&mut self, may_skip: bool) -> Result<(), FollowError> {
        let now = self.now();
        let (poll, interval) = (self.options.poll, self.options.trace_interval);
        let mut overdue = Ok(());
        for check in self.traces.due(now, poll, interval, may_skip) {
            match self.check(check).await {
                Err(FollowError::Misp(error)) if is_refused(&error) => self.note_refused(check, &error),
                Err(FollowError::Misp(error)) if error.kind() != ErrorKind::KeyRefused => {
                    self.note_failed(check, &error);
                    if self.traces.is_overdue(check, now, interval) {
                        overdue = Err(error.into());
                    }
                    continue;
                }
                outcome => outcome?,
            }
            self.traces.failing.retain(|known| *known != check);
            self.traces.done(check, now);
        }
        overdue
    }

    async fn check(&mut self, check: Check) -> Result<(), FollowError> {
        match check {
            Check::Hidden => {
                let hidden = self.held.shown().filter(|(_, event)| !event.is_listed());
                let hidden = hidden.map(|(id, _)| id).collect();
                self.look_at(hidden).await
            }
            Check::EventTag(place) => self.check_event_tag(place).await,
            Check::AttributeTags(place) => self.check_attribute_tags(place).await,
            Check::Sightings => self.check_sightings().await,
            Check::Rights => self.check_rights().await,
            Check::Warninglists => self.check_warninglists().await,
        }
    }

    /// Asks for these events, and reads those that differ.
    pub(super) async fn look_at(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        let mut shown: BTreeMap<u64, Shown> = BTreeMap::new();
        self.show_events(&mut shown, ids).await?;
        shown.retain(|_, event| self.held.differs(&event.facts));
        self.read_events(shown.into_values()).await
    }

    /// Compares the events that have a watched tag with those that should.
    async fn check_event_tag(&mut self, place: usize) -> Result<(), FollowError> {
        let Some(tag) = self.held.watched().get(place) else {
            return Ok(());
        };
        let etag = self.traces.etags.get(place).and_then(Option::as_deref);
        let EventIndexAnswer::Events(list) = self.questions.index_with_tag(tag, etag).await? else {
            return Ok(());
        };
        let tagged: HashSet<u64> = list.entries.iter().map(|entry| entry.id).collect();
        let listed = self.held.shown().filter(|(_, event)| event.is_listed());
        let differing = listed.filter(|(id, event)| event.has_event_tag(place) != tagged.contains(id));
        let differing = differing.map(|(id, _)| id).collect();
        self.look_at(differing).await?;
        if let Some(known) = self.traces.etags.get_mut(place) {
            *known = list.etag;
        }
        Ok(())
    }

    /// Compares how many attributes have each watched tag. MISP counts those that the mirror does not hold too, so only
    /// a difference that changes says something.
    async fn check_attribute_tags(&mut self, place: usize) -> Result<(), FollowError> {
        let Some(text) = self.traces.texts.get(place) else {
            return Ok(());
        };
        let known = self.questions.tags_with(text).await?;
        let watched = self.held.watched().iter().cloned().enumerate();
        let watched: Vec<(usize, String)> = watched.filter(|(_, tag)| tag.contains(text.as_str())).collect();
        for (place, tag) in watched {
            let count = known.iter().find(|known| known.name == tag);
            let count = count.map_or(Some(0), |known| known.attribute_count);
            let Some(count) = count.and_then(|count| i64::try_from(count).ok()) else {
                continue;
            };
            let surplus = count - self.attributes_with(place);
            if self.memory.tag_surplus.get(&tag).is_some_and(|known| *known != surplus) {
                self.compare_tag(place, &tag).await?;
            }
            let surplus = count - self.attributes_with(place);
            self.memory.tag_surplus.insert(tag, surplus);
        }
        Ok(())
    }

    fn attributes_with(&self, place: usize) -> i64 {
        i64::try_from(self.held.attributes_with(place)).unwrap_or(i64::MAX)
    }

    /// Reads which attributes have a tag, and then the events where others should have it.
    async fn compare_tag(&mut self, place: usize, tag: &str) -> Result<(), FollowError> {
        let uses = self.questions.tag_uses(tag).await?;
        let differs = |id: &u64, known| uses.get(id).copied().unwrap_or_default() != known;
        let differing = self
            .held
            .shown()
            .filter(|(id, event)| differs(id, event.own_use(place)));
        let differing = differing.map(|(id, _)| id).collect();
        self.read_whole(differing).await
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
    async fn check_rights(&mut self) -> Result<(), FollowError> {
        let rights = self.questions.rights().await?;
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
        if !self.traces.failing.contains(&check) {
            tracing::warn!("one of the mirror's checks fails ({check:?}), and is tried again: {error}");
            self.traces.failing.push(check);
        }
    }

    fn note_refused(&mut self, check: Check, error: &Error) {
        if !self.traces.refused.contains(&check) {
            tracing::warn!("the mirror goes without one of its checks ({check:?}): {error}");
            self.traces.refused.push(check);
        }
    }
}

/// The key may not ask this, or this MISP does not know the question.
fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotPermitted | ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(15);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Runs an hour of looks, and returns the most checks of a look and the longest time between two of one check.
    fn hour(tags: usize, interval: Duration, poll: Duration, may_skip: bool) -> (usize, u64) {
        let options = Options {
            watched_tags: (0..tags).map(|tag| format!("example:tag-{tag}")).collect(),
            ..Options::default()
        };
        let mut traces = Traces::new(&options);
        let (mut most, mut longest) = (0, 0);
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for second in (0..3_600).step_by(usize::try_from(poll.as_secs()).unwrap()) {
            let due = traces.due(at(second), poll, interval, may_skip);
            most = most.max(due.len());
            for check in due {
                traces.done(check, at(second));
                let before = last.insert(format!("{check:?}"), second).unwrap_or(0);
                longest = longest.max(u64::try_from(second - before).unwrap());
            }
        }
        assert_eq!(last.len(), traces.checks.len(), "every check is done");
        (most, longest)
    }

    #[test]
    fn each_check_is_done_in_time_and_one_a_look_where_that_is_enough() {
        let interval = Duration::from_secs(300);
        let (most, longest) = hour(8, interval, POLL, false);
        assert_eq!(most, 1);
        assert!(longest <= 300, "{longest}");
        let (_, longest) = hour(8, interval, POLL, true);
        assert!(longest <= 300, "{longest}");
        let (most, longest) = hour(60, interval, POLL, false);
        assert!(most <= 5 && longest <= 300, "{most} {longest}");
        let (_, longest) = hour(8, Duration::from_secs(60), POLL, true);
        assert!(longest <= 60, "{longest}");
    }
}
