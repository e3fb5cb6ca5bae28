//! One attribute as MISP sends it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json::lenient::{Flag, Id, Int, Text};
use crate::json::{Row, lenient};
use crate::tag::RawTag;
use crate::warning::{RawWarning, WrittenWarning};
use crate::{EventSummary, Tag, WarninglistHit};

/// One attribute.
///
/// A search fills [`extra`](Self::extra) only with [`AttributeSearch::keep_extra`](crate::AttributeSearch::keep_extra).
/// An event fills it always.
///
/// ```
/// let json = r#"{"id": "7", "type": "domain", "value": "bad.example.com", "to_ids": true, "Galaxy": []}"#;
/// let attribute: misp_client::Attribute = serde_json::from_str(json)?;
/// assert_eq!((attribute.id, attribute.to_ids), (7, true));
/// assert!(attribute.extra.contains_key("Galaxy"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// MISP's number of the attribute; unique in one MISP.
    pub id: u64,
    /// Number of its event; 0 when MISP did not send it.
    pub event_id: u64,
    /// The UUID, the same on every MISP that the attribute was shared to.
    pub uuid: Option<Uuid>,
    /// MISP's attribute type as sent, such as `ip-dst` or `domain|ip`; a newer MISP may have types that you do not
    /// know.
    pub kind: String,
    /// The category, such as `Network activity`; empty when MISP did not send it.
    pub category: String,
    /// The value as MISP stored it: composites whole (`name|192.0.2.1`), rules with their line feeds. It is not
    /// validated.
    pub value: String,
    /// The comment; empty for most.
    pub comment: String,
    /// Whether analysts meant it for detection.
    pub to_ids: bool,
    /// Whether it is soft-deleted.
    pub deleted: bool,
    /// The last change, in unix seconds; 0 when MISP did not send it.
    pub timestamp: i64,
    /// Visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all, 4 a sharing group, 5 as its event.
    pub distribution: Option<u8>,
    /// First time that the thing itself was seen, in unix seconds, where an analyst entered it; 0 for a text that is
    /// not a time.
    pub first_seen: Option<i64>,
    /// Last time that the thing itself was seen, in unix seconds, where an analyst entered it; 0 for a text that is not
    /// a time.
    pub last_seen: Option<i64>,
    /// The newest sighting, in unix seconds; only with `include_sightings`. Reports of false positives and of an end of
    /// life do not count.
    pub last_sighting: Option<i64>,
    /// Number of the object that it is a part of.
    pub object_id: Option<u64>,
    /// Its role in that object, such as `ip`.
    pub object_relation: Option<String>,
    /// Its own tags, then those of its event where the search includes them.
    pub tags: Vec<Tag>,
    /// The warninglists that its value is on, in MISP's order; only with `include_warninglist_hits`.
    pub warnings: Vec<WarninglistHit>,
    /// Its event, as far as the row shows it.
    pub event: EventSummary,
    /// All fields that have no place above, as MISP sent them.
    pub extra: Map<String, Value>,
}

impl Attribute {
    /// Builds an attribute with the three fields that every row has; all others are empty and public.
    #[must_use]
    pub fn new(id: u64, kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            id,
            event_id: 0,
            uuid: None,
            kind: kind.into(),
            category: String::new(),
            value: value.into(),
            comment: String::new(),
            to_ids: false,
            deleted: false,
            timestamp: 0,
            distribution: None,
            first_seen: None,
            last_seen: None,
            last_sighting: None,
            object_id: None,
            object_relation: None,
            tags: Vec::new(),
            warnings: Vec::new(),
            event: EventSummary::default(),
            extra: Map::new(),
        }
    }

    /// Returns true when the attribute or its event has this tag, as far as the answer shows.
    #[must_use]
    pub fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

/// The row on the wire; unknown fields are skipped, missing ones empty. `T` is the type of texts that a row can do
/// without.
#[derive(Deserialize)]
#[serde(bound = "T: OptionalText")]
pub(crate) struct RawAttribute<T = Text> {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    event_id: Int,
    #[serde(default)]
    uuid: Id,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    category: T,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    comment: T,
    #[serde(default)]
    to_ids: Flag,
    #[serde(default)]
    deleted: Flag,
    #[serde(default)]
    timestamp: Int,
    #[serde(default)]
    distribution: Int,
    #[serde(default)]
    first_seen: T,
    #[serde(default)]
    last_seen: Text,
    #[serde(default)]
    object_id: Int,
    #[serde(default)]
    object_relation: T,
    #[serde(default, rename = "Sighting", deserialize_with = "lenient::list")]
    sightings: Vec<RawSighting>,
    #[serde(default, rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<RawTag>,
    #[serde(default, deserialize_with = "lenient::list")]
    warnings: Vec<RawWarning>,
    #[serde(default, rename = "Event", deserialize_with = "lenient::object")]
    event: RawSummary,
}

