//! From events to the values of a feed: parts are put together, and a change counts when all of it is there.

use std::collections::BTreeSet;

use feed_classification::{Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType};
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::super::{SourceError, parse};
use super::event::Event;
use crate::refusals::Refusals;

/// Longer than any name of a state.
const MAX_ID: usize = 256;

/// A feed as far as it was told, with the name of that state.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// For `Last-Event-ID`.
    pub(super) id: HeaderValue,
    /// What may be enforced.
    pub(super) set: IndicatorSet,
    /// What is none of the feed's type. It is kept, since it is removed some day as anything else is.
    foreign: BTreeSet<String>,
}

impl Held {
    /// Returns the values that are not of the feed's type, with the reason for each.
    pub(super) fn refused(&self) -> Refusals {
        let extractor = Extractor::new(self.set.kind());
        let mut refused = Refusals::default();
        for value in &self.foreign {
            if let Err(why) = parse::judged(&extractor, value) {
                refused.push(value, why);
            }
        }
        refused
    }

    fn contains(&self, value: &str) -> bool {
        self.set.contains(value) || self.foreign.contains(value)
    }
}

/// What an event means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A part of something that is not whole yet.
    Part,
    /// The feed is as it was.
    Alive,
    /// The feed is this now.
    Held(Held),
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

/// Values that came in parts.
#[derive(Debug)]
struct Told {
    kind: Kind,
    /// The part that came last.
    part: u64,
    parts: u64,
    count: u64,
    good: IndicatorSetBuilder,
    foreign: BTreeSet<String>,
    found: u64,
}

/// Puts together what comes over one connection.
#[derive(Debug)]
pub(super) struct Collector {
    kind: IndicatorType,
    extractor: Extractor,
    /// Bytes of the change so far, and how many it may have.
    size: usize,
    most: usize,
    told: Vec<Told>,
}

impl Collector {
    /// Takes changes of at most `most` bytes.
    pub(super) fn new(kind: IndicatorType, most: usize) -> Self {
        Self {
            kind,
            extractor: Extractor::new(kind),
            size: 0,
            most,
            told: Vec::new(),
        }
    }

    /// Takes the next event. `held` is what the feed was before.
    ///
    /// # Errors
    /// If it cannot follow on what came before: then nothing that was told counts any more.
    pub(super) fn take(&mut self, event: Event, held: Option<&Held>) -> Result<Meaning, SourceError> {
        let kind = match event.name.as_str() {
            "snapshot" => Kind::Snapshot,
            "added" => Kind::Added,
            "removed" => Kind::Removed,
            "alive" if self.told.is_empty() => return Ok(Meaning::Alive),
            "alive" => return Err(lie("a change has no end")),
            // What later versions tell beside this.
            _ => return Ok(Meaning::Part),
        };
        self.size = self.size.saturating_add(event.data.len());
        if self.size > self.most {
            return Err(SourceError::TooLarge { limit: self.most });
        }
        let part: Part = serde_json::from_str(&event.data).map_err(|error| SourceError::Unreadable(error.into()))?;
        self.add(kind, part)?;
        let Some(id) = event.id else { return Ok(Meaning::Part) };
        let id = HeaderValue::from_str(&id)
            .ok()
            .filter(|id| (1..=MAX_ID).contains(&id.len()));
        let id = id.ok_or_else(|| lie("a state has no name that can be sent back"))?;
        self.size = 0;
        let told = std::mem::take(&mut self.told);
        self.whole(told, id, held).map(Meaning::Held)
    }

    fn add(&mut self, kind: Kind, part: Part) -> Result<(), SourceError> {
        let follows = match self.told.last() {
            Some(last) if last.kind == kind => {
                part.part == last.part + 1 && (part.parts, part.count) == (last.parts, last.count)
            }
            // What came is told before what went, and a snapshot stands alone.
            Some(last) => {
                part.part == 1 && last.part == last.parts && (last.kind, kind) == (Kind::Added, Kind::Removed)
            }
            None => part.part == 1,
        };
        if !follows || part.part > part.parts {
            return Err(lie("parts do not follow on each other"));
        }
        if part.part == 1 {
            self.told.push(Told {
                kind,
                part: 0,
                parts: part.parts,
                count: part.count,
                good: IndicatorSetBuilder::new(self.kind),
                foreign: BTreeSet::new(),
                found: 0,
            });
        }
        let Some(told) = self.told.last_mut() else {
            return Ok(());
        };
        told.part = part.part;
        told.found += count(part.values.len());
        for value in part.values {
            if parse::judged(&self.extractor, &value).is_ok() {
                told.good.push(&value);
            } else {
                told.foreign.insert(value);
            }
        }
        Ok(())
    }

    /// Makes a state of a change whose last event has come.
    fn whole(&self, mut told: Vec<Told>, id: HeaderValue, held: Option<&Held>) -> Result<Held, SourceError> {
        let is_snapshot = told.first().is_some_and(|told| told.kind == Kind::Snapshot);
        let mut now = match held {
            _ if is_snapshot => nothing(self.kind, id),
            Some(held) => Held { id, ..held.clone() },
            None => return Err(lie("a change of what was never told")),
        };
        // What went is taken out first: a URL in a new spelling is told as one that came and one that went, and is one URL.
        told.sort_by_key(|told| told.kind != Kind::Removed);
        for told in told {
            if told.part != told.parts {
                return Err(lie("a change ends before its last part"));
            }
            let (kind, said, found) = (told.kind, told.count, told.found);
            let (good, foreign) = (told.good.finish(), told.foreign);
            // Repetitions are gone by now, so that they show here too.
            if said != found || count(good.len() + foreign.len()) != found {
                return Err(SourceError::WrongCount { said, found });
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
            return Err(SourceError::Nonsense { refused, found });
        }
        Ok(now)
    }
}

fn nothing(kind: IndicatorType, id: HeaderValue) -> Held {
    Held {
        id,
        set: IndicatorSet::empty(kind),
        foreign: BTreeSet::new(),
    }
}

fn add(held: &mut Held, good: &IndicatorSet, foreign: BTreeSet<String>) -> Result<(), SourceError> {
    let mut all = good.iter().chain(foreign.iter().map(String::as_str));
    if all.any(|value| held.contains(value)) {
        return Err(lie("a value came that was there"));
    }
    held.set = if held.set.is_empty() {
        good.clone()
    } else {
        merged(&held.set, good)
    };
    held.foreign.extend(foreign);
    Ok(())
}

fn remove(held: &mut Held, good: &IndicatorSet, foreign: &BTreeSet<String>) -> Result<(), SourceError> {
    let mut all = good.iter().chain(foreign.iter().map(String::as_str));
    if !all.all(|value| held.contains(value)) {
        return Err(lie("a value went that was not there"));
    }
    held.set = held.set.without(good);
    held.foreign.retain(|value| !foreign.contains(value));
    Ok(())
}

/// Returns the values of both, which are in order already.
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

const fn lie(what: &'static str) -> SourceError {
    SourceError::Contradiction(what)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
