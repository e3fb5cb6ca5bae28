//! An analyst who edits events, and remembers each state that an event has had.
//!
//! Each value names its event, so a feed can be taken apart again: what it has of an event must be one of the states of
//! that event, whole. A feed that is short, or mixes two states, has none.

use std::collections::BTreeSet;

use misp_sim::{Attribute, Event, Moment, RunningSim, Store};

use super::draws::Draws;

pub(super) const BLOCK: &str = "/v1/feed/block/type/domain/age/1w/output/txt";
pub(super) const ALERT: &str = "/v1/feed/alert/type/domain/age/1w/output/txt";

/// The feeds that are compared: one of published events, and one of all events.
pub(super) const FEEDS: [&str; 2] = [BLOCK, ALERT];

/// The mirror reads some 10 000 attributes at a time by MISP's own count. A false count, as they occur in life, makes
/// that two events, so that a small MISP takes many questions.
const CLAIMED_ATTRIBUTES: u64 = 4_000;

type Values = BTreeSet<String>;

#[derive(Debug)]
struct KeptEvent {
    name: usize,
    id: u64,
    is_deleted: bool,
    is_published: bool,
    /// Each state that the feed of published events may show, and each of the feed of all events; the last one is now.
    published: Vec<Values>,
    current: Vec<Values>,
}

#[derive(Debug)]
pub(super) struct Analyst {
    draws: Draws,
    events: Vec<KeptEvent>,
    versions: usize,
}

impl Analyst {
    /// Starts with so many published events of a day ago.
    pub(super) fn begin(seed: u64, sim: &RunningSim, events: usize) -> Self {
        let mut analyst = Self {
            draws: Draws::new(seed),
            events: Vec::new(),
            versions: 0,
        };
        sim.edit(|store| store.add_event(unrelated()));
        for _ in 0..events {
            analyst.add(sim, Moment::Ago(86_400));
            // These events have stood in MISP all the time: no feed is without them.
            let event = analyst.events.last_mut().unwrap();
            event.published.remove(0);
            event.current.remove(0);
        }
        analyst
    }

    /// Makes one edit; whatever takes several steps in MISP is one step for those who ask it.
    pub(super) fn edit(&mut self, sim: &RunningSim) {
        let place = self.draws.below(self.events.len());
        let is_deleted = self.events[place].is_deleted;
        match self.draws.below(20) {
            0..=1 => self.add(sim, Moment::Ago(0)),
            _ if is_deleted => self.renew(sim, (place + 1) % self.events.len()),
            2 => self.delete(sim, place),
            3..=5 => self.withdraw(sim, place),
            6..=8 => self.grow(sim, place),
            9..=11 => self.shrink(sim, place),
            _ => self.renew(sim, place),
        }
    }

    /// Asserts that what a feed has of each event is a state that this event has had, and that it has nothing else.
    pub(super) fn assert_known(&self, feed: &str, body: &str) {
        let lines: Vec<&str> = body.lines().collect();
        assert!(lines.is_sorted_by(|one, next| one < next), "{feed}: {body}");
        let mut of_events = 0;
        for event in &self.events {
            let end = format!(".e{}.example", event.name);
            let shown: Values = body
                .lines()
                .filter(|line| line.ends_with(&end))
                .map(str::to_owned)
                .collect();
            of_events += shown.len();
            let states = event.states(feed);
            assert!(
                states.contains(&shown),
                "{feed}: event {}: {shown:?} should be one of {states:?}",
                event.id
            );
        }
        assert_eq!(of_events, lines.len(), "{feed}: values of no event: {body}");
    }

    /// Returns a feed as MISP is now.
    pub(super) fn body(&self, feed: &str) -> String {
        let values: BTreeSet<&String> = self
            .events
            .iter()
            .flat_map(|event| event.states(feed).last())
            .flatten()
            .collect();
        let lines: Vec<&str> = values.iter().map(|value| value.as_str()).collect();
        lines.join("\r\n")
    }

    /// Makes new values for an event, and forgets that they are not published.
    pub(super) fn draft(&mut self, sim: &RunningSim) {
        let place = (0..self.events.len())
            .find(|place| self.events[*place].is_published)
            .unwrap();
        let values = self.values(place, 3);
        self.events[place].current.push(values.clone());
        let id = self.events[place].id;
        sim.edit(|store| replace(store, id, &values));
    }

    /// Deletes every event at once.
    pub(super) fn delete_all(&mut self, sim: &RunningSim) {
        let mut ids = Vec::new();
        for event in self.events.iter_mut().filter(|event| !event.is_deleted) {
            event.is_deleted = true;
            event.published.push(Values::new());
            event.current.push(Values::new());
            ids.push(event.id);
        }
        sim.edit(|store| ids.iter().for_each(|id| store.delete_event(*id).unwrap()));
    }

