//! Edits of every kind, drawn at random.

use std::time::Duration;

use misp_sim::{
    Attribute, AttributeEdit, Edit, Event, EventEdit, Moment, Publication, RandomEdits, RunningSim, SiteEdit, Store,
};

use crate::stand::{POLL, TRACE};

/// The tags that edits put on events and attributes.
const TAGS: [&str; 9] = [
    "example:incident-classification=block",
    "example:incident-classification=alert",
    "example:incident-classification=hunt",
    "example:incident-classification=cust1",
    "example:incident-classification=false-positive",
    "tlp:green",
    "tlp:red",
    "tlp:clear",
    "other:tag",
];

/// What an analyst, another MISP or an administrator did, and when the mirror must have seen it.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) what: Vec<String>,
    /// Waits until all of it must show.
    pub(crate) looks: Vec<Duration>,
    /// Only the slow round can notice it, or a mirror that reads everything again.
    pub(crate) needs_resync: bool,
    /// A second edit of the same second, after the mirror has looked at the first.
    pub(crate) again: Option<Edit>,
}

pub(crate) struct Source {
    edits: RandomEdits,
    state: u64,
    /// The organisation of the user whose key is used.
    pub(crate) organisation: u64,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            edits: RandomEdits::new(seed, &TAGS),
            state: seed,
            organisation: 1,
        }
    }

    /// Draws and carries out the next edits.
    pub(crate) fn next(&mut self, sim: &RunningSim) -> Drawn {
        match self.below(100) {
            0..=4 => sim.edit(|store| self.synchronised(store)),
            5 => sim.edit(|store| self.two_in_a_second(store)),
            6..=8 => {
                let edits = 1 + self.below(6);
                sim.edit(|store| self.drawn(store, edits))
            }
            9 => sim.edit(|store| self.other_organisation(store)),
            _ => sim.edit(|store| self.drawn(store, 1)),
        }
    }

    /// An event of another MISP arrives: its times are old, only its publication is new.
    fn synchronised(&mut self, store: &mut Store) -> Drawn {
        let number = self.below(200);
        let attribute = Attribute::new("domain", format!("sync{number}.example.com")).tag(TAGS[0]);
        let event = Event::new("synchronised")
            .changed(Moment::Ago(86_400 * (1 + self.below(60))))
            .publication(Publication::Published(Some(Moment::Ago(0))))
            .tag(TAGS[usize::try_from(self.below(9)).unwrap()])
            .attribute(attribute);
        let id = store.add_event(event);
        Drawn {
            what: vec![format!("synchronised event {id}")],
            looks: vec![POLL],
            needs_resync: false,
            again: None,
        }
    }

    fn two_in_a_second(&mut self, store: &mut Store) -> Drawn {
        let attributes: Vec<u64> = store.attributes().map(|attribute| attribute.id()).collect();
        let place = usize::try_from(self.below(attributes.len() as u64)).unwrap();
        let id = attributes[place];
        let first = Edit::Attribute(id, AttributeEdit::Comment("first".to_owned()));
        store.apply(&first).unwrap();
        let to_ids = store.attribute(id).unwrap().to_ids();
        Drawn {
            what: vec![format!("{first:?}")],
            looks: vec![POLL],
            needs_resync: false,
            again: Some(Edit::Attribute(id, AttributeEdit::ToIds(!to_ids))),
        }
    }

    /// The user of the key moves to the other organisation, or back.
    fn other_organisation(&mut self, store: &mut Store) -> Drawn {
        self.organisation = 3 - self.organisation;
        let edit = Edit::Site(SiteEdit::UserOrganisation(1, self.organisation));
        store.apply(&edit).unwrap();
        Drawn {
            what: vec![format!("{edit:?}")],
            // The first look notices it, the next one reads all events.
            looks: vec![TRACE, POLL],
            needs_resync: false,
            again: None,
        }
    }

    /// So many edits between two looks.
    fn drawn(&mut self, store: &mut Store, edits: u64) -> Drawn {
        let (mut what, mut looks) = (Vec::new(), vec![POLL]);
        let mut needs_resync = false;
        for _ in 0..edits {
            let edit = self.edits.draw(store);
            let event = event_of(&edit, store);
            let (before, was_hidden) = (times(event, store), is_hidden(event, store));
            store.apply(&edit).unwrap();
            if !leaves_a_trace(&edit) && (was_hidden || before == times(event, store)) {
                looks = vec![TRACE];
            }
            needs_resync |= changes_hands(&edit);
            what.push(format!("{edit:?}"));
        }
        Drawn {
            what,
            looks,
            needs_resync,
            again: None,
        }
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33).checked_rem(end).unwrap_or_default()
    }
}

/// Whether the event goes to another owner in the data base. Its attributes that are shown to their owner only appear
/// or vanish then, and no time, count or list of MISP changes.
fn changes_hands(edit: &Edit) -> bool {
    matches!(edit, Edit::Event(_, EventEdit::Owner(_)))
}

fn event_of(edit: &Edit, store: &Store) -> Option<u64> {
    match edit {
        Edit::Attribute(id, _) => Some(store.attribute(*id)?.event().id()),
        Edit::Event(id, _) => Some(*id),
        _ => None,
    }
}

/// What MISP's lists show of an event.
fn times(event: Option<u64>, store: &Store) -> Option<(i64, i64, bool)> {
    let event = store.event(event?)?;
    Some((event.timestamp(), event.publish_timestamp(), event.published()))
}

/// Whether MISP's index leaves the event out.
fn is_hidden(event: Option<u64>, store: &Store) -> bool {
    let event = event.and_then(|id| store.event(id));
    event.is_some_and(|event| event.protected() || event.attribute_count() == 0)
}

/// Whether an edit shows although no time changes.
fn leaves_a_trace(edit: &Edit) -> bool {
    matches!(edit, Edit::Site(SiteEdit::AddEvent(_)))
}
