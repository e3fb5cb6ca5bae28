//! A whole event.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::attribute_list::UsableAttributes;
use crate::json::lenient;
use crate::{Attribute, Object, Organisation, Tag};

/// A whole event with its attributes and objects.
///
/// ```
/// let json = r#"{"id": "71", "info": "Phishing wave", "published": true, "Attribute": [
///     {"id": "1", "type": "domain", "value": "bad.example.com"}], "Object": [], "Galaxy": []}"#;
/// let event: misp_client::Event = serde_json::from_str(json)?;
/// assert_eq!(event.info, "Phishing wave");
/// assert_eq!(event.all_attributes().count(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// MISP's number of the event; 0 when MISP did not send it.
    pub id: u64,
    /// The UUID, the same on every MISP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The title.
    pub info: String,
    /// The date, `YYYY-MM-DD`.
    pub date: String,
    /// 1 high, 2 medium, 3 low, 4 undefined.
    pub threat_level_id: Option<u8>,
    /// 0 initial, 1 ongoing, 2 completed.
    pub analysis: Option<u8>,
    /// Visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all, 4 a sharing group.
    pub distribution: Option<u8>,
    /// Whether it is published now.
    pub published: bool,
    /// The last change, in unix seconds. Publishing and unpublishing do not count.
    pub timestamp: i64,
    /// The last publication, in unix seconds; 0 for never.
    pub publish_timestamp: i64,
    /// MISP's own count of its attributes, which may be wrong.
    pub attribute_count: Option<u64>,
    /// The organisation that owns it on this MISP.
    #[serde(rename = "Org")]
    pub organisation: Option<Organisation>,
    /// The organisation that made it.
    #[serde(rename = "Orgc")]
    pub creator: Option<Organisation>,
    /// Its tags.
    #[serde(rename = "Tag")]
    pub tags: Vec<Tag>,
    /// Its attributes that are in no object.
    #[serde(rename = "Attribute")]
    pub attributes: Vec<Attribute>,
    /// Its objects.
    #[serde(rename = "Object")]
    pub objects: Vec<Object>,
    /// Attributes, in objects or not, that have no id, type or value and are left out.
    #[serde(skip)]
    pub unusable: u64,
    /// All fields that have no place above, as MISP sent them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Event {
    /// Returns all attributes: those in no object, then those of each object.
    pub fn all_attributes(&self) -> impl Iterator<Item = &Attribute> {
        let in_objects = self.objects.iter().flat_map(|object| &object.attributes);
        self.attributes.iter().chain(in_objects)
    }

    /// Returns true when the event itself has this tag.
    #[must_use]
    pub fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

/// The event on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawEvent {
    #[serde(deserialize_with = "lenient::number")]
    id: u64,
    #[serde(deserialize_with = "lenient::some_uuid")]
    uuid: Option<Uuid>,
    #[serde(deserialize_with = "lenient::text")]
    info: String,
    #[serde(deserialize_with = "lenient::text")]
    date: String,
    #[serde(deserialize_with = "lenient::some_level")]
    threat_level_id: Option<u8>,
    #[serde(deserialize_with = "lenient::some_level")]
    analysis: Option<u8>,
    #[serde(deserialize_with = "lenient::some_level")]
    distribution: Option<u8>,
    #[serde(deserialize_with = "lenient::flag")]
    published: bool,
    #[serde(deserialize_with = "lenient::unix")]
    timestamp: i64,
    #[serde(deserialize_with = "lenient::unix")]
    publish_timestamp: i64,
    #[serde(deserialize_with = "lenient::some_number")]
    attribute_count: Option<u64>,
    #[serde(rename = "Org")]
    organisation: Option<Organisation>,
    #[serde(rename = "Orgc")]
    creator: Option<Organisation>,
    #[serde(rename = "Tag", deserialize_with = "lenient::list")]
    tags: Vec<Tag>,
    #[serde(rename = "Attribute")]
    attributes: UsableAttributes,
    #[serde(rename = "Object", deserialize_with = "lenient::list")]
    objects: Vec<RawObject>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// An object whose attributes are counted where they cannot be used.
#[derive(Deserialize)]
struct RawObject {
    #[serde(default, rename = "Attribute")]
    attributes: UsableAttributes,
    #[serde(flatten)]
    object: Object,
}

impl From<RawEvent> for Event {
    fn from(raw: RawEvent) -> Self {
        let mut unusable = raw.attributes.unusable;
        let objects = raw.objects.into_iter().map(|RawObject { attributes, object }| {
            unusable += attributes.unusable;
            Object {
                attributes: attributes.list,
                ..object
            }
        });
        let objects = objects.collect();
        Self {
            id: raw.id,
            uuid: raw.uuid,
            info: raw.info,
            date: raw.date,
            threat_level_id: raw.threat_level_id,
            analysis: raw.analysis,
            distribution: raw.distribution,
            published: raw.published,
            timestamp: raw.timestamp,
            publish_timestamp: raw.publish_timestamp,
            attribute_count: raw.attribute_count,
            organisation: raw.organisation,
            creator: raw.creator,
            tags: raw.tags.into_iter().filter(|tag| !tag.name.is_empty()).collect(),
            attributes: raw.attributes.list,
            objects,
            unusable,
            extra: raw.extra,
        }
    }
}

/// Reads MISP's JSON of one event.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RawEvent::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_cannot_be_used_are_counted_and_the_others_stand() {
        let event: Event = serde_json::from_str(
            r#"{"id": "7", "Attribute": [{"id": 1, "type": "domain", "value": "a.example.com"}, {"id": 2, "type": "domain"}],
                "Object": [{"id": "3", "name": "domain-ip", "meta-category": "network", "Attribute": [{}, {"id": 4, "type": "ip-dst",
                "value": "192.0.2.1", "object_relation": "ip"}], "ObjectReference": []}], "Tag": [{"name": null}, {"name": "a"}],
                "Org": {"id": "2", "name": "Example CERT"}, "RelatedEvent": []}"#,
        )
        .unwrap();
        assert_eq!((event.id, event.unusable), (7, 2));
        assert_eq!(event.all_attributes().map(|row| row.id).collect::<Vec<_>>(), [1, 4]);
        assert_eq!((event.tags.len(), event.has_tag("a")), (1, true));
        assert_eq!(event.organisation.as_ref().unwrap().name, "Example CERT");
        assert_eq!(event.extra.keys().collect::<Vec<_>>(), ["RelatedEvent"]);
        let object = &event.objects[0];
        assert_eq!((object.id, object.meta_category.as_str()), (3, "network"));
        assert_eq!(object.extra.keys().collect::<Vec<_>>(), ["ObjectReference"]);
        let again: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(again, Event { unusable: 0, ..event });
    }
}
