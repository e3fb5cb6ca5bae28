//! Edits of one event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NewAttribute, yes};
use crate::{
    model::{Event, Publication},
    store::{NoSuch, Store},
};

/// An edit of one event; each does what the [`Store`] method named beside it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventEdit {
    /// [`Store::add_attribute`].
    AddAttribute(NewAttribute),
    /// [`Store::set_info`].
    Info(String),
    /// [`Store::tag_event`].
    Tag(String),
    /// [`Store::tag_event_locally`].
    TagLocally(String),
    /// [`Store::untag_event`].
    Untag(String),
    /// [`Store::publish`].
    Publish,
    /// [`Store::unpublish`].
    Unpublish,
    /// [`Store::delete_event`].
    Delete,
    /// [`Store::protect`].
    Protect(bool),
    /// [`Store::set_distribution`].
    Distribution(u8),
    /// [`Store::set_owner`].
    Owner(u64),
    /// [`Store::publish_sightings`].
    PublishSightings,
    /// [`Store::set_attribute_count`].
    AttributeCount(u64),
    /// [`Store::set_event_times`]: the last change, then the publication.
    Times(i64, i64),
    /// [`Store::set_event_uuid`].
    Uuid(Uuid),
}

impl EventEdit {
    pub(super) fn apply(&self, id: u64, store: &mut Store) -> Result<Option<u64>, NoSuch> {
        let done = match self {
            Self::AddAttribute(attribute) => return store.add_attribute(id, attribute.attribute()).map(Some),
            Self::Info(info) => store.set_info(id, info),
            Self::Tag(tag) => store.tag_event(id, tag),
            Self::TagLocally(tag) => store.tag_event_locally(id, tag),
            Self::Untag(tag) => store.untag_event(id, tag),
            Self::Publish => store.publish(id),
            Self::Unpublish => store.unpublish(id),
            Self::Delete => store.delete_event(id),
            Self::Protect(protected) => store.protect(id, *protected),
            Self::Distribution(distribution) => store.set_distribution(id, *distribution),
            Self::Owner(organisation) => store.set_owner(id, *organisation),
            Self::PublishSightings => store.publish_sightings(id),
            Self::AttributeCount(count) => store.set_attribute_count(id, *count),
            Self::Times(changed, published) => store.set_event_times(id, *changed, *published),
            Self::Uuid(uuid) => store.set_event_uuid(id, *uuid),
        };
        done.map(|()| None)
    }
}

/// An event to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Its title.
    pub info: String,
    /// The name of the organisation that makes it; the first organisation when absent.
    #[serde(default)]
    pub creator: Option<String>,
    /// Whether it is published at once.
    #[serde(default = "yes")]
    pub published: bool,
    /// The names of its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Vec<NewAttribute>,
}

impl NewEvent {
    pub(super) fn event(&self) -> Event {
        let mut event = Event::new(self.info.as_str()).publication(if self.published {
            Publication::Published(None)
        } else {
            Publication::Draft
        });
        event.creator.clone_from(&self.creator);
        event.tags = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        event.attributes = self.attributes.iter().map(NewAttribute::attribute).collect();
        event
    }
}
