//! Edits: what an analyst does, with the effect on times and publication that MISP has (facts 40, 41, 60).

use super::{
    Store,
    rows::{AttributeRow, Rare, TagRef},
};

/// The event or attribute that an edit names does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSuch {
    /// No event of that number.
    #[error("no event {0}")]
    Event(u64),
    /// No attribute of that number.
    #[error("no attribute {0}")]
    Attribute(u64),
}

impl Store {
    /// Changes the value of an attribute.
    ///
    /// # Errors
    /// [`NoSuch`] when the number is unknown; so for the others below.
    pub fn set_value(&mut self, attribute: u64, value: &str) -> Result<(), NoSuch> {
        self.change(attribute, |row| row.value = value.into())
    }

    /// Switches `to_ids` of an attribute.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_to_ids(&mut self, attribute: u64, to_ids: bool) -> Result<(), NoSuch> {
        self.change(attribute, |row| row.to_ids = to_ids)
    }

    /// Changes the comment of an attribute.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_comment(&mut self, attribute: u64, comment: &str) -> Result<(), NoSuch> {
        self.change(attribute, |row| {
            row.rare.get_or_insert_with(|| Box::new(Rare::default())).comment = comment.to_owned()
        })
    }

    /// Soft deletes an attribute: it stays, and only a search for deleted ones finds it.
    ///
    /// MISP takes its count of attributes down each time, also for one that was deleted before (fact 61).
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn soft_delete(&mut self, attribute: u64) -> Result<(), NoSuch> {
        self.change(attribute, |row| row.deleted = true)?;
        self.count_attribute(attribute, -1);
        Ok(())
    }

    /// Restores a soft deleted attribute.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn restore(&mut self, attribute: u64) -> Result<(), NoSuch> {
        self.change(attribute, |row| row.deleted = false)?;
        self.count_attribute(attribute, 1);
        Ok(())
    }

    /// Deletes an attribute without a trace; only its event shows that something happened.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn hard_delete(&mut self, attribute: u64) -> Result<(), NoSuch> {
        let was_deleted = self.attribute(attribute).is_some_and(|known| known.deleted());
        if !was_deleted {
            self.count_attribute(attribute, -1);
        }
        self.change(attribute, |row| row.gone = true)
    }

    /// Puts a tag on an attribute.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn tag_attribute(&mut self, attribute: u64, tag: &str) -> Result<(), NoSuch> {
        let tag = self.tag_place(tag);
        self.change(attribute, |row| attach(&mut row.tags, TagRef { tag, local: false }))
    }

    /// Puts a tag on an attribute locally: found and shown like any other, but no time changes and nothing is
    /// unpublished.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn tag_attribute_locally(&mut self, attribute: u64, tag: &str) -> Result<(), NoSuch> {
        let tag = self.tag_place(tag);
        let slot = self.attribute_slot(attribute).ok_or(NoSuch::Attribute(attribute))?;
        attach(&mut self.attributes[slot].tags, TagRef { tag, local: true });
        Ok(())
    }

    /// Takes a tag off an attribute; a local one leaves no mark.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn untag_attribute(&mut self, attribute: u64, tag: &str) -> Result<(), NoSuch> {
        let slot = self.attribute_slot(attribute).ok_or(NoSuch::Attribute(attribute))?;
        let place = self.tag_named(tag);
        let row = &mut self.attributes[slot];
        let Some(found) = row.tags.iter().position(|attached| Some(attached.tag) == place) else {
            return Ok(());
        };
        if row.tags.remove(found).local {
            return Ok(());
        }
        self.change(attribute, |_| ())
    }

    /// Puts a tag on an event: all its attributes inherit it, but their own times stay.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn tag_event(&mut self, event: u64, tag: &str) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let tag = self.tag_place(tag);
        attach(&mut self.events[slot as usize].tags, TagRef { tag, local: false });
        self.touch(slot);
        Ok(())
    }

    /// Puts a tag on an event locally: nothing else changes.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn tag_event_locally(&mut self, event: u64, tag: &str) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let tag = self.tag_place(tag);
        attach(&mut self.events[slot as usize].tags, TagRef { tag, local: true });
        Ok(())
    }

    /// Takes a tag off an event; a local one leaves no mark.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn untag_event(&mut self, event: u64, tag: &str) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let place = self.tag_named(tag);
        let tags = &mut self.events[slot as usize].tags;
        let Some(found) = tags.iter().position(|attached| Some(attached.tag) == place) else {
            return Ok(());
        };
        if !tags.remove(found).local {
            self.touch(slot);
        }
        Ok(())
    }

    /// Protects an event or takes that back; either unpublishes it (fact 61).
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn protect(&mut self, event: u64, protected: bool) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].protected = Some(protected);
        self.touch(slot);
        Ok(())
    }

    /// Changes the title of an event.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_info(&mut self, event: u64, info: &str) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        info.clone_into(&mut self.events[slot as usize].info);
        self.touch(slot);
        Ok(())
    }

    /// Changes the distribution of an event, which is an edit: 0 shows it to its own organisation only, 1 to all.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_distribution(&mut self, event: u64, distribution: u8) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].distribution = distribution;
        self.touch(slot);
        Ok(())
    }

    /// Gives an event to another organisation, as an administrator of the data base does: no time changes.
    ///
    /// An event of distribution 0 leaves the view of its former organisation.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_owner(&mut self, event: u64, organisation: u64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].owner = organisation;
        Ok(())
    }

    /// Changes the distribution of an attribute: 0 shows it to its own organisation only, 5 to all who see its event.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_attribute_distribution(&mut self, attribute: u64, distribution: u8) -> Result<(), NoSuch> {
        self.change(attribute, |row| row.distribution = distribution)
    }

    /// Sets MISP's own count of the attributes of an event, which drifts in a real MISP (fact 61); no time changes.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_attribute_count(&mut self, event: u64, count: u64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].attribute_count = count;
        Ok(())
    }

    /// Sets the times of the last change and of the publication of an event to anything, also to the future or back, as
    /// a restored or lying MISP shows them.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_event_times(&mut self, event: u64, changed: i64, published: i64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let row = &mut self.events[slot as usize];
        (row.timestamp, row.publish_timestamp) = (changed, published);
        Ok(())
    }

    /// Gives an event another UUID: it is another event under a number that was used before.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn set_event_uuid(&mut self, event: u64, uuid: uuid::Uuid) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].uuid = uuid;
        Ok(())
    }

    /// Publishes the sightings of an event: `sighting_timestamp` is now, all else stays.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn publish_sightings(&mut self, event: u64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].sighting_timestamp = self.now();
        Ok(())
    }

    /// Publishes an event now; its time of change stays.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn publish(&mut self, event: u64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let now = self.now();
        let row = &mut self.events[slot as usize];
        row.published = true;
        row.publish_timestamp = now + in_the_next_second(row.timestamp, now);
        Ok(())
    }

    /// Takes an event back on purpose: no time changes.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn unpublish(&mut self, event: u64) -> Result<(), NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        self.events[slot as usize].published = false;
        Ok(())
    }

    /// Deletes an event with its attributes; nothing shows that it was there.
    #[expect(clippy::missing_errors_doc, reason = "the same for every edit, said at set_value")]
    pub fn delete_event(&mut self, event: u64) -> Result<(), NoSuch> {
        let slot = self.event_index.remove(&event).ok_or(NoSuch::Event(event))?;
        let row = &mut self.events[slot as usize];
        row.gone = true;
        for place in std::mem::take(&mut row.attributes) {
            self.attributes[place as usize].gone = true;
        }
        Ok(())
    }

    /// Switches a warninglist on or off; unknown numbers are ignored.
    pub fn enable_warninglist(&mut self, id: u64, enabled: bool) {
        for list in &mut self.warninglists {
            if list.id == id {
                list.enabled = enabled;
            }
        }
        self.prepare_warninglists();
    }

    /// Replaces the entries of a warninglist, as an update of the lists does: its version rises by one.
    ///
    /// Unknown numbers are ignored.
    pub fn set_warninglist_entries(&mut self, id: u64, entries: &[&str]) {
        for list in &mut self.warninglists {
            if list.id == id {
                list.entries = entries.iter().map(ToString::to_string).collect();
                list.version += 1;
            }
        }
        self.prepare_warninglists();
    }

    /// Makes a warninglist have this value or not, whatever its entries say: a MISP can judge otherwise than its lists
    /// as it shows them, for example by an older answer in its cache.
    ///
    /// Unknown numbers are ignored.
    pub fn set_warninglist_exception(&mut self, id: u64, value: &str, is_listed: bool) {
        self.warninglist_exceptions.push((id, value.to_owned(), is_listed));
        self.prepare_warninglists();
    }

    pub(crate) fn prepare_warninglists(&mut self) {
        self.checker = crate::warninglist::Checker::new(&self.warninglists, &self.warninglist_exceptions);
    }

    /// Switches a decaying model on or off; unknown numbers are ignored.
    pub fn enable_decaying_model(&mut self, id: u64, enabled: bool) {
        for model in &mut self.decaying_models {
            if model.id == id {
                model.enabled = enabled;
            }
        }
    }

    /// Gives a tag another name; neither events nor attributes show that in their times. An unknown name is ignored.
    pub fn rename_tag(&mut self, name: &str, new: &str) {
        if let Some(place) = self.tag_index.remove(name) {
            self.tags[place as usize].name = new.to_owned();
            self.tag_index.insert(new.to_owned(), place);
        }
    }

    /// Makes a tag exportable or not: answers show it or leave it out, no time changes. An unknown name is ignored.
    pub fn set_tag_exportable(&mut self, name: &str, exportable: bool) {
        if let Some(place) = self.tag_named(name) {
            self.tags[place as usize].exportable = exportable;
        }
    }

    /// Gives an organisation another name; no time changes. An unknown number is ignored.
    pub fn rename_organisation(&mut self, id: u64, name: &str) {
        if let Some(organisation) = self.organisations.iter_mut().find(|known| known.id == id) {
            name.clone_into(&mut organisation.name);
        }
    }

    /// Changes a user by its number, for instance to disable it; unknown numbers are ignored.
    pub fn change_user(&mut self, id: u64, change: impl FnOnce(&mut crate::model::User)) {
        let now = self.now();
        if let Some(user) = self.users.iter_mut().find(|user| user.id == id) {
            change(user);
            self.user_changes.insert(id, now);
        }
    }

    /// Marks the event as changed now and returns when that is.
    ///
    /// A change is always later than the publication before it, also when both fall into one second: without that,
    /// tests that go faster than a clock with whole seconds would see a withdrawn event instead of an edited one.
    pub(super) fn touch(&mut self, slot: u32) -> i64 {
        let now = self.now();
        let event = &mut self.events[slot as usize];
        let at = if event.publish_timestamp == now { now + 1 } else { now };
        // Not the greater of both: a clock that was set back takes the time of the event back with it, as in MISP.
        event.timestamp = at.max(now + in_the_next_second(event.timestamp, now));
        event.published = false;
        at
    }

    fn count_attribute(&mut self, attribute: u64, by: i64) {
        if let Some(slot) = self.attribute_slot(attribute) {
            let event = self.attributes[slot].event as usize;
            let count = &mut self.events[event].attribute_count;
            *count = count.saturating_add_signed(by);
        }
    }

    pub(super) fn change(&mut self, attribute: u64, change: impl FnOnce(&mut AttributeRow)) -> Result<(), NoSuch> {
        let slot = self.attribute_slot(attribute).ok_or(NoSuch::Attribute(attribute))?;
        let event = self.attributes[slot].event;
        let at = self.touch(event);
        let row = &mut self.attributes[slot];
        row.timestamp = at;
        change(row);
        Ok(())
    }
}

