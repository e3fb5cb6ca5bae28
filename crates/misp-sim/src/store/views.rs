//! Looking at the data from a test.

use uuid::Uuid;

use super::{
    Store,
    reader::Reader,
    rows::{AttributeRow, EventRow, TagRef},
};

/// An event as it is now.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a> {
    store: &'a Store,
    row: &'a EventRow,
}

impl<'a> EventView<'a> {
    /// Returns its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.row.id
    }

    /// Returns its UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.row.uuid
    }

    /// Returns its title.
    #[must_use]
    pub fn info(&self) -> &'a str {
        &self.row.info
    }

    /// Returns whether it is published.
    #[must_use]
    pub fn published(&self) -> bool {
        self.row.published
    }

    /// Returns when it was last changed, unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.row.timestamp
    }

    /// Returns when it was last published, unix seconds; 0 is never.
    #[must_use]
    pub fn publish_timestamp(&self) -> i64 {
        self.row.publish_timestamp
    }

    /// Returns whether it is protected.
    #[must_use]
    pub fn protected(&self) -> bool {
        self.row.protected == Some(true)
    }

    /// Returns MISP's own count of its attributes, which may be wrong.
    #[must_use]
    pub fn attribute_count(&self) -> u64 {
        self.row.attribute_count
    }

    /// Returns whether the users of an organisation see it, by its number; site admins see everything.
    #[must_use]
    pub fn is_shown_to(&self, organisation: u64) -> bool {
        self.store.shows(self.row, reader(organisation))
    }

    /// Returns the UUID of the organisation that made it.
    #[must_use]
    pub fn creator_uuid(&self) -> Option<Uuid> {
        let known = &self.store.organisations;
        known
            .iter()
            .find(|known| known.id == self.row.creator)
            .map(|known| known.uuid)
    }

    /// Returns the number of the organisation that made it.
    #[must_use]
    pub fn creator(&self) -> u64 {
        self.row.creator
    }

    /// Returns the names of its tags.
    pub fn tags(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        tag_names(self.store, &self.row.tags)
    }

    /// Returns its attributes, deleted ones too.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeView<'a>> + use<'a> {
        let store = self.store;
        let rows = self
            .row
            .attributes
            .iter()
            .map(move |place| &store.attributes[*place as usize]);
        rows.filter(|row| !row.gone)
            .map(move |row| AttributeView { store, row })
    }
}

/// An attribute as it is now.
#[derive(Debug, Clone, Copy)]
pub struct AttributeView<'a> {
    pub(crate) store: &'a Store,
    pub(crate) row: &'a AttributeRow,
}

impl<'a> AttributeView<'a> {
    /// Returns its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.row.id
    }

    /// Returns its UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.row.uuid
    }

    /// Returns its event.
    #[must_use]
    pub fn event(&self) -> EventView<'a> {
        EventView {
            store: self.store,
            row: self.store.event_of(self.row),
        }
    }

    /// Returns its MISP type.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.store.names.name(self.row.kind)
    }

    /// Returns its value.
    #[must_use]
    pub fn value(&self) -> &'a str {
        &self.row.value
    }

    /// Returns whether it is meant for detection.
    #[must_use]
    pub fn to_ids(&self) -> bool {
        self.row.to_ids
    }

    /// Returns whether it is soft deleted.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.row.deleted
    }

    /// Returns when it was last changed, unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.row.timestamp
    }

    /// Returns its comment, empty for most.
    #[must_use]
    pub fn comment(&self) -> &'a str {
        self.row.rare.as_ref().map_or("", |rare| &rare.comment)
    }

    /// Returns whether the users of an organisation see it, by its number; site admins see everything.
    #[must_use]
    pub fn is_shown_to(&self, organisation: u64) -> bool {
        self.store.shows_row(self.row, reader(organisation))
    }

    /// Returns its category.
    #[must_use]
    pub fn category(&self) -> &'a str {
        self.store.names.name(self.row.category)
    }

    /// Returns the number of the object that it is a part of; 0 for none.
    #[must_use]
    pub fn object_id(&self) -> u64 {
        self.row.object().map_or(0, |object| object.id)
    }

    /// Returns the names of its own tags.
    pub fn tags(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        tag_names(self.store, &self.row.tags)
    }
}

fn reader(organisation: u64) -> Reader {
    Reader {
        organisation,
        sees_everything: false,
    }
}

fn tag_names<'a>(store: &'a Store, tags: &'a [TagRef]) -> impl Iterator<Item = &'a str> {
    tags.iter()
        .map(|attached| store.tags[attached.tag as usize].name.as_str())
}

impl Store {
    /// Returns whether an attribute of this type and value is on a warninglist that is switched on and meant for the
    /// type.
    #[must_use]
    pub fn is_on_a_warninglist(&self, attribute_type: &str, value: &str) -> bool {
        self.checker.is_listed(attribute_type, value)
    }

    /// Returns the event of that number.
    #[must_use]
    pub fn event(&self, id: u64) -> Option<EventView<'_>> {
        self.event_slot(id).map(|slot| EventView {
            store: self,
            row: &self.events[slot as usize],
        })
    }

    /// Returns the attribute of that number.
    #[must_use]
    pub fn attribute(&self, id: u64) -> Option<AttributeView<'_>> {
        self.attribute_slot(id).map(|slot| AttributeView {
            store: self,
            row: &self.attributes[slot],
        })
    }

    /// Returns every event.
    pub fn events(&self) -> impl Iterator<Item = EventView<'_>> {
        self.events
            .iter()
            .filter(|row| !row.gone)
            .map(|row| EventView { store: self, row })
    }

    /// Returns every attribute in ascending order of number, deleted ones too.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.attributes
            .iter()
            .filter(|row| !row.gone)
            .map(|row| AttributeView { store: self, row })
    }

    /// Returns the number of the first attribute with that value.
    #[must_use]
    pub fn find(&self, value: &str) -> Option<u64> {
        self.attributes()
            .find(|attribute| attribute.value() == value)
            .map(|attribute| attribute.id())
    }

    /// Returns the number of the first event whose title holds that text.
    #[must_use]
    pub fn find_event(&self, info: &str) -> Option<u64> {
        self.events()
            .find(|event| event.info().contains(info))
            .map(|event| event.id())
    }
}
