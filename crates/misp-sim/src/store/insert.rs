//! Adding data: descriptions become rows with ids and absolute times.

use uuid::Uuid;

use super::{
    Store,
    edit::NoSuch,
    rows::{AttributeRow, EventRow, Rare, TagRef},
};
use crate::model::{
    Attribute, DecayingModel, Event, Organisation, Publication, Tag, TagUse, User, Warninglist, usual_category,
};

impl Store {
    /// Adds an organisation and returns its number.
    pub fn add_organisation(&mut self, mut organisation: Organisation) -> u64 {
        organisation.id = free_id(organisation.id, self.organisations.iter().map(|known| known.id));
        let id = organisation.id;
        self.organisations.push(organisation);
        id
    }

    /// Adds a user and returns its number.
    pub fn add_user(&mut self, mut user: User) -> u64 {
        user.id = free_id(user.id, self.users.iter().map(|known| known.id));
        let id = user.id;
        self.users.push(user);
        id
    }

    /// Adds a tag and returns its number; one of that name that is there already is replaced, but keeps its number.
    pub fn add_tag(&mut self, mut tag: Tag) -> u64 {
        if let Some(place) = self.tag_named(&tag.name) {
            tag.id = self.tags[place as usize].id;
            let id = tag.id;
            self.tags[place as usize] = tag;
            return id;
        }
        // The highest number is kept, as a site may have a million tags.
        if tag.id < self.next_tag && (tag.id == 0 || self.tags.iter().any(|known| known.id == tag.id)) {
            tag.id = self.next_tag;
        }
        self.next_tag = self.next_tag.max(tag.id + 1);
        let id = tag.id;
        let place = u32::try_from(self.tags.len()).unwrap_or(u32::MAX);
        self.tag_index.insert(tag.name.clone(), place);
        self.tags.push(tag);
        id
    }

    /// Adds a warninglist and returns its number.
    pub fn add_warninglist(&mut self, mut list: Warninglist) -> u64 {
        list.id = free_id(list.id, self.warninglists.iter().map(|known| known.id));
        let id = list.id;
        self.warninglists.push(list);
        self.prepare_warninglists();
        id
    }

    /// Adds a decaying model and returns its number; one of that number that is there already is replaced.
    pub fn add_decaying_model(&mut self, mut model: DecayingModel) -> u64 {
        self.decaying_models.retain(|known| known.id != model.id);
        model.id = free_id(model.id, self.decaying_models.iter().map(|known| known.id));
        let id = model.id;
        self.decaying_models.push(model);
        id
    }

    /// Adds an event with its attributes, as described, and returns its number.
    ///
    /// Numbers that are taken already are replaced by the next free ones.
    pub fn add_event(&mut self, event: Event) -> u64 {
        let now = self.now();
        let id = if event.id == 0 || self.event_slot(event.id).is_some() {
            self.next_event
        } else {
            event.id
        };
        self.next_event = self.next_event.max(id + 1);
        let newest = event
            .attributes
            .iter()
            .filter_map(|attribute| attribute.changed)
            .map(|moment| moment.resolve(now))
            .max();
        let changed = event
            .changed
            .map(|moment| moment.resolve(now))
            .or(newest)
            .unwrap_or(now);
        let (published, publish_timestamp) = publication(event.publication, changed, now);
        let creator = self.organisation_named(event.creator.as_deref());
        let owner = event
            .owner
            .as_deref()
            .map_or(creator, |name| self.organisation_named(Some(name)));
        let row = EventRow {
            id,
            uuid: event.uuid.unwrap_or_else(|| numbered_uuid(0xe, id)),
            info: event.info,
            creator,
            owner,
            date: event.date.unwrap_or_else(|| day(changed)),
            timestamp: changed,
            published,
            publish_timestamp,
            sighting_timestamp: 0,
            distribution: event.distribution,
            threat_level: event.threat_level,
            analysis: event.analysis,
            tags: self.tag_refs(&event.tags),
            protected: event.protected.then_some(true),
            attribute_count: 0,
            creator_email: event.creator_email,
            attributes: Vec::new(),
            gone: false,
        };
        let slot = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.events.push(row);
        self.event_index.insert(id, slot);
        for attribute in event.attributes {
            self.push_attribute(slot, attribute, changed);
        }
        if let Some(count) = event.attribute_count {
            self.events[slot as usize].attribute_count = count;
        }
        self.settle();
        id
    }

    /// Adds an attribute to an event as an analyst would, and returns its number: it is new now (unless it says when it
    /// was changed), and the event is unpublished until it is published again.
    ///
    /// # Errors
    /// [`NoSuch`] when the number is unknown.
    pub fn add_attribute(&mut self, event: u64, attribute: Attribute) -> Result<u64, NoSuch> {
        let slot = self.event_slot(event).ok_or(NoSuch::Event(event))?;
        let at = self.touch(slot);
        let id = self.push_attribute(slot, attribute, at);
        self.settle();
        Ok(id)
    }

