//! Everything that can be looked up in one feed.

use std::fmt;
use std::sync::Arc;

use catalogue::{Catalogue, Classes, Finder, Match, MatchedEvent, Query, Question, Snapshot};
use misp_client::Scorer;

use crate::blocking_work;
use crate::{FeedError, Filter, Judge};

/// Returns the present state of a catalogue, or nothing once it no longer answers.
pub(super) type Present = Box<dyn Fn() -> Option<Arc<Snapshot>> + Send + Sync>;

/// A snapshot may be the last owner of hundreds of megabytes.
const LARGE_BYTES: usize = usize::MAX;

/// The values of one feed with the events that they come from, to be looked up one at a time.
///
/// It is one state of a catalogue with the rules of the feed: all look-ups in one index see the same state. A look-up
/// is a binary search for each form of the value. A clone shares everything. Keep an index no longer than a request,
/// since it holds the memory of its state.
#[derive(Clone)]
pub struct LookupIndex {
    rules: Arc<Rules>,
    state: State,
    as_of: Option<jiff::Timestamp>,
    /// Further values for callers with exactly these limits, who may see each of them.
    beside: Vec<(Filter, Self)>,
}

/// What stays the same from one state of the catalogue to the next.
pub(crate) struct Rules {
    pub(super) finder: Finder,
    /// Why there are no scores, if there are none.
    pub(super) without_scores: Option<FeedError>,
    /// Gives later states; nothing where there are none.
    pub(super) present: Option<Present>,
    /// The events of a source with numbers of its own, by their numbers in the catalogue less one.
    pub(super) events: Option<Vec<MatchedEvent>>,
}

impl Rules {
    /// Returns the rules of a feed, by a question for each type, with the scores at this moment.
    pub(crate) fn of(questions: &[Question], scorer: Result<Arc<Scorer>, FeedError>, now: jiff::Timestamp) -> Self {
        let of_kind = |kind| {
            let known = questions.iter().find(|question| question.kind == kind);
            known.map_or_else(|| Question::new(kind), Question::clone)
        };
        let (finder, without_scores) = match scorer {
            Ok(scorer) => (Finder::new(of_kind).with_scorer(scorer, now.as_second()), None),
            Err(error) => (Finder::new(of_kind), Some(error)),
        };
        Self {
            finder,
            without_scores,
            present: None,
            events: None,
        }
    }

    /// Sets where the states of a catalogue come from that changes meanwhile.
    pub(crate) fn following(mut self, present: impl Fn() -> Option<Arc<Snapshot>> + Send + Sync + 'static) -> Self {
        self.present = Some(Box::new(present));
        self
    }

    pub(super) fn weight_bytes(&self) -> usize {
        let event = |event: &MatchedEvent| {
            let actors = event
                .threat_actors
                .iter()
                .map(|actor| actor.capacity() + size_of::<String>());
            event.info.capacity() + actors.sum::<usize>() + size_of::<MatchedEvent>()
        };
        let events = self.events.iter().flatten().map(event);
        self.finder.weight_bytes() + events.sum::<usize>()
    }
}

/// A shared snapshot. The last owner may be any request, so a blocking thread gives its memory back.
#[derive(Clone)]
pub(super) struct State(Option<Arc<Snapshot>>);

impl State {
    pub(super) fn get(&self) -> Option<&Arc<Snapshot>> {
        self.0.as_ref()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(snapshot) = self.0.take().filter(|snapshot| Arc::strong_count(snapshot) == 1) {
            blocking_work::free(snapshot, LARGE_BYTES);
        }
    }
}

/// An index without values.
impl Default for LookupIndex {
    fn default() -> Self {
        let nothing = Catalogue::new(Classes::defaults()).snapshot();
        Self::new(
            Arc::new(Rules::of(&[], Err(FeedError::NoDecayingModel), jiff::Timestamp::MIN)),
            nothing,
        )
    }
}

impl LookupIndex {
    /// Returns the index of a state, as of its last confirmation.
    pub(crate) fn new(rules: Arc<Rules>, state: Arc<Snapshot>) -> Self {
        Self {
            rules,
            as_of: state.as_of(),
            state: State(Some(state)),
            beside: Vec::new(),
        }
    }

    /// Adds the values of another index for callers with exactly these limits, who may see each of them.
    pub(crate) fn beside(mut self, filter: Filter, other: Self) -> Self {
        self.beside.push((filter, other));
        self
    }

    pub(super) fn into_parts(self) -> (Arc<Rules>, State, Option<jiff::Timestamp>) {
        (self.rules, self.state, self.as_of)
    }

    pub(super) fn of_parts(rules: Arc<Rules>, state: State, as_of: Option<jiff::Timestamp>) -> Self {
        Self {
            rules,
            state,
            as_of,
            beside: Vec::new(),
        }
    }

    /// Sets when the origin of the values last confirmed them, as [`FeedContents::as_of`](crate::FeedContents::as_of)
    /// does for a feed.
    #[must_use]
    pub fn confirmed_at(mut self, moment: jiff::Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Returns when the origin of the values last confirmed them; nothing means when the index was made.
    #[must_use]
    pub fn as_of(&self) -> Option<jiff::Timestamp> {
        self.as_of
    }

    /// Checks that this index can be judged by these limits. While MISP does not return its decaying models, look-ups
    /// without a limit on scores go on.
    ///
    /// # Errors
    /// [`FeedError::NoDecayingModel`], or the reason why the index was made without the model.
    pub fn judgeable(&self, filter: Filter) -> Result<(), FeedError> {
        match &self.rules.without_scores {
            Some(why) if filter.score().is_some() => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Returns the number of values; for an index over a mirror the number of those that any feed could have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.get().map_or(0, |state| state.looked_up_values())
    }

    /// Returns whether the index has no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the matches of a value within the limits of `judge`, the closest first, at most `limit`.
    ///
    /// A match beyond the limits does not exist for the caller. Where an attribute is within the limits and its event
    /// is not, the match comes without the title and the threat actors of the event.
    #[must_use]
    pub fn find(&self, query: &Query, judge: &Judge, limit: usize) -> Vec<Match> {
        let Some(state) = self.state.get() else {
            return Vec::new();
        };
        let mut found = self.rules.finder.find(state, query, &judge.limits(), limit);
        if let Some(events) = &self.rules.events {
            found.iter_mut().for_each(|found| tell_event(found, events, judge));
        }
        for (_, other) in self.beside.iter().filter(|(filter, _)| judge.has(*filter)) {
            for further in other.find(query, &judge.of_everything(), limit) {
                let is_same = |known: &Match| (&known.value, known.kind) == (&further.value, further.kind);
                if !found.iter().any(is_same) {
                    found.push(further);
                }
            }
        }
        if !self.beside.is_empty() {
            found.sort_by_key(|found| found.relation);
            found.truncate(limit);
        }
        found
    }
}

/// Puts the event of the source in the place of the one that stands for it in the catalogue.
fn tell_event(found: &mut Match, events: &[MatchedEvent], judge: &Judge) {
    let place = found
        .event
        .id
        .checked_sub(1)
        .and_then(|place| usize::try_from(place).ok());
    let event = place.and_then(|place| events.get(place)).cloned().unwrap_or_default();
    found.event = match judge.permits_tlp(event.event_tlp) {
        true => event,
        false => event.without_context(),
    };
}

impl fmt::Debug for LookupIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupIndex")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
