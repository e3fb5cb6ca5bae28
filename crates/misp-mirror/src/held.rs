//! What the mirror knows of each event without reading its record: enough to see a difference.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use misp_client::{EventIndex, Tag};
use uuid::Uuid;

use crate::{EventFacts, EventRecord, MirrorRow};

/// Tags that are watched at most: an invented namespace of a million tags must not fill the memory.
const MAX_WATCHED: usize = 512;

/// The events that are held, by number.
#[derive(Debug, Default)]
pub(crate) struct HeldEvents {
    events: BTreeMap<u64, HeldEvent>,
    rows: u64,
    /// The tags whose local use is looked for. Tags of the namespaces join when they are first seen.
    watched: Vec<String>,
    namespaces: Vec<String>,
}

/// An event to be held, with the tags in it that may have to be watched from now on.
#[derive(Debug)]
pub(crate) struct NewEvent {
    event: HeldEvent,
    new_event_tags: Vec<String>,
    new_own_tags: HashMap<String, TagUse>,
}

/// One event that is held.
#[derive(Debug)]
pub(crate) struct HeldEvent {
    pub(crate) uuid: Option<Uuid>,
    pub(crate) timestamp: i64,
    pub(crate) published: bool,
    is_counted: bool,
    is_listed: bool,
    /// A digest of all facts, tags included.
    facts: u64,
    rows: u64,
    /// Places of the watched tags that the event itself has.
    event_tags: Box<[usize]>,
    /// Its attributes that have a watched tag of their own, for each of these tags.
    own_tags: Box<[OwnTag]>,
    /// Since when MISP does not show it any more, where a grace keeps it.
    pub(crate) vanished_at: Option<Timestamp>,
}

/// The place of a watched tag, and the attributes of one event that have it.
type OwnTag = (usize, TagUse);

/// The attributes of one event that have one tag: their number, and a digest of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TagUse {
    pub(crate) attributes: u64,
    digest: u64,
}

impl TagUse {
    pub(crate) fn add(&mut self, attribute: u64) {
        self.attributes += 1;
        // The order of the attributes must not matter.
        self.digest ^= digest(&attribute);
    }
}

impl HeldEvents {
    pub(crate) fn new(watched: Vec<String>, namespaces: Vec<String>) -> Self {
        Self {
            watched,
            namespaces,
            ..Self::default()
        }
    }

    pub(crate) fn watched(&self) -> &[String] {
        &self.watched
    }

    /// Holds an event as this record has it; returns whether it lost something without an edit.
    pub(crate) fn insert(&mut self, record: &EventRecord) -> bool {
        self.put(record.current.event.id, self.entry_of(record))
    }

    /// Watches a tag that begins with one of the namespaces; returns its place, if it has one now.
    pub(crate) fn watch_of_namespace(&mut self, tag: &str) -> Option<usize> {
        if let Some(place) = self.place_of(tag) {
            return Some(place);
        }
        if self.watched.len() >= MAX_WATCHED || !self.is_of_namespace(tag) {
            return None;
        }
        self.watched.push(tag.to_owned());
        Some(self.watched.len() - 1)
    }

    fn place_of(&self, tag: &str) -> Option<usize> {
        self.watched.iter().position(|known| known == tag)
    }

    fn is_of_namespace(&self, tag: &str) -> bool {
        let begins = |with: &String| {
            tag.trim()
                .get(..with.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(with))
        };
        // What MISP would read as something else cannot be asked for.
        self.namespaces.iter().any(begins) && EventIndex::new().with_tag(tag).is_ok()
    }

    /// Holds an event; returns whether it lost attributes or watched tags although MISP shows no edit.
    pub(crate) fn put(&mut self, id: u64, new: NewEvent) -> bool {
        let mut event = new.event;
        let places = new.new_event_tags.iter().filter_map(|tag| self.watch_of_namespace(tag));
        event.event_tags = event.event_tags.iter().copied().chain(places).collect();
        let uses = new.new_own_tags.into_iter();
        let uses = uses.filter_map(|(tag, found)| Some((self.watch_of_namespace(&tag)?, found)));
        event.own_tags = event.own_tags.iter().copied().chain(uses).collect();
        let rows = event.rows;
        let lost_without_edit = self.get(id).is_some_and(|before| before.lost_without_edit(&event));
        let before = self.events.insert(id, event).map_or(0, |event| event.rows);
        self.rows = self.rows - before + rows;
        lost_without_edit
    }