/// A text that a row can do without.
pub(crate) trait OptionalText: Default + for<'de> Deserialize<'de> {
    fn into_text(self) -> Text;
}

impl OptionalText for Text {
    fn into_text(self) -> Text {
        self
    }
}

/// Takes the place of texts that cannot be held.
#[derive(Default, Deserialize)]
struct Skipped(de::IgnoredAny);

impl OptionalText for Skipped {
    fn into_text(self) -> Text {
        Text::default()
    }
}

#[derive(Deserialize)]
struct RawSighting {
    #[serde(default)]
    date_sighting: Int,
    #[serde(default, rename = "type")]
    kind: Int,
}

impl RawSighting {
    /// Returns the time of a hit; 1 is a false positive and 2 an end of life.
    fn seen_at(&self) -> Option<i64> {
        self.date_sighting.signed().filter(|_| self.kind.signed() == Some(0))
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct RawSummary {
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

impl RawSummary {
    /// Returns the number of the event, the event itself, and the tags beside it.
    pub(crate) fn into_parts(self) -> (Option<u64>, EventSummary, Vec<Tag>) {
        let summary = EventSummary {
            uuid: self.uuid.known(),
            info: self.info.into_option(),
            publish_timestamp: self.publish_timestamp.signed(),
            orgc_id: self.orgc_id.unsigned(),
            org_id: self.org_id.unsigned(),
            orgc_uuid: self.orgc.uuid.known(),
            published: self.published.known(),
            timestamp: self.timestamp.signed(),
        };
        let tags = self.tags.into_iter().filter_map(RawTag::into_inherited).collect();
        (self.id.unsigned(), summary, tags)
    }
}

/// Returns the tags of a row with those that stand beside its event: with the context alone, MISP lists the tags of the
/// event there.
pub(crate) fn with_inherited(mut tags: Vec<Tag>, inherited: &[Tag]) -> Vec<Tag> {
    for tag in inherited {
        if !tags.iter().any(|known| known.inherited && known.name == tag.name) {
            tags.push(tag.clone());
        }
    }
    tags
}

#[derive(Default, Deserialize)]
struct RawOrganisation {
    #[serde(default)]
    uuid: Id,
}

impl Row for Attribute {
    type Raw = RawAttribute;

    fn from_raw(raw: RawAttribute) -> Option<Self> {
        raw.into_attribute()
    }

    fn from_odd(element: &[u8]) -> Option<Self> {
        serde_json::from_slice::<RawAttribute<Skipped>>(element)
            .ok()?
            .into_attribute()
    }
}

impl<T: OptionalText> RawAttribute<T> {
    /// Returns none for a row without id, type or value: nothing can be done with it.
    fn into_attribute(self) -> Option<Attribute> {
        let raw = self;
        let (event_id, event, inherited) = raw.event.into_parts();
        let own = raw.tags.into_iter().filter_map(RawTag::into_tag).collect();
        Some(Attribute {
            id: raw.id.unsigned()?,
            event_id: raw.event_id.unsigned().or(event_id).unwrap_or(0),
            uuid: raw.uuid.known(),
            kind: raw.kind.into_option().filter(|kind| !kind.is_empty())?,
            category: raw.category.into_text().into_option().unwrap_or_default(),
            value: raw.value.into_option().filter(|value| !value.is_empty())?,
            comment: raw.comment.into_text().into_option().unwrap_or_default(),
            to_ids: raw.to_ids.or(false),
            deleted: raw.deleted.or(false),
            timestamp: raw.timestamp.signed().unwrap_or(0),
            distribution: raw.distribution.unsigned().and_then(|number| u8::try_from(number).ok()),
            first_seen: raw.first_seen.into_text().into_time(),
            last_seen: raw.last_seen.into_time(),
            last_sighting: raw.sightings.iter().filter_map(RawSighting::seen_at).max(),
            // MISP writes 0 for "in no object".
            object_id: raw.object_id.unsigned().filter(|id| *id > 0),
            object_relation: raw
                .object_relation
                .into_text()
                .into_option()
                .filter(|name| !name.is_empty()),
            tags: with_inherited(own, &inherited),
            warnings: raw.warnings.into_iter().filter_map(RawWarning::into_hit).collect(),
            event,
            extra: Map::new(),
        })
    }
}

/// An attribute with its unknown fields; reading it takes about twice as long.
pub(crate) struct WholeAttribute(pub(crate) Attribute);

#[derive(Deserialize)]
pub(crate) struct RawWhole {
    #[serde(flatten)]
    known: RawAttribute,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Row for WholeAttribute {
    type Raw = RawWhole;

    fn from_raw(raw: RawWhole) -> Option<Self> {
        let mut attribute = Attribute::from_raw(raw.known)?;
        attribute.extra = raw.extra;
        Some(Self(attribute))
    }

    fn from_odd(element: &[u8]) -> Option<Self> {
        Attribute::from_odd(element).map(Self)
    }
}

/// Reads MISP's JSON of one attribute.
impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = WholeAttribute::from_raw(RawWhole::deserialize(deserializer)?);
        whole
            .map(|whole| whole.0)
            .ok_or_else(|| de::Error::custom("an attribute without id, type or value"))
    }
}

/// Writes MISP's JSON, with times to the second. The sightings are not in it.
impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            id: self.id,
            event_id: self.event_id,
            uuid: self.uuid,
            kind: &self.kind,
            category: &self.category,
            value: &self.value,
            comment: &self.comment,
            to_ids: self.to_ids,
            deleted: self.deleted,
            timestamp: self.timestamp,
            distribution: self.distribution,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            object_id: self.object_id.unwrap_or(0),
            object_relation: self.object_relation.as_deref(),
            tags: &self.tags,
            warnings: self.warnings.iter().map(WrittenWarning::from).collect(),
            extra: &self.extra,
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    id: u64,
    event_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<Uuid>,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    category: &'a str,
    value: &'a str,
    comment: &'a str,
    to_ids: bool,
    deleted: bool,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<u8>,
    #[serde(serialize_with = "lenient::write_time")]
    first_seen: Option<i64>,
    #[serde(serialize_with = "lenient::write_time")]
    last_seen: Option<i64>,
    object_id: u64,
    object_relation: Option<&'a str>,
    #[serde(rename = "Tag", skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [Tag],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WrittenWarning<'a>>,
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"id": "9", "event_id": "4", "type": "ip-dst", "category": "Network activity", "value": "192.0.2.1",
        "comment": "c2", "to_ids": true, "deleted": false, "timestamp": "1000", "distribution": "5", "object_id": "3",
        "object_relation": "ip", "first_seen": "2025-02-01T00:00:00.000000+00:00", "last_seen": null,
        "Tag": [{"name": "tlp:green", "local": true}], "Galaxy": [{"name": "x"}], "sharing_group_id": "0"}"#;

