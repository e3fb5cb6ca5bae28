//! What the mirror knows of each event without reading its record: enough to see a difference.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use misp_client::Tag;
use uuid::Uuid;

use crate::{EventFacts, EventRecord, MirrorRow};

/// The events that are held, by number.
#[derive(Debug, Default)]
pub(crate) struct HeldEvents {
    events: BTreeMap<u64, HeldEvent>,
    rows: u64,
    /// The tags whose local use is looked for.
    watched: Vec<String>,
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
    own_tags: Box<[(usize, TagUse)]>,
    /// Since when MISP does not show it any more, where a grace keeps it.
    pub(crate) vanished_at: Option<Timestamp>,
}

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
    pub(crate) fn new(watched: Vec<String>) -> Self {
        Self {
            watched,
            ..Self::default()
        }
    }

    pub(crate) fn watched(&self) -> &[String] {
        &self.watched
    }

    pub(crate) fn insert(&mut self, record: &EventRecord) {
        self.put(record.current.event.id, self.entry_of(record));
    }

    pub(crate) fn put(&mut self, id: u64, event: HeldEvent) {
        let rows = event.rows;
        let before = self.events.insert(id, event).map_or(0, |event| event.rows);
        self.rows = self.rows - before + rows;
    }

    /// Returns the entry of an event with this record.
    pub(crate) fn entry_of(&self, record: &EventRecord) -> HeldEvent {
        let facts = &record.current.event;
        HeldEvent {
            uuid: facts.uuid,
            timestamp: facts.timestamp,
            published: facts.published,
            is_counted: facts.is_counted(),
            is_listed: facts.is_listed(),
            facts: facts_digest(facts),
            rows: record.current.rows.len() as u64,
            event_tags: self.places(&facts.tags),
            own_tags: self.own_tags(&record.current.rows),
            vanished_at: None,
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
    pub(crate) fn attributes_with(&self, place: usize) -> u64 {
        self.shown().map(|(_, event)| event.own_use(place).attributes).sum()
    }

    fn places(&self, tags: &[Tag]) -> Box<[usize]> {
        let has = |name: &String| tags.iter().any(|tag| tag.name == *name);
        let places = self.watched.iter().enumerate().filter(|(_, name)| has(name));
        places.map(|(place, _)| place).collect()
    }

    /// The names in `watched` are in order, and a row has each tag once.
    fn own_tags(&self, rows: &[MirrorRow]) -> Box<[(usize, TagUse)]> {
        let mut uses: BTreeMap<usize, TagUse> = BTreeMap::new();
        for row in rows {
            for tag in &*row.tags {
                if let Ok(place) = self.watched.binary_search(&tag.name) {
                    uses.entry(place).or_default().add(row.id);
                }
            }
        }
        uses.into_iter().collect()
    }
}

impl HeldEvent {
    /// Returns the number of its attributes.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
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
