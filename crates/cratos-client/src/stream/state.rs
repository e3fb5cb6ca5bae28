//! From events to the values of a feed. Parts are put together, and a change counts when all of it has come.

use std::collections::BTreeSet;

use feed_classification::{Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType};
use http::HeaderValue;
use serde::Deserialize;

use super::event::Event;
use crate::error::Error;
use crate::refusals::Refusals;
use crate::values;

/// The longest name of a state, in bytes.
const MAX_ID: usize = 256;

/// A feed at one moment, with the name that cratosd gives to this state.
#[derive(Clone, Debug)]
pub struct FeedState {
    /// The value of `Last-Event-ID`.
    id: HeaderValue,
    set: IndicatorSet,
    /// Values that are not of the feed's type. They are kept, since cratosd removes them later as it removes others.
    foreign: BTreeSet<String>,
}

impl FeedState {
    /// Returns the name of the state: printable ASCII, at most 256 bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Returns the values. Each was parsed and is of the feed's type.
    #[must_use]
    pub const fn set(&self) -> &IndicatorSet {
        &self.set
    }

    /// Returns the values that are not of the feed's type, each with the reason.
    #[must_use]
    pub fn refused(&self) -> Refusals {
        let extractor = Extractor::new(self.set.kind());
        let mut refused = Refusals::default();
        for value in &self.foreign {
            if let Err(why) = values::check(&extractor, value) {
                refused.push(value, why);
            }
        }
        refused
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.id.clone()
    }

    fn contains(&self, value: &str) -> bool {
        self.set.contains(value) || self.foreign.contains(value)
    }
}

/// The meaning of an event.
#[derive(Debug)]
pub(super) enum Step {
    /// A part of a change that is not complete.
    Part,
    /// A sign of life: nothing changed.
    Alive,
    /// The new state of the feed.
    State(FeedState),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Snapshot,
    Added,
    Removed,
}

#[derive(Debug, Deserialize)]
struct Part {
    part: u64,
    parts: u64,
    count: u64,
    values: Vec<String>,
}

/// The values of one kind of event, collected from its parts.
#[derive(Debug)]
struct Batch {
    kind: Kind,
    /// The number of the last part.
    part: u64,
    parts: u64,
    count: u64,
    good: IndicatorSetBuilder,
    foreign: BTreeSet<String>,
    found: u64,
}

/// Puts the events of one connection together.
#[derive(Debug)]
pub(super) struct Collector {
    kind: IndicatorType,
    extractor: Extractor,
    /// The bytes of the change so far, and the limit.
    size: usize,
    limit: usize,
    batches: Vec<Batch>,
}

impl Collector {
    /// Returns a collector of changes of at most `limit` bytes each.
    pub(super) fn new(kind: IndicatorType, limit: usize) -> Self {
        Self {
            kind,
            extractor: Extractor::new(kind),
            size: 0,
            limit,
            batches: Vec::new(),
        }
    }

    /// Adds the next event. `before` is the state of the feed so far.
    ///
    /// # Errors
    /// If the event cannot follow on the events before it. Then nothing of the stream counts any more.
    pub(super) fn add(&mut self, event: Event, before: Option<&FeedState>) -> Result<Step, Error> {
        let kind = match event.name.as_str() {
            "snapshot" => Kind::Snapshot,
            "added" => Kind::Added,
            "removed" => Kind::Removed,
            "alive" if self.batches.is_empty() => return Ok(Step::Alive),
            "alive" => return Err(contradiction("a change has no end")),
            // An event of a later version.
            _ => return Ok(Step::Part),
        };
        self.size = self.size.saturating_add(event.data.len());
        if self.size > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        let part: Part = serde_json::from_str(&event.data).map_err(|error| Error::Unreadable(error.into()))?;
        self.add_part(kind, part)?;
        let Some(id) = event.id else { return Ok(Step::Part) };
        let id = HeaderValue::from_str(&id)
            .ok()
            .filter(|id| (1..=MAX_ID).contains(&id.len()));
        let id = id.ok_or_else(|| contradiction("a state has no name that can be sent back"))?;
        self.size = 0;
        let batches = std::mem::take(&mut self.batches);
        self.apply(batches, id, before).map(Step::State)
    }