    /// Returns the entry of an event with this record.
    pub(crate) fn entry_of(&self, record: &EventRecord) -> NewEvent {
        let facts = &record.current.event;
        let (event_tags, new_event_tags) = self.places(&facts.tags);
        let (own_tags, new_own_tags) = self.own_tags(&record.current.rows);
        let event = HeldEvent {
            uuid: facts.uuid,
            timestamp: facts.timestamp,
            published: facts.published,
            is_counted: facts.is_counted(),
            is_listed: facts.is_listed(),
            facts: facts_digest(facts),
            rows: record.current.rows.len() as u64,
            event_tags,
            own_tags,
            vanished_at: None,
        };
        NewEvent {
            event,
            new_event_tags,
            new_own_tags,
        }
    }

    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(event) = self.events.remove(&id) {
            self.rows -= event.rows;
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&HeldEvent> {
        self.events.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut HeldEvent> {
        self.events.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &HeldEvent)> {
        self.events.iter().map(|(id, event)| (*id, event))
    }

    /// Returns the events that MISP shows, as far as is known.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (u64, &HeldEvent)> {
        self.iter().filter(|(_, event)| event.vanished_at.is_none())
    }

    /// Returns those of them with a smaller number, the greatest first.
    pub(crate) fn shown_before(&self, id: u64) -> impl Iterator<Item = (u64, &HeldEvent)> {
        let before = self.events.range(..id).rev().map(|(id, event)| (*id, event));
        before.filter(|(_, event)| event.vanished_at.is_none())
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns whether an event with these facts has to be read: it is new, it differs, or it was gone.
    pub(crate) fn differs(&self, facts: &EventFacts) -> bool {
        self.events
            .get(&facts.id)
            .is_none_or(|event| event.vanished_at.is_some() || event.facts != facts_digest(facts))
    }

    /// Returns how many events the total of the minimal index should be, and that of the published ones.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let counted = self.shown().filter(|(_, event)| event.is_counted);
        counted.fold((0, 0), |(all, published), (_, event)| {
            (all + 1, published + u64::from(event.published))
        })
    }

    /// Returns how many attributes have the watched tag at this place.
    pub(crate) fn attributes_with(&self, place: usize) -> i64 {
        let attributes = self.shown().map(|(_, event)| event.own_use(place).attributes);
        i64::try_from(attributes.sum::<u64>()).unwrap_or(i64::MAX)
    }

    /// Returns how many events have the watched tag at this place.
    pub(crate) fn events_with(&self, place: usize) -> i64 {
        let events = self.shown().filter(|(_, event)| event.has_event_tag(place));
        i64::try_from(events.count()).unwrap_or(i64::MAX)
    }

    /// Returns the places of the watched ones among these tags, and those that may have to be watched.
    fn places(&self, tags: &[Tag]) -> (Box<[usize]>, Vec<String>) {
        let (mut places, mut new) = (Vec::new(), Vec::new());
        for tag in tags {
            match self.place_of(&tag.name) {
                Some(place) => places.push(place),
                None if self.is_of_namespace(&tag.name) => new.push(tag.name.clone()),
                None => {}
            }
        }
        (places.into(), new)
    }

    fn own_tags(&self, rows: &[MirrorRow]) -> (Box<[OwnTag]>, HashMap<String, TagUse>) {
        let mut uses: HashMap<&str, TagUse> = HashMap::new();
        for row in rows {
            for tag in &*row.tags {
                uses.entry(&tag.name).or_default().add(row.id);
            }
        }
        let (mut known, mut new) = (Vec::new(), HashMap::new());
        for (tag, found) in uses {
            match self.place_of(tag) {
                Some(place) => known.push((place, found)),
                None if self.is_of_namespace(tag) => {
                    new.insert(tag.to_owned(), found);
                }
                None => {}
            }
        }
        (known.into(), new)
    }
}

impl HeldEvent {
    /// Returns the number of its attributes.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns how many of its attributes MISP finds by the watched tag at this place: those that have it, or all if
    /// the event has it.
    pub(crate) fn rows_found_by(&self, place: usize) -> u64 {
        if self.has_event_tag(place) {
            return self.rows;
        }
        self.own_use(place).attributes
    }

    fn lost_without_edit(&self, now: &Self) -> bool {
        let edits = |event: &Self| (event.uuid, event.timestamp, event.published);
        let lost_event_tag = self.event_tags.iter().any(|place| !now.has_event_tag(*place));
        let lost_own_tag = |(place, found): &OwnTag| now.own_use(*place).attributes < found.attributes;
        let is_less = now.rows < self.rows || lost_event_tag || self.own_tags.iter().any(lost_own_tag);
        is_less && edits(self) == edits(now)
    }

    /// Returns whether the minimal index should list it.
    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed && self.vanished_at.is_none()
    }

    pub(crate) fn has_event_tag(&self, place: usize) -> bool {
        self.event_tags.contains(&place)
    }

    /// Returns which of its attributes have the watched tag at this place.
    pub(crate) fn own_use(&self, place: usize) -> TagUse {
        let found = self.own_tags.iter().find(|(known, _)| *known == place);
        found.map(|(_, found)| *found).unwrap_or_default()
    }
}

fn facts_digest(facts: &EventFacts) -> u64 {
    let tags: Vec<_> = facts
        .tags
        .iter()
        .map(|tag| (&tag.name, tag.local, tag.numerical_value))
        .collect();
    digest(&(
        (facts.id, facts.uuid, &facts.info, facts.orgc_uuid, facts.timestamp),
        (
            facts.published,
            facts.publish_timestamp,
            facts.attribute_count,
            facts.protected,
        ),
        tags,
    ))
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventFacts;
    use crate::samples::{self, row};

    fn record(id: u64, rows: u64) -> EventRecord {
        let event = EventFacts {
            id,
            ..EventFacts::default()
        };
        samples::record(event, (1..=rows).map(row).collect())
    }

    #[test]
    fn rows_are_counted_as_events_come_change_and_go() {
        let mut held = HeldEvents::default();
        held.insert(&record(1, 3));
        held.insert(&record(2, 2));
        assert_eq!(held.rows(), 5);
        held.insert(&record(1, 1));
        assert_eq!(held.rows(), 3);
        for _ in 0..2 {
            held.remove(2);
            assert_eq!(held.rows(), 1);
        }
    }

    #[test]
    fn events_are_counted_that_have_a_watched_tag() {
        let mut held = HeldEvents::new(vec!["watched".to_owned()], Vec::new());
        assert_eq!(held.events_with(0), 0);
        for (id, tag) in [(1, "watched"), (2, "another"), (3, "watched")] {
            let mut record = record(id, 1);
            record.current.event.tags.push(Tag::own(tag));
            held.insert(&record);
        }
        assert_eq!(held.events_with(0), 2);
        held.remove(3);
        assert_eq!(held.events_with(0), 1);
    }
}
