//! One message of MISP's ZeroMQ publisher: `topic`, a space, JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use crate::Attribute;
use crate::attribute::RawAttribute;
use crate::json::Row as _;
use crate::json::lenient::{self, Flag, Id, Int, Text};

/// One message, reduced to the fields that show which feeds may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// `misp_json_self`: MISP is there; sent after ten seconds without any other message.
    Alive {
        /// How long the publisher has been running.
        uptime: Duration,
    },
    /// `misp_json_attribute`: one attribute changed. Its event's tags are not among its tags.
    Attribute {
        /// The change.
        action: Action,
        /// The attribute as it is now.
        attribute: Box<Attribute>,
    },
    /// `misp_json_audit`: a line of MISP's audit log. It names people and values, so nothing of it is kept.
    Audit,
    /// `misp_json_event`: an event changed, without its attributes.
    Event {
        /// The change. Unpublishing is an [`Action::Edit`].
        action: Action,
        /// The event as it is now.
        event: EventNotice,
    },
    /// `misp_json_object`: an object changed; its attributes come in messages of their own.
    Object {
        /// The change.
        action: Action,
        /// The object.
        object: ObjectNotice,
    },
    /// `misp_json_organisation`: an organisation changed.
    Organisation {
        /// The organisation's UUID.
        uuid: Option<Uuid>,
    },
    /// A topic that is not known here.
    Other {
        /// The topic.
        topic: String,
    },
    /// `misp_json`: an event is being published. `published` and `publish_timestamp` still have their old values.
    Published(EventNotice),
    /// `misp_json_sighting`: a value was seen, or called a false positive.
    Sighting {
        /// The change.
        action: Action,
        /// The sighting.
        sighting: SightingNotice,
    },
    /// `misp_json_tag`: a tag was made, or put on or taken off an attribute or event.
    Tag(TagNotice),
    /// `misp_json_user`: a user changed. It names a person, so nothing of it is kept.
    User,
    /// `misp_json_warninglist`: a warning list was switched on or off.
    Warninglist {
        /// MISP's number of the list.
        id: Option<u64>,
        /// Whether it is on now.
        enabled: bool,
    },
}

/// The change to the subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It is new.
    Add,
    /// It is gone for good.
    Delete,
    /// It changed, or was restored.
    Edit,
    /// It is marked as deleted.
    SoftDelete,
    /// Something that is not known here.
    Other,
}

/// The event of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventNotice {
    /// MISP's number of the event.
    pub id: Option<u64>,
    /// The event's UUID.
    pub uuid: Option<Uuid>,
    /// Whether it is published.
    pub published: bool,
    /// When it last changed, in unix seconds.
    pub timestamp: Option<i64>,
    /// The types of its attributes, those in objects too; empty where the message has none.
    pub attribute_types: BTreeSet<String>,
}

/// The object of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectNotice {
    /// MISP's number of the object.
    pub id: Option<u64>,
    /// MISP's number of its event.
    pub event_id: Option<u64>,
}

/// The sighting of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SightingNotice {
    /// MISP's number of the attribute that was seen.
    pub attribute_id: Option<u64>,
    /// Whether it was called a false positive.
    pub false_positive: bool,
}

/// The tag of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagNotice {
    /// The tag's name, such as `tlp:green`.
    pub name: String,
    /// MISP's number of the event that it was put on or taken off, itself or by way of an attribute.
    pub event_id: Option<u64>,
    /// MISP's number of the attribute, if it is about one.
    pub attribute_id: Option<u64>,
}

/// Why a message cannot be read; nothing of its contents is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It does not have a topic, a space and a text.
    #[error("a message of MISP's ZeroMQ feed has no topic")]
    NoTopic,
    /// What follows the topic is not what MISP sends with it.
    #[error("a message of MISP's ZeroMQ feed cannot be read: topic {topic}")]
    Unreadable {
        /// The topic.
        topic: &'static str,
    },
}

/// The longest topic that is looked at, in bytes; MISP's longest has 21.
const MAX_TOPIC_BYTES: usize = 64;