/// Returns 1 if the time is the second after `now`, where [`Store::touch`] may have put it, and 0 for any other.
fn in_the_next_second(time: i64, now: i64) -> i64 {
    i64::from(time == now + 1)
}

fn attach(tags: &mut Vec<TagRef>, tag: TagRef) {
    if !tags.iter().any(|attached| attached.tag == tag.tag) {
        tags.push(tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        model::{Attribute, Event, Moment},
    };

    fn store() -> (Store, u64, u64) {
        let mut store = Store::new(Clock::fixed(10_000));
        let event = store.add_event(
            Event::new("one")
                .changed(Moment::At(1_000))
                .attribute(Attribute::new("domain", "a.example.com")),
        );
        store.clock.set(20_000);
        let attribute = store.find("a.example.com").unwrap();
        (store, event, attribute)
    }

    type Edit = fn(&mut Store, u64, u64) -> Result<(), NoSuch>;

    #[test]
    fn every_change_unpublishes_the_event() {
        let edits: [Edit; 9] = [
            |store, _, attribute| store.set_value(attribute, "b.example.com"),
            |store, _, attribute| store.set_to_ids(attribute, false),
            |store, _, attribute| store.set_comment(attribute, "seen again"),
            |store, _, attribute| store.soft_delete(attribute),
            |store, _, attribute| store.hard_delete(attribute),
            |store, _, attribute| store.tag_attribute(attribute, "example:x"),
            |store, event, _| store.tag_event(event, "example:x"),
            |store, event, _| store.set_info(event, "two"),
            |store, event, _| {
                store
                    .add_attribute(event, Attribute::new("domain", "c.example.com"))
                    .map(|_| ())
            },
        ];
        for edit in edits {
            let (mut store, event, attribute) = store();
            edit(&mut store, event, attribute).unwrap();
            let view = store.event(event).unwrap();
            assert_eq!(
                (view.published(), view.timestamp(), view.publish_timestamp()),
                (false, 20_000, 1_000)
            );
        }
    }

    #[test]
    fn local_tags_and_unpublishing_leave_the_times_alone() {
        let edits: [Edit; 3] = [
            |store, _, attribute| store.tag_attribute_locally(attribute, "example:x"),
            |store, event, _| store.tag_event_locally(event, "example:x"),
            |store, event, _| store.unpublish(event),
        ];
        for edit in edits {
            let (mut store, event, attribute) = store();
            edit(&mut store, event, attribute).unwrap();
            assert_eq!(store.event(event).unwrap().timestamp(), 1_000);
            assert_eq!(store.attribute(attribute).unwrap().timestamp(), 1_000);
        }
    }

    #[test]
    fn an_edit_in_the_second_of_the_publication_is_later_than_it() {
        let (mut store, event, attribute) = store();
        store.publish(event).unwrap();
        store.set_to_ids(attribute, false).unwrap();
        let view = store.event(event).unwrap();
        assert!(!view.published() && view.timestamp() > view.publish_timestamp());
        store.publish(event).unwrap();
        assert!(store.event(event).unwrap().publish_timestamp() >= store.attribute(attribute).unwrap().timestamp());
    }

    #[test]
    fn a_clock_that_was_set_back_takes_the_times_of_an_edited_event_back() {
        let (mut store, event, attribute) = store();
        store.set_to_ids(attribute, false).unwrap();
        store.publish(event).unwrap();
        for now in [19_940, 19_900] {
            store.clock.set(now);
            store.set_to_ids(attribute, true).unwrap();
            store.publish(event).unwrap();
            let view = store.event(event).unwrap();
            assert_eq!((view.timestamp(), view.publish_timestamp()), (now, now));
        }
    }

    #[test]
    fn a_deleted_event_takes_its_attributes_along() {
        let (mut store, event, attribute) = store();
        store.delete_event(event).unwrap();
        assert!(store.event(event).is_none() && store.attribute(attribute).is_none());
        assert_eq!(store.publish(event), Err(NoSuch::Event(event)));
    }
}
