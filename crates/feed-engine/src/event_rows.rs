//! The events that the values of a feed come from, so that the loss of values can be explained.
//!
//! A row that MISP shows and our rules leave out is no loss of MISP's: its event was withdrawn, its value is a false
//! positive, its score decayed. A row that grew too old is none either. For the other rows that are gone, one light
//! question about their events tells whether these were deleted, unpublished, or edited since.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

use misp_client::{Client, EventIndex, EventIndexAnswer, EventMetadata, EventSearch};

use crate::loss;
use crate::provenance::Provenance;
use crate::{FeedError, FeedScope, Upstream};

/// A feed of more groups keeps none: a loss is then explained by nothing.
const MAX_GROUPS: usize = 16_384;

/// Events in the question; rows of further ones stay unexplained.
const MAX_EVENTS: usize = 2_000;

/// The rows behind the values of a feed, counted by event and time of their last change.
#[derive(Debug, Default)]
pub(crate) struct EventRows(Vec<Group>);

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Group {
    event_id: u64,
    timestamp: i64,
    rows: u64,
}

impl EventRows {
    /// Counts these rows; returns nothing for too many events.
    pub(crate) fn of(rows: impl Iterator<Item = impl Borrow<Provenance>>) -> Option<Self> {
        let mut groups: Vec<Group> = Vec::new();
        for row in rows {
            let row: &Provenance = row.borrow();
            let (event_id, timestamp) = (row.event_id, row.timestamp);
            match groups.last_mut() {
                Some(last) if (last.event_id, last.timestamp) == (event_id, timestamp) => last.rows += 1,
                _ => groups.push(Group {
                    event_id,
                    timestamp,
                    rows: 1,
                }),
            }
            if groups.len() > 2 * MAX_GROUPS {
                unite(&mut groups);
                if groups.len() > MAX_GROUPS {
                    return None;
                }
            }
        }
        unite(&mut groups);
        groups.shrink_to_fit();
        (groups.len() <= MAX_GROUPS).then_some(Self(groups))
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.0.len() * size_of::<Group>()
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|group| group.rows).sum()
    }

    /// Returns the events that have fewer rows now than rows that are young enough, with the number that is missing,
    /// the most first.
    fn lost(&self, since: i64, shown: &ShownRows) -> Vec<(u64, u64)> {
        let mut young: HashMap<u64, u64> = HashMap::new();
        for group in self.0.iter().filter(|group| group.timestamp >= since) {
            *young.entry(group.event_id).or_default() += group.rows;
        }
        let missing = |(event, rows): (u64, u64)| (event, rows.saturating_sub(shown.of(event)));
        let mut lost: Vec<(u64, u64)> = young.into_iter().map(missing).filter(|(_, rows)| *rows > 0).collect();
        lost.sort_unstable_by_key(|(event, rows)| (std::cmp::Reverse(*rows), *event));
        lost
    }
}

/// Makes one group of those of the same event and time.
fn unite(groups: &mut Vec<Group>) {
    groups.sort_unstable();
    groups.dedup_by(|next, kept| {
        let is_same = (next.event_id, next.timestamp) == (kept.event_id, kept.timestamp);
        kept.rows += if is_same { next.rows } else { 0 };
        is_same
    });
}

/// The number of rows that MISP shows of each event, whether they count or not.
#[derive(Debug, Default)]
pub(crate) struct ShownRows {
    counted: HashMap<u64, u64>,
    /// The event of the last rows, and their number: rows of one event mostly come together.
    last: (u64, u64),
}

impl ShownRows {
    pub(crate) fn count(&mut self, event_id: u64) {
        if self.last.0 != event_id {
            self.settle();
            self.last.0 = event_id;
        }
        self.last.1 += 1;
    }

    /// Adds the rows of another reading of the same feed.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.settle();
        for event in other.counted.keys().copied().chain([other.last.0]) {
            let rows = self.counted.entry(event).or_default();
            *rows = (*rows).max(other.of(event));
        }
    }

    fn of(&self, event_id: u64) -> u64 {
        let last = if self.last.0 == event_id { self.last.1 } else { 0 };
        self.counted.get(&event_id).copied().unwrap_or_default() + last
    }

    fn settle(&mut self) {
        let (event_id, rows) = std::mem::take(&mut self.last);
        if rows > 0 {
            *self.counted.entry(event_id).or_default() += rows;
        }
    }

    fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.last.1 == 0
    }
}

/// The set of a feed that a new one would replace.
#[derive(Debug)]
pub(crate) struct LastGood {
    pub(crate) values: usize,
    pub(crate) made_at: jiff::Timestamp,
    /// It came from a copy, here or at another replica.
    pub(crate) is_of_copy: bool,
    pub(crate) events: Option<Arc<EventRows>>,
}

impl LastGood {
    /// Returns whether a set of so many values needs an explanation.
    pub(crate) fn is_shrunk_by(&self, values: usize) -> bool {
        loss::is_too_large(self.values, values)
    }