impl Message {
    /// Returns what one frame says.
    ///
    /// # Errors
    /// [`MessageError`] for what no MISP sends.
    ///
    /// ```
    /// use misp_client::Message;
    ///
    /// let frame = br#"misp_json_self {"status":"I'm doing science and I'm still alive.","uptime":106}"#;
    /// let message = Message::parse(frame)?;
    /// assert!(matches!(message, Message::Alive { uptime } if uptime.as_secs() == 106));
    /// # Ok::<(), misp_client::MessageError>(())
    /// ```
    pub fn parse(frame: &[u8]) -> Result<Self, MessageError> {
        let space = frame.iter().take(MAX_TOPIC_BYTES + 1).position(|byte| *byte == b' ');
        let (topic, json) = space
            .and_then(|at| Some((frame.get(..at)?, frame.get(at + 1..)?)))
            .ok_or(MessageError::NoTopic)?;
        let topic = std::str::from_utf8(topic).map_err(|_| MessageError::NoTopic)?;
        if !topic.starts_with("misp_json") {
            return Err(MessageError::NoTopic);
        }
        Ok(match topic {
            "misp_json" => Self::Published(read::<About>("misp_json", json)?.event.into()),
            "misp_json_attribute" => read_attribute(json)?,
            "misp_json_audit" => Self::Audit,
            "misp_json_event" => {
                let about: About = read("misp_json_event", json)?;
                let (action, event) = (about.action(), about.event.into());
                Self::Event { action, event }
            }
            "misp_json_object" => read::<About>("misp_json_object", json)?.into_object(),
            "misp_json_organisation" => Self::Organisation {
                uuid: read::<About>("misp_json_organisation", json)?.organisation.uuid.known(),
            },
            "misp_json_self" => read::<RawAlive>("misp_json_self", json)?.into(),
            "misp_json_sighting" => read::<About>("misp_json_sighting", json)?.into_sighting(),
            "misp_json_tag" => Self::Tag(read::<About>("misp_json_tag", json)?.tag.into()),
            "misp_json_user" => Self::User,
            "misp_json_warninglist" => read::<About>("misp_json_warninglist", json)?.into_warninglist(),
            other => Self::Other {
                topic: other.to_owned(),
            },
        })
    }
}

fn read<'de, T: Deserialize<'de>>(topic: &'static str, json: &'de [u8]) -> Result<T, MessageError> {
    // serde_json's error would repeat the bytes.
    serde_json::from_slice(json).map_err(|_| MessageError::Unreadable { topic })
}

fn read_attribute(json: &[u8]) -> Result<Message, MessageError> {
    let topic = "misp_json_attribute";
    let raw: AboutAttribute = read(topic, json)?;
    let attribute = Attribute::from_raw(raw.attribute).ok_or(MessageError::Unreadable { topic })?;
    Ok(Message::Attribute {
        action: action(raw.action),
        attribute: Box::new(attribute),
    })
}

fn action(text: Text) -> Action {
    match text.into_option().as_deref() {
        Some("add") => Action::Add,
        Some("delete") => Action::Delete,
        Some("edit") => Action::Edit,
        Some("soft-delete") => Action::SoftDelete,
        _ => Action::Other,
    }
}

/// The subjects of messages; each message has one of them and an action.
#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    action: Text,
    #[serde(rename = "Event", deserialize_with = "lenient::object")]
    event: RawEvent,
    #[serde(rename = "Object", deserialize_with = "lenient::object")]
    object: RawPart,
    #[serde(rename = "Organisation", deserialize_with = "lenient::object")]
    organisation: RawPart,
    #[serde(rename = "Sighting", deserialize_with = "lenient::object")]
    sighting: RawPart,
    #[serde(rename = "Tag", deserialize_with = "lenient::object")]
    tag: RawPart,
    #[serde(rename = "Warninglist", deserialize_with = "lenient::object")]
    warninglist: RawPart,
}

