//! The data: rows with ids and absolute times, and the edits that change them as MISP does.

mod edit;
mod fields;
mod insert;
mod objects;
mod reader;
mod rows;
mod settings;
mod sightings;
mod views;

use std::collections::HashMap;

pub use self::{
    edit::NoSuch,
    sightings::SightingView,
    views::{AttributeView, EventView},
};
pub(crate) use self::{
    fields::{AttributeFields, EventFields},
    objects::ObjectRow,
    reader::Reader,
    rows::{AttributeRow, EventRow, TagRef},
};
use crate::{
    clock::Clock,
    model::{DecayingModel, Organisation, Tag, User, Warninglist},
    warninglist::Checker,
};

/// The data of the stand-in.
///
/// Adding data (`add_…`) leaves everything else alone; the edits change times and publication as a real MISP does
/// (facts 40, 41 and 60 of the recordings).
#[derive(Debug)]
pub struct Store {
    pub(crate) clock: Clock,
    pub(crate) organisations: Vec<Organisation>,
    pub(crate) users: Vec<User>,
    /// When each user was last changed.
    pub(crate) user_changes: HashMap<u64, i64>,
    pub(crate) tags: Vec<Tag>,
    tag_index: HashMap<String, u32>,
    pub(crate) warninglists: Vec<Warninglist>,
    pub(crate) checker: Checker,
    /// See [`Store::set_warninglist_exception`].
    pub(crate) warninglist_exceptions: Vec<(u64, String, bool)>,
    pub(crate) decaying_models: Vec<DecayingModel>,
    pub(crate) events: Vec<EventRow>,
    event_index: HashMap<u64, u32>,
    /// In ascending order of id; hard deleted ones stay as marked gaps.
    pub(crate) attributes: Vec<AttributeRow>,
    pub(crate) names: rows::Names,
    objects: Vec<ObjectRow>,
    sightings: Vec<SightingView>,
    pub(crate) settings: settings::Settings,
    next_event: u64,
    next_attribute: u64,
    next_tag: u64,
    /// Rows were added whose numbers do not ascend; sorted before the next look.
    unsorted: bool,
}

impl Store {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            organisations: Vec::new(),
            users: Vec::new(),
            user_changes: HashMap::new(),
            tags: Vec::new(),
            tag_index: HashMap::new(),
            warninglists: Vec::new(),
            checker: Checker::default(),
            warninglist_exceptions: Vec::new(),
            decaying_models: Vec::new(),
            events: Vec::new(),
            event_index: HashMap::new(),
            attributes: Vec::new(),
            names: rows::Names::default(),
            objects: Vec::new(),
            sightings: Vec::new(),
            settings: settings::Settings::default(),
            next_event: 1,
            next_attribute: 1,
            next_tag: 1,
            unsorted: false,
        }
    }

    /// Returns the unix seconds that the clock of the stand-in shows.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(crate) fn event_slot(&self, id: u64) -> Option<u32> {
        self.event_index.get(&id).copied()
    }

    pub(crate) fn attribute_slot(&self, id: u64) -> Option<usize> {
        self.attributes
            .binary_search_by_key(&id, |row| row.id)
            .ok()
            .filter(|slot| !self.attributes[*slot].gone)
    }

    /// Returns the event of that number or UUID.
    pub(crate) fn event_meant(&self, id: &str) -> Option<&EventRow> {
        let by_number = id.parse().ok().and_then(|id| self.event_slot(id));
        let slot = by_number.map(|slot| &self.events[slot as usize]);
        slot.or_else(|| {
            let uuid: uuid::Uuid = id.parse().ok()?;
            self.events.iter().find(|event| event.uuid == uuid)
        })
        .filter(|event| !event.gone)
    }

    /// Returns the attribute of that number or UUID, deleted ones too.
    pub(crate) fn attribute_meant(&self, id: &str) -> Option<&AttributeRow> {
        let by_number = id.parse().ok().and_then(|id| self.attribute_slot(id));
        let row = by_number.map(|slot| &self.attributes[slot]);
        row.or_else(|| {
            let uuid: uuid::Uuid = id.parse().ok()?;
            self.attributes.iter().find(|row| row.uuid == uuid && !row.gone)
        })
    }

    pub(crate) fn event_of(&self, row: &AttributeRow) -> &EventRow {
        &self.events[row.event as usize]
    }

    pub(crate) fn organisation(&self, id: u64) -> Option<&Organisation> {
        self.organisations.iter().find(|organisation| organisation.id == id)
    }

    pub(crate) fn tag_named(&self, name: &str) -> Option<u32> {
        self.tag_index.get(name).copied()
    }
}
