//! One attribute as MISP sends it, reduced to what a feed needs.

use serde::Deserialize;
use uuid::Uuid;

use crate::json::lenient::{Flag, Id, Int, Text};
use crate::json::{Row, lenient};

/// One attribute of an answer.
///
/// Every other field that MISP sends is skipped, known or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// MISP's number of the attribute; unique in one MISP.
    pub id: u64,
    /// Number of the event it belongs to; 0 when MISP did not say.
    pub event_id: u64,
    /// The attribute's UUID, the same on every MISP that it was shared to.
    pub uuid: Option<Uuid>,
    /// MISP's attribute type as sent, such as `ip-dst` or `domain|ip`; it may be one that is not known to us.
    pub kind: String,
    /// The value as MISP stored it: composites whole (`name|192.0.2.1`), rules with their line feeds. Not safe as it comes.
    pub value: String,
    /// Whether analysts meant it for detection.
    pub to_ids: bool,
    /// Whether it is softly deleted.
    pub deleted: bool,
    /// When it last changed, in unix seconds; 0 when MISP did not say.
    pub timestamp: i64,
    /// Its own tags, then those of its event where they were asked for.
    pub tags: Vec<Tag>,
    /// What the row says of its event.
    pub event: EventSummary,
}

/// A tag on an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tag {
    /// The name, case-sensitive, such as `tlp:green`.
    pub name: String,
    /// True when the tag stands on the event and not on the attribute itself.
    pub inherited: bool,
}

/// The event of an attribute, as far as the row tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventSummary {
    /// The event's UUID, the same on every MISP that it was shared to.
    pub uuid: Option<Uuid>,
    /// What the event is about, in the words of whoever made it.
    pub info: Option<String>,
    /// When the event was last published, in unix seconds; 0 for never.
    pub publish_timestamp: Option<i64>,
    /// Number of the organisation that made the event.
    pub orgc_id: Option<u64>,
    /// Number of the organisation that owns it on this MISP.
    pub org_id: Option<u64>,
    /// The organisation that made the event; only with `include_context`.
    pub orgc_uuid: Option<Uuid>,
    /// Whether the event is published now; only with `include_context`.
    pub published: Option<bool>,
    /// When the event last changed, in unix seconds; only with `include_context`.
    pub timestamp: Option<i64>,
}

impl Attribute {
    /// Builds an attribute with the three fields that no row can do without; all others are empty and public.
    #[must_use]
    pub fn new(id: u64, kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            id,
            event_id: 0,
            uuid: None,
            kind: kind.into(),
            value: value.into(),
            to_ids: false,
            deleted: false,
            timestamp: 0,
            tags: Vec::new(),
            event: EventSummary::default(),
        }
    }

    /// Returns true when the attribute or its event has this tag, as far as the answer shows.
    #[must_use]
    pub fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

impl Tag {
    /// Builds a tag of the attribute itself.
    #[must_use]
    pub fn own(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            inherited: false,
        }
    }

    /// Builds a tag that comes from the event.
    #[must_use]
    pub fn inherited(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            inherited: true,
        }
    }
}

/// The row on the wire; unknown fields are skipped, missing ones empty.
#[derive(Deserialize)]
pub(crate) struct RawAttribute {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    event_id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    to_ids: Flag,
    #[serde(default)]
    deleted: Flag,
    #[serde(default)]
    timestamp: Int,
    #[serde(default, rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
    #[serde(default, rename = "Event", deserialize_with = "lenient::object")]
    event: RawEvent,
}

#[derive(Deserialize)]
struct RawTag {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    inherited: Flag,
}

#[derive(Default, Deserialize)]
struct RawEvent {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default)]
    info: Text,
    #[serde(default)]
    publish_timestamp: Int,
    #[serde(default)]
    orgc_id: Int,
    #[serde(default)]
    org_id: Int,
    #[serde(default)]
    published: Flag,
    #[serde(default)]
    timestamp: Int,
    #[serde(default, rename = "Orgc", deserialize_with = "lenient::object")]
    orgc: RawOrganisation,
    #[serde(default, rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
}

#[derive(Default, Deserialize)]
struct RawOrganisation {
    #[serde(default)]
    uuid: Id,
}

impl Row for Attribute {
    type Raw = RawAttribute;

    /// Gives none for a row without id, type or value: it can be neither told apart nor used.
    fn from_raw(raw: RawAttribute) -> Option<Self> {
        let event = raw.event;
        let mut tags = Vec::with_capacity(raw.tags.len() + event.tags.len());
        for tag in raw.tags {
            let inherited = tag.inherited.or(false);
            tags.extend(tag.name.into_option().map(|name| Tag { name, inherited }));
        }
        // With the context alone, MISP lists the tags of the event beside the event.
        for tag in event.tags {
            let Some(name) = tag.name.into_option() else {
                continue;
            };
            if !tags.iter().any(|known| known.inherited && known.name == name) {
                tags.push(Tag { name, inherited: true });
            }
        }
        Some(Self {
            id: raw.id.unsigned()?,
            event_id: raw.event_id.unsigned().or(event.id.unsigned()).unwrap_or(0),
            uuid: raw.uuid.known(),
            kind: raw.kind.into_option().filter(|kind| !kind.is_empty())?,
            value: raw.value.into_option().filter(|value| !value.is_empty())?,
            to_ids: raw.to_ids.or(false),
            deleted: raw.deleted.or(false),
            timestamp: raw.timestamp.signed().unwrap_or(0),
            tags,
            event: EventSummary {
                uuid: event.uuid.known(),
                info: event.info.into_option(),
                publish_timestamp: event.publish_timestamp.signed(),
                orgc_id: event.orgc_id.unsigned(),
                org_id: event.org_id.unsigned(),
                orgc_uuid: event.orgc.uuid.known(),
                published: event.published.known(),
                timestamp: event.timestamp.signed(),
            },
        })
    }
}
