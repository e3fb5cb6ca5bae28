//! `POST /events/add`, `/events/edit/ID`, `/events/publish/ID`, `/events/unpublish/ID` and `/events/delete/ID`.

use serde::Serialize;
use uuid::Uuid;

use super::attribute_changes::{NewAttribute, NewTag, empty, with_body};
use super::events::WrappedEvent;
use super::object_changes::NewObject;
use crate::request::Request;
use crate::{Client, Error, ErrorKind, Event};

const ADD: &str = "/events/add";
const EDIT: &str = "/events/edit";
const PUBLISH: &str = "/events/publish";
const UNPUBLISH: &str = "/events/unpublish";
const DELETE: &str = "/events/delete";

/// An event to be added. Only the title is required.
///
/// ```
/// use misp_client::{NewAttribute, NewEvent};
///
/// let event = NewEvent::new("Phishing wave")
///     .distribution(1)
///     .tag("tlp:green")
///     .attribute(NewAttribute::new("domain", "bad.example.com").to_ids(true));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewEvent {
    #[serde(flatten)]
    fields: EventEdit,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<Uuid>,
    #[serde(rename = "Tag", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<NewTag>,
    #[serde(rename = "Attribute", skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<NewAttribute>,
    #[serde(rename = "Object", skip_serializing_if = "Vec::is_empty")]
    objects: Vec<NewObject>,
}

/// The fields of an event that an edit changes; MISP keeps the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventEdit {
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threat_level_id: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing_group_id: Option<u64>,
}

/// Writes the setters that `NewEvent` and `EventEdit` share.
macro_rules! shared_setters {
    ($fields:ident => $($field:tt)+) => {
        /// Sets the date, `YYYY-MM-DD`.
        #[must_use]
        pub fn date(mut $fields, date: impl Into<String>) -> Self {
            $($field)+.date = Some(date.into());
            $fields
        }

        /// Sets the threat level: 1 high, 2 medium, 3 low, 4 undefined.
        #[must_use]
        pub fn threat_level(mut $fields, level: u8) -> Self {
            $($field)+.threat_level_id = Some(level);
            $fields
        }

        /// Sets the state of the analysis: 0 initial, 1 ongoing, 2 completed.
        #[must_use]
        pub fn analysis(mut $fields, state: u8) -> Self {
            $($field)+.analysis = Some(state);
            $fields
        }

        /// Sets the visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all.
        #[must_use]
        pub fn distribution(mut $fields, level: u8) -> Self {
            $($field)+.distribution = Some(level);
            $fields
        }

        /// Shares it with one sharing group only.
        #[must_use]
        pub fn sharing_group(mut $fields, id: u64) -> Self {
            ($($field)+.distribution, $($field)+.sharing_group_id) = (Some(4), Some(id));
            $fields
        }
    };
}

impl NewEvent {
    /// Returns an event with this title; MISP chooses date, threat level, analysis and distribution.
    #[must_use]
    pub fn new(info: impl Into<String>) -> Self {
        Self {
            fields: EventEdit::new().info(info),
            ..Self::default()
        }
    }

    shared_setters!(self => self.fields);

    /// Sets the UUID; MISP makes one by default.
    #[must_use]
    pub fn uuid(mut self, uuid: Uuid) -> Self {
        self.uuid = Some(uuid);
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>) -> Self {
        self.tags.push(NewTag { name: name.into() });
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: NewAttribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Adds an object.
    #[must_use]
    pub fn object(mut self, object: NewObject) -> Self {
        self.objects.push(object);
        self
    }
}

impl EventEdit {
    /// Returns an edit that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the title.
    #[must_use]
    pub fn info(mut self, info: impl Into<String>) -> Self {
        self.info = Some(info.into());
        self
    }

    shared_setters!(self => self);
}

impl Client {
    /// Adds an event and returns it as MISP stored it, unpublished.
    ///
    /// MISP leaves out attributes that fail its validation and still stores the event, so compare what comes back.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with MISP's reason, for example for a UUID that it already has;
    /// [`ErrorKind::NotPermitted`] when the role may not add events; any [`ErrorKind`] of a question. After a lost
    /// connection it is unknown whether MISP stored it.
    pub async fn add_event(&self, event: &NewEvent) -> Result<Event, Error> {
        let body = serde_json::to_vec(event).map_err(|_| Error::new(ErrorKind::InvalidSearch).at(ADD))?;
        let added: WrappedEvent = self.change_to(Request::post(ADD, body)).await?;
        Ok(added.event)
    }

    /// Changes an event and returns it as MISP stored it. That unpublishes it.
    ///
    /// # Errors
    /// As [`add_event`](Self::add_event), and [`ErrorKind::NotFound`] when MISP has no event of this number.
    pub async fn edit_event(&self, id: u64, edit: &EventEdit) -> Result<Event, Error> {
        let edited: WrappedEvent = self.change_to(with_body(EDIT, id, edit)?).await?;
        Ok(edited.event)
    }

    /// Publishes an event without sending mails. MISP does it in the background where it has workers.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`] when the role may not publish; otherwise as [`edit_event`](Self::edit_event).
    pub async fn publish_event(&self, id: u64) -> Result<(), Error> {
        self.change(empty(PUBLISH, format!("{PUBLISH}/{id}"))).await
    }

    /// Withdraws the publication of an event.
    ///
    /// # Errors
    /// As [`publish_event`](Self::publish_event).
    pub async fn unpublish_event(&self, id: u64) -> Result<(), Error> {
        self.change(empty(UNPUBLISH, format!("{UNPUBLISH}/{id}"))).await
    }

    /// Deletes an event with its attributes for good. MISP puts its UUID on a blocklist, so that no other MISP brings
    /// it back.
    ///
    /// # Errors
    /// As [`edit_event`](Self::edit_event).
    pub async fn delete_event(&self, id: u64) -> Result<(), Error> {
        self.change(empty(DELETE, format!("{DELETE}/{id}"))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_sent_as_misp_takes_it() {
        let event = NewEvent::new("wave")
            .threat_level(1)
            .tag("tlp:green")
            .attribute(NewAttribute::new("md5", "x"));
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            serde_json::json!({"info": "wave", "threat_level_id": 1, "Tag": [{"name": "tlp:green"}],
                "Attribute": [{"type": "md5", "value": "x"}]})
        );
        let edit = EventEdit::new().sharing_group(7);
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            serde_json::json!({"distribution": 4, "sharing_group_id": 7})
        );
    }
}