    fn add_part(&mut self, kind: Kind, part: Part) -> Result<(), Error> {
        let follows = match self.batches.last() {
            Some(last) if last.kind == kind => {
                part.part == last.part + 1 && (part.parts, part.count) == (last.parts, last.count)
            }
            // Added values come before removed ones, and a snapshot comes alone.
            Some(last) => {
                part.part == 1 && last.part == last.parts && (last.kind, kind) == (Kind::Added, Kind::Removed)
            }
            None => part.part == 1,
        };
        if !follows || part.part > part.parts {
            return Err(contradiction("parts do not follow on each other"));
        }
        if part.part == 1 {
            self.batches.push(Batch {
                kind,
                part: 0,
                parts: part.parts,
                count: part.count,
                good: IndicatorSetBuilder::new(self.kind),
                foreign: BTreeSet::new(),
                found: 0,
            });
        }
        let Some(batch) = self.batches.last_mut() else {
            return Ok(());
        };
        batch.part = part.part;
        batch.found += count(part.values.len());
        for value in part.values {
            if values::check(&self.extractor, &value).is_ok() {
                batch.good.push(&value);
            } else {
                batch.foreign.insert(value);
            }
        }
        Ok(())
    }

    /// Returns the state after a complete change.
    fn apply(&self, mut batches: Vec<Batch>, id: HeaderValue, before: Option<&FeedState>) -> Result<FeedState, Error> {
        let is_snapshot = batches.first().is_some_and(|batch| batch.kind == Kind::Snapshot);
        let mut now = match before {
            _ if is_snapshot => empty(self.kind, id),
            Some(before) => FeedState { id, ..before.clone() },
            None => return Err(contradiction("a change comes before the first snapshot")),
        };
        // Removed values go first: a URL in a new spelling comes as one added and one removed value, and is one URL.
        batches.sort_by_key(|batch| batch.kind != Kind::Removed);
        for batch in batches {
            if batch.part != batch.parts {
                return Err(contradiction("a change ends before its last part"));
            }
            let (kind, declared, found) = (batch.kind, batch.count, batch.found);
            let (good, foreign) = (batch.good.finish(), batch.foreign);
            // The set has each value once, so repetitions show here too.
            if declared != found || count(good.len() + foreign.len()) != found {
                return Err(Error::WrongCount { declared, found });
            }
            if kind == Kind::Removed {
                remove(&mut now, &good, &foreign)?;
            } else {
                add(&mut now, &good, foreign)?;
            }
        }
        let refused = count(now.foreign.len());
        let found = count(now.set.len()) + refused;
        if refused > found / 2 {
            return Err(Error::Nonsense { refused, found });
        }
        Ok(now)
    }
}

fn empty(kind: IndicatorType, id: HeaderValue) -> FeedState {
    FeedState {
        id,
        set: IndicatorSet::empty(kind),
        foreign: BTreeSet::new(),
    }
}

fn add(state: &mut FeedState, good: &IndicatorSet, foreign: BTreeSet<String>) -> Result<(), Error> {
    let mut all = good.iter().chain(foreign.iter().map(String::as_str));
    if all.any(|value| state.contains(value)) {
        return Err(contradiction("an added value was there already"));
    }
    state.set = if state.set.is_empty() {
        good.clone()
    } else {
        merged(&state.set, good)
    };
    state.foreign.extend(foreign);
    Ok(())
}

fn remove(state: &mut FeedState, good: &IndicatorSet, foreign: &BTreeSet<String>) -> Result<(), Error> {
    let mut all = good.iter().chain(foreign.iter().map(String::as_str));
    if !all.all(|value| state.contains(value)) {
        return Err(contradiction("a removed value was not there"));
    }
    state.set = state.set.without(good);
    state.foreign.retain(|value| !foreign.contains(value));
    Ok(())
}

/// Returns the values of both sets. Both are sorted.
fn merged(one: &IndicatorSet, other: &IndicatorSet) -> IndicatorSet {
    let mut all = IndicatorSetBuilder::new(one.kind());
    let mut others = other.iter().peekable();
    for value in one {
        while let Some(before) = others.next_if(|candidate| *candidate < value) {
            all.push(before);
        }
        all.push(value);
    }
    others.for_each(|value| all.push(value));
    all.finish()
}

const fn contradiction(what: &'static str) -> Error {
    Error::Contradiction(what)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