    #[test]
    fn every_field_has_its_place_and_unknown_ones_are_extra() {
        let row: Attribute = serde_json::from_str(JSON).unwrap();
        assert_eq!(
            (row.category.as_str(), row.comment.as_str()),
            ("Network activity", "c2")
        );
        assert_eq!((row.first_seen, row.last_seen), (Some(1_738_368_000), None));
        assert_eq!((row.object_id, row.object_relation.as_deref()), (Some(3), Some("ip")));
        assert_eq!(row.distribution, Some(5));
        assert!(row.tags[0].local);
        let extra: Vec<&String> = row.extra.keys().collect();
        assert_eq!(extra, ["Galaxy", "sharing_group_id"]);
    }

    #[test]
    fn attribute_comes_back_as_it_was_written() {
        let row: Attribute = serde_json::from_str(JSON).unwrap();
        let again: Attribute = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        assert_eq!(again, row);
    }

    #[test]
    fn hits_of_warninglists_are_read_and_written() {
        let json = r#"{"id": 9, "type": "domain|ip", "value": "a.example.org|10.0.0.1", "warnings": [
            {"match": "10.0.0.0/8", "value": "10.0.0.1", "warninglist_id": "8", "warninglist_name": "Private",
             "warninglist_category": "known"}, {"match": "without a list"}]}"#;
        let row: Attribute = serde_json::from_str(json).unwrap();
        let [hit] = &row.warnings[..] else {
            panic!("{:?}", row.warnings)
        };
        assert_eq!((hit.id, &*hit.name, &*hit.category), (8, "Private", "known"));
        assert_eq!((&*hit.matched, &*hit.value), ("10.0.0.0/8", "10.0.0.1"));
        let again: Attribute = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        assert_eq!(again, row);
        let none: Attribute =
            serde_json::from_str(r#"{"id": 9, "type": "md5", "value": "0", "warnings": null}"#).unwrap();
        assert!(none.warnings.is_empty());
    }

    #[test]
    fn rows_of_a_search_have_no_extra() {
        let raw: RawAttribute = serde_json::from_str(JSON).unwrap();
        assert!(Attribute::from_raw(raw).unwrap().extra.is_empty());
    }

    #[test]
    fn attribute_without_a_value_is_an_error() {
        assert!(serde_json::from_str::<Attribute>(r#"{"id": 1, "type": "domain"}"#).is_err());
    }
}
