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
    /// When the thing itself was last seen, in unix seconds, where an analyst said so; 0 for a text that is no time.
    pub last_seen: Option<i64>,
    /// When somebody last reported to have seen it, in unix seconds; only with `include_sightings`. Reports of false positives and of an end
    /// of life do not count.
    pub last_sighting: Option<i64>,
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
    /// What it is worth, where its taxonomy says so: from this, decaying models reckon base scores.
    pub numerical_value: Option<i64>,
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
            last_seen: None,
            last_sighting: None,
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
            numerical_value: None,
        }
    }

    /// Builds a tag that comes from the event.
    #[must_use]
    pub fn inherited(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            inherited: true,
            numerical_value: None,
        }
    }

    /// Says what the tag is worth.
    #[must_use]
    pub fn worth(mut self, numerical_value: i64) -> Self {
        self.numerical_value = Some(numerical_value);
        self
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
    #[serde(default)]
    last_seen: Text,
    #[serde(default, rename = "Sighting", deserialize_with = "lenient::list")]
    sightings: Vec<RawSighting>,
    #[serde(default, rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
    #[serde(default, rename = "Event", deserialize_with = "lenient::object")]
    event: RawEvent,
}

#[derive(Deserialize)]
struct RawSighting {
    #[serde(default)]
    date_sighting: Int,
    #[serde(default, rename = "type")]
    kind: Int,
}

impl RawSighting {
    /// Returns when it was seen; 1 is a false positive and 2 an end of life.
    fn seen_at(&self) -> Option<i64> {
        self.date_sighting.signed().filter(|_| self.kind.signed() == Some(0))
    }
}

#[derive(Deserialize)]
struct RawTag {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    inherited: Flag,
    #[serde(default)]
    numerical_value: Int,
}

impl RawTag {
    fn into_tag(self, inherited: bool) -> Option<Tag> {
        Some(Tag {
            name: self.name.into_option()?,
            inherited,
            numerical_value: self.numerical_value.signed(),
        })
    }
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
            tags.extend(tag.into_tag(inherited));
        }
        // With the context alone, MISP lists the tags of the event beside the event.
        for tag in event.tags {
            let Some(tag) = tag.into_tag(true) else {
                continue;
            };
            if !tags.iter().any(|known| known.inherited && known.name == tag.name) {
                tags.push(tag);
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
            last_seen: raw
                .last_seen
                .into_option()
                .filter(|text| !text.is_empty())
                .map(|text| seconds(&text)),
            last_sighting: raw.sightings.iter().filter_map(RawSighting::seen_at).max(),
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

/// Reads `2026-11-21T18:36:16.123456+00:00`; what is no time counts as long ago, so that it never makes anything look fresh.
fn seconds(text: &str) -> i64 {
    // Rounded down, as MISP does when it reckons with it.
    text.parse()
        .map_or(0, |at: jiff::Timestamp| at.as_millisecond().div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn last_seen_is_read_to_the_second_and_nonsense_is_long_ago() {
        for (text, unix) in [
            ("2025-02-01T00:00:00.000000+00:00", 1_738_368_000),
            ("2026-11-21T18:36:16.123456+00:00", 1_795_286_176),
            ("2026-11-21T19:36:16.999999+01:00", 1_795_286_176),
            ("yesterday", 0),
            ("2026-13-40T99:00:00Z", 0),
        ] {
            assert_eq!(seconds(text), unix, "{text}");
        }
    }
}