    fn add(&mut self, sim: &RunningSim, changed: Moment) {
        self.events.push(KeptEvent {
            name: self.events.len(),
            id: 0,
            is_deleted: false,
            is_published: true,
            published: vec![Values::new()],
            current: vec![Values::new()],
        });
        let place = self.events.len() - 1;
        let count = 2 + self.draws.below(5);
        let values = self.values(place, count);
        let event = values
            .iter()
            .fold(Event::new(format!("event {place}")), |event, value| {
                event.attribute(Attribute::new("domain", value.as_str()))
            })
            .tag("example:incident-classification=block")
            .tag("example:incident-classification=alert")
            .changed(changed)
            .attribute_count(CLAIMED_ATTRIBUTES);
        self.note(place, &values);
        self.events[place].id = sim.edit(|store| store.add_event(event));
    }

    fn renew(&mut self, sim: &RunningSim, place: usize) {
        if self.events[place].is_deleted {
            return;
        }
        let count = 2 + self.draws.below(5);
        let values = self.values(place, count);
        self.note(place, &values);
        let id = self.events[place].id;
        sim.edit(|store| {
            replace(store, id, &values);
            store.publish(id).unwrap();
        });
    }

    fn grow(&mut self, sim: &RunningSim, place: usize) {
        let more = self.values(place, 1);
        let values: Values = self.events[place]
            .current
            .last()
            .unwrap()
            .union(&more)
            .cloned()
            .collect();
        self.note(place, &values);
        let id = self.events[place].id;
        sim.edit(|store| {
            for value in &more {
                store
                    .add_attribute(id, Attribute::new("domain", value.as_str()))
                    .unwrap();
            }
            store.publish(id).unwrap();
        });
    }

    fn shrink(&mut self, sim: &RunningSim, place: usize) {
        let mut values = self.events[place].current.last().unwrap().clone();
        let (true, Some(gone)) = (values.len() > 1, values.pop_first()) else {
            return;
        };
        self.note(place, &values);
        let (id, is_hard) = (self.events[place].id, self.draws.once_in(2));
        sim.edit(|store| {
            let attribute = store.find(&gone).unwrap();
            if is_hard {
                store.hard_delete(attribute).unwrap();
            } else {
                store.soft_delete(attribute).unwrap();
            }
            store.publish(id).unwrap();
        });
    }

    fn withdraw(&mut self, sim: &RunningSim, place: usize) {
        let event = &mut self.events[place];
        if !event.is_published {
            return;
        }
        event.is_published = false;
        event.published.push(Values::new());
        sim.edit(|store| store.unpublish(event.id).unwrap());
    }

    fn delete(&mut self, sim: &RunningSim, place: usize) {
        let event = &mut self.events[place];
        event.is_deleted = true;
        event.published.push(Values::new());
        event.current.push(Values::new());
        sim.edit(|store| store.delete_event(event.id).unwrap());
    }

    /// Notes a state before MISP has it, since a device may see it at once.
    fn note(&mut self, place: usize, values: &Values) {
        let event = &mut self.events[place];
        event.is_published = true;
        event.published.push(values.clone());
        event.current.push(values.clone());
    }

    fn values(&mut self, place: usize, count: usize) -> Values {
        self.versions += 1;
        let (version, name) = (self.versions, self.events[place].name);
        (0..count)
            .map(|number| format!("v{version}n{number}.e{name}.example"))
            .collect()
    }
}

impl KeptEvent {
    fn states(&self, feed: &str) -> &[Values] {
        if feed == BLOCK { &self.published } else { &self.current }
    }
}

/// Returns an event in no feed, with so many values that an answer without a filter is noticed.
fn unrelated() -> Event {
    let values = (0..50).map(|number| Attribute::new("domain", format!("stray{number}.example")));
    values
        .fold(Event::new("unrelated"), Event::attribute)
        .changed(Moment::Ago(86_400))
}

/// Gives an event other values: deletes all its attributes and adds new ones.
fn replace(store: &mut Store, id: u64, values: &Values) {
    let old: Vec<u64> = store
        .event(id)
        .unwrap()
        .attributes()
        .filter(|attribute| !attribute.deleted())
        .map(|attribute| attribute.id())
        .collect();
    for attribute in old {
        store.soft_delete(attribute).unwrap();
    }
    for value in values {
        store
            .add_attribute(id, Attribute::new("domain", value.as_str()))
            .unwrap();
    }
}