#[derive(Deserialize)]
struct AboutAttribute {
    #[serde(default)]
    action: Text,
    #[serde(rename = "Attribute")]
    attribute: RawAttribute,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawEvent {
    id: Int,
    uuid: Id,
    published: Flag,
    timestamp: Int,
    #[serde(rename = "Attribute", deserialize_with = "lenient::list")]
    attributes: Vec<RawType>,
    #[serde(rename = "Object", deserialize_with = "lenient::list")]
    objects: Vec<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawObject {
    #[serde(rename = "Attribute", deserialize_with = "lenient::list")]
    attributes: Vec<RawType>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawType {
    #[serde(rename = "type")]
    kind: Text,
}

/// The fields that objects, organisations, sightings, tags and warning lists have, each some of them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPart {
    id: Int,
    uuid: Id,
    name: Text,
    event_id: Int,
    attribute_id: Int,
    enabled: Flag,
    #[serde(rename = "type")]
    kind: Text,
}

#[derive(Deserialize)]
struct RawAlive {
    #[serde(default)]
    uptime: Int,
}

impl About {
    fn action(&self) -> Action {
        action(self.action.clone())
    }

    fn into_object(self) -> Message {
        Message::Object {
            action: self.action(),
            object: ObjectNotice {
                id: self.object.id.unsigned(),
                event_id: self.object.event_id.unsigned(),
            },
        }
    }

    fn into_sighting(self) -> Message {
        Message::Sighting {
            action: self.action(),
            sighting: SightingNotice {
                attribute_id: self.sighting.attribute_id.unsigned(),
                // 0 seen, 1 false positive, 2 expired (MISP's book).
                false_positive: self.sighting.kind.into_option().as_deref() == Some("1"),
            },
        }
    }

    fn into_warninglist(self) -> Message {
        Message::Warninglist {
            id: self.warninglist.id.unsigned(),
            enabled: self.warninglist.enabled.or(false),
        }
    }
}

impl From<RawEvent> for EventNotice {
    fn from(raw: RawEvent) -> Self {
        let in_objects = raw.objects.into_iter().flat_map(|object| object.attributes);
        let types = raw.attributes.into_iter().chain(in_objects);
        Self {
            id: raw.id.unsigned(),
            uuid: raw.uuid.known(),
            published: raw.published.or(false),
            timestamp: raw.timestamp.signed(),
            attribute_types: types.filter_map(|raw| raw.kind.into_option()).collect(),
        }
    }
}

impl From<RawPart> for TagNotice {
    fn from(raw: RawPart) -> Self {
        Self {
            name: raw.name.into_option().unwrap_or_default(),
            event_id: raw.event_id.unsigned(),
            attribute_id: raw.attribute_id.unsigned(),
        }
    }
}

impl From<RawAlive> for Message {
    fn from(raw: RawAlive) -> Self {
        Self::Alive {
            uptime: Duration::from_secs(raw.uptime.unsigned().unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_as_numbers_say_the_same() {
        let text = br#"misp_json_tag {"Tag":{"name":"tlp:red","event_id":"77","attribute_id":"5"},"action":"add"}"#;
        let numbers = br#"misp_json_tag {"Tag":{"name":"tlp:red","event_id":77,"attribute_id":5},"action":"add"}"#;
        assert_eq!(Message::parse(text).unwrap(), Message::parse(numbers).unwrap());
    }

    #[test]
    fn what_no_misp_sends_is_an_error_that_repeats_nothing() {
        let secret = "misp_json_attribute {\"Attribute\":{\"value\":\"s3cret\"}";
        for frame in ["", "misp_json_self", "other {}", "misp_json_self [", secret] {
            let error = Message::parse(frame.as_bytes()).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn an_unknown_topic_is_no_error() {
        let message = Message::parse(b"misp_json_galaxy {}").unwrap();
        assert_eq!(
            message,
            Message::Other {
                topic: "misp_json_galaxy".to_owned()
            }
        );
    }

    proptest! {
        #[test]
        fn no_frame_panics(topic in "misp_json(_[a-z]{1,12})?", json in any::<Vec<u8>>()) {
            let frame = [topic.as_bytes(), b" ", &json].concat();
            let _ = Message::parse(&frame);
            let _ = Message::parse(&json);
        }
    }
}