    /// Asks MISP why rows are gone, and returns whether that explains the loss: all of it where nothing is left, and
    /// otherwise enough that less than half of the rows went for an unknown reason.
    pub(crate) async fn is_explained(
        &self,
        client: &Client,
        (upstream, scope): (&Upstream, FeedScope),
        now: jiff::Timestamp,
        (shown, left): (&ShownRows, usize),
    ) -> bool {
        let Some(events) = &self.events else { return false };
        let lost = events.lost(scope.age.since(now).as_second(), shown);
        match self.unexplained(client, &lost, shown).await {
            Ok(0) => true,
            Ok(rows) => left > 0 && rows < events.rows() / 2,
            Err(error) => {
                let site = upstream.site.name.as_str();
                tracing::debug!(site, feed = %scope, error = error.chain(), "MISP cannot be asked where values of a feed are");
                false
            }
        }
    }

    /// Returns the number of rows that are gone for an unknown reason.
    async fn unexplained(&self, client: &Client, lost: &[(u64, u64)], shown: &ShownRows) -> Result<u64, FeedError> {
        if lost.is_empty() {
            return Ok(0);
        }
        let asked = lost.iter().take(MAX_EVENTS);
        let question = EventSearch::new().event_ids(asked.clone().map(|(event, _)| *event));
        let known: HashMap<u64, EventMetadata> = client
            .event_metadata(&question)
            .await?
            .into_iter()
            .map(|event| (event.id, event))
            .collect();
        // A key without rights and an empty database show the same as deleted events.
        let shows_nothing = known.is_empty() && shown.is_empty() && !shows_events(client).await?;
        // MISP's times are whole seconds: an edit in the very second of the set was in the set.
        let made_at = self.made_at.as_second();
        let is_unexplained = |event: &u64| {
            let event = known.get(event);
            shows_nothing || event.is_some_and(|event| event.published && event.timestamp <= made_at)
        };
        let unexplained = asked.filter(|(event, _)| is_unexplained(event)).map(|(_, rows)| rows);
        let further = lost.iter().skip(MAX_EVENTS).map(|(_, rows)| rows);
        Ok(unexplained.chain(further).sum())
    }
}

/// Returns whether MISP shows any event.
async fn shows_events(client: &Client) -> Result<bool, FeedError> {
    let answer = client.event_index(&EventIndex::new().page(1, 1)).await?;
    Ok(match answer {
        EventIndexAnswer::Events(listed) => !listed.entries.is_empty(),
        EventIndexAnswer::NotModified => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event_id: u64, timestamp: i64) -> Provenance {
        Provenance {
            event_id,
            timestamp,
            ..Provenance::default()
        }
    }

    fn shown(events: &[u64]) -> ShownRows {
        let mut shown = ShownRows::default();
        events.iter().for_each(|event| shown.count(*event));
        shown
    }

    #[test]
    fn rows_are_lost_that_are_young_and_not_shown_any_more() {
        let before = [
            row(1, 50),
            row(2, 50),
            row(1, 50),
            row(1, 10),
            row(3, 50),
            row(3, 50),
            row(3, 50),
        ];
        let before = EventRows::of(before.iter()).unwrap();
        assert_eq!(before.rows(), 7);
        assert_eq!(before.lost(20, &shown(&[])), [(3, 3), (1, 2), (2, 1)]);
        assert_eq!(before.lost(0, &shown(&[1, 2, 1, 3])), [(3, 2), (1, 1)]);
        assert_eq!(before.lost(51, &shown(&[])), []);
    }

    #[test]
    fn a_feed_of_too_many_events_keeps_none() {
        let rows: Vec<Provenance> = (0..=MAX_GROUPS as u64).map(|event| row(event, 1)).collect();
        assert!(EventRows::of(rows.iter()).is_none());
        assert!(EventRows::of(rows.iter().skip(1)).is_some());
        let three_times = |rows: &[Provenance]| EventRows::of(rows.iter().chain(rows).chain(rows));
        assert!(three_times(&rows).is_none());
        let known = three_times(&rows[1..]).unwrap();
        assert_eq!(known.rows(), 3 * MAX_GROUPS as u64);
    }

    #[test]
    fn the_memory_of_rows_grows_with_their_events_and_not_with_the_rows_of_one() {
        let weight = |rows: Vec<Provenance>| EventRows::of(rows.iter()).unwrap().weight_bytes();
        let one = weight(vec![row(7, 1)]);
        assert_eq!(weight((0..1_000).map(|event| row(event, 1)).collect()), 1_000 * one);
        assert_eq!(weight((0..1_000).map(|_| row(7, 1)).collect()), one);
        assert!(one > 0);
    }

    #[test]
    fn rows_of_two_readings_are_not_counted_twice() {
        let mut first = shown(&[1, 1, 2]);
        first.absorb(&shown(&[1, 3, 3]));
        assert_eq!([1, 2, 3].map(|event| first.of(event)), [2, 1, 2]);
    }
}
