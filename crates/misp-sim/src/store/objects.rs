//! Objects: attributes of one event that belong together.

use uuid::Uuid;

use super::{NoSuch, Store};

/// An object without its attributes, which name it by its number.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRow {
    pub(crate) id: u64,
    pub(crate) uuid: Uuid,
    /// Number of its event.
    pub(crate) event: u64,
    pub(crate) name: String,
    pub(crate) meta_category: String,
    pub(crate) template_uuid: String,
    pub(crate) template_version: u64,
    pub(crate) comment: String,
    pub(crate) distribution: u8,
    pub(crate) timestamp: i64,
    pub(crate) deleted: bool,
}

impl Store {
    pub(crate) fn objects_of(&self, event: u64) -> impl Iterator<Item = &ObjectRow> {
        self.objects.iter().filter(move |known| known.event == event)
    }

    pub(crate) fn object(&self, id: u64) -> Option<&ObjectRow> {
        self.objects.iter().find(|known| known.id == id)
    }

    /// Returns the number for a new object.
    pub(crate) fn next_object(&self) -> u64 {
        self.objects.iter().map(|known| known.id).max().unwrap_or(0) + 1
    }

    /// Adds an object without attributes as an analyst would; its event is unpublished.
    pub(crate) fn add_object(&mut self, mut object: ObjectRow) -> Result<(), NoSuch> {
        let slot = self.event_slot(object.event).ok_or(NoSuch::Event(object.event))?;
        object.timestamp = self.touch(slot);
        self.objects.push(object);
        Ok(())
    }

    /// Remembers an object that an attribute of loaded data names; its name is not known.
    pub(super) fn know_object(&mut self, id: u64, event: u64, distribution: u8, timestamp: i64) {
        if self.object(id).is_none() {
            self.objects.push(ObjectRow {
                id,
                uuid: super::insert::numbered_uuid(0x0b, id),
                event,
                name: String::new(),
                meta_category: String::new(),
                template_uuid: String::new(),
                template_version: 0,
                comment: String::new(),
                distribution,
                timestamp,
                deleted: false,
            });
        }
    }

    /// Changes an object as an analyst would; its event is unpublished.
    pub(crate) fn change_object(&mut self, id: u64, change: impl FnOnce(&mut ObjectRow)) -> Option<()> {
        let event = self.object(id)?.event;
        let slot = self.event_slot(event)?;
        let at = self.touch(slot);
        let known = self.objects.iter_mut().find(|known| known.id == id)?;
        known.timestamp = at;
        change(known);
        Some(())
    }

    /// Deletes an object with its attributes, softly or for good.
    pub(crate) fn delete_object(&mut self, id: u64, for_good: bool) -> Option<()> {
        let event = self.object(id)?.event;
        let of_object = self.event(event)?.attributes();
        let of_object: Vec<u64> = of_object
            .filter(|attribute| attribute.object_id() == id)
            .map(|attribute| attribute.id())
            .collect();
        for attribute in of_object {
            let _present = if for_good {
                self.hard_delete(attribute)
            } else {
                self.soft_delete(attribute)
            };
        }
        self.change_object(id, |known| known.deleted = true)?;
        if for_good {
            self.objects.retain(|known| known.id != id);
        }
        Some(())
    }
}