    pub(super) fn tag_refs(&mut self, tags: &[TagUse]) -> Vec<TagRef> {
        let mut refs = Vec::with_capacity(tags.len());
        for tag in tags {
            refs.push(TagRef {
                tag: self.tag_place(&tag.name),
                local: tag.local,
            });
        }
        refs
    }

    /// Returns the place of the tag of that name, which is made when there is none.
    pub(super) fn tag_place(&mut self, name: &str) -> u32 {
        if self.tag_named(name).is_none() {
            self.add_tag(Tag::new(name));
        }
        self.tag_named(name).unwrap_or_default()
    }

    fn push_attribute(&mut self, slot: u32, attribute: Attribute, event_changed: i64) -> u64 {
        let taken = attribute.id != 0
            && attribute.id < self.next_attribute
            && self.attributes.iter().any(|row| row.id == attribute.id);
        let id = if attribute.id == 0 || taken {
            self.next_attribute
        } else {
            attribute.id
        };
        self.unsorted |= id < self.next_attribute;
        self.next_attribute = self.next_attribute.max(id + 1);
        let category = attribute
            .category
            .as_deref()
            .unwrap_or_else(|| usual_category(&attribute.kind));
        let rare = Rare {
            comment: attribute.comment,
            first_seen: attribute.first_seen,
            last_seen: attribute.last_seen,
            object: attribute.object,
        };
        let common =
            rare.comment.is_empty() && rare.first_seen.is_none() && rare.last_seen.is_none() && rare.object.is_none();
        let row = AttributeRow {
            id,
            uuid: attribute.uuid.unwrap_or_else(|| numbered_uuid(0xa, id)),
            timestamp: attribute
                .changed
                .map_or(event_changed, |moment| moment.resolve(self.now())),
            tags: self.tag_refs(&attribute.tags),
            rare: (!common).then(|| Box::new(rare)),
            event: slot,
            kind: self.names.number(&attribute.kind),
            category: self.names.number(category),
            value: attribute.value.into_boxed_str(),
            distribution: attribute.distribution,
            to_ids: attribute.to_ids,
            deleted: attribute.deleted,
            gone: false,
        };
        if let Some(object) = row.object() {
            let (object, distribution) = (object.id, object.distribution);
            self.know_object(object, self.events[slot as usize].id, distribution, event_changed);
        }
        let place = u32::try_from(self.attributes.len()).unwrap_or(u32::MAX);
        let event = &mut self.events[slot as usize];
        event.attribute_count += u64::from(!row.deleted);
        event.attributes.push(place);
        self.attributes.push(row);
        id
    }

    /// Puts the rows into ascending order of id again, when numbers were given by hand.
    fn settle(&mut self) {
        if !std::mem::take(&mut self.unsorted) {
            return;
        }
        self.attributes.sort_by_key(|row| row.id);
        for event in &mut self.events {
            event.attributes.clear();
        }
        for (place, row) in (0_u32..).zip(&self.attributes) {
            self.events[row.event as usize].attributes.push(place);
        }
    }

    /// Returns the number of the organisation of that name (made when missing), or of the first one without a name.
    fn organisation_named(&mut self, name: Option<&str>) -> u64 {
        let found = match name {
            None => self.organisations.first(),
            Some(name) => self.organisations.iter().find(|organisation| organisation.name == name),
        };
        if let Some(organisation) = found {
            return organisation.id;
        }
        let next = self
            .organisations
            .iter()
            .map(|organisation| organisation.id)
            .max()
            .unwrap_or(0)
            + 1;
        self.add_organisation(Organisation::new(
            name.unwrap_or("Example CERT"),
            numbered_uuid(0xc, next),
        ))
    }
}

fn free_id(wanted: u64, taken: impl Iterator<Item = u64> + Clone) -> u64 {
    if wanted != 0 && !taken.clone().any(|id| id == wanted) {
        wanted
    } else {
        taken.max().unwrap_or(0) + 1
    }
}

/// Returns `published` and `publish_timestamp`.
fn publication(publication: Publication, changed: i64, now: i64) -> (bool, i64) {
    match publication {
        Publication::Draft => (false, 0),
        Publication::Published(at) => (true, at.map_or(changed, |at| at.resolve(now))),
        Publication::Edited(at) => (false, at.resolve(now).min(changed - 1)),
        Publication::Withdrawn(at) => (false, at.map_or(changed, |at| at.resolve(now)).max(changed)),
    }
}

pub(super) fn numbered_uuid(family: u8, id: u64) -> Uuid {
    Uuid::from_u128((u128::from(family) << 124) | 0x4000_8000_0000_0000_0000 | u128::from(id & 0xffff_ffff_ffff))
}

fn day(unix: i64) -> String {
    jiff::Timestamp::from_second(unix)
        .unwrap_or_default()
        .strftime("%Y-%m-%d")
        .to_string()
}
