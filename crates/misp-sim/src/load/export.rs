//! MISP's own export of an event; unknown keys are passed over, since it has many.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Loaded, from};
use crate::model::{self, InObject, Moment, Organisation, Publication, Tag, TagUse};

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    id: Value,
    uuid: Option<Uuid>,
    info: String,
    date: Option<String>,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    published: bool,
    #[serde(default)]
    publish_timestamp: Value,
    #[serde(default)]
    distribution: Value,
    #[serde(default)]
    threat_level_id: Value,
    #[serde(default)]
    analysis: Value,
    #[serde(default)]
    attribute_count: Value,
    protected: Option<bool>,
    event_creator_email: Option<String>,
    #[serde(rename = "Orgc")]
    creator: Option<Org>,
    #[serde(rename = "Org")]
    owner: Option<Org>,
    #[serde(rename = "Tag", default)]
    tags: Vec<ExportedTag>,
    #[serde(rename = "Attribute", default)]
    attributes: Vec<Attribute>,
    #[serde(rename = "Object", default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Org {
    name: String,
    uuid: Uuid,
}

#[derive(Deserialize)]
struct ExportedTag {
    name: String,
    colour: Option<String>,
    #[serde(default)]
    local: bool,
    exportable: Option<bool>,
    numerical_value: Option<Value>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    distribution: Value,
    #[serde(rename = "Attribute", default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(default)]
    id: Value,
    uuid: Option<Uuid>,
    #[serde(rename = "type")]
    kind: String,
    category: Option<String>,
    value: String,
    #[serde(default)]
    to_ids: bool,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    distribution: Value,
    first_seen: Option<String>,
    last_seen: Option<String>,
    object_relation: Option<String>,
    #[serde(rename = "Tag", default)]
    tags: Vec<ExportedTag>,
}

impl Event {
    pub(super) fn add_to(self, loaded: &mut Loaded) -> Result<(), String> {
        let changed = int(&self.timestamp);
        let publish = int(&self.publish_timestamp).unwrap_or(0);
        let publication = match (self.published, publish) {
            (true, at) => Publication::Published((at > 0).then_some(Moment::At(at))),
            (false, 0) => Publication::Draft,
            (false, at) if changed.is_some_and(|changed| changed > at) => Publication::Edited(Moment::At(at)),
            (false, at) => Publication::Withdrawn(Some(Moment::At(at))),
        };
        let tags = tag_uses(&self.tags, loaded);
        let mut attributes = Vec::new();
        for attribute in self.attributes {
            attributes.push(attribute.into_model(None, loaded));
        }
        for object in self.objects {
            let place = (int(&object.id).unwrap_or(0), int(&object.distribution).unwrap_or(5));
            attributes.extend(
                object
                    .attributes
                    .into_iter()
                    .map(|attribute| attribute.into_model(Some(place), loaded)),
            );
        }
        let mut organisation = |raw: Option<Org>| {
            raw.map(|raw| {
                loaded.organisations.push(Organisation::new(raw.name.clone(), raw.uuid));
                raw.name
            })
        };
        let (creator, owner) = (organisation(self.creator), organisation(self.owner));
        loaded.events.push(model::Event {
            id: small(&self.id, 0),
            uuid: self.uuid,
            info: self.info,
            creator,
            owner,
            changed: changed.map(Moment::At),
            date: self.date,
            publication,
            distribution: small(&self.distribution, 1),
            threat_level: small(&self.threat_level_id, 4),
            analysis: small(&self.analysis, 0),
            tags,
            attributes,
            protected: self.protected == Some(true),
            attribute_count: int(&self.attribute_count).and_then(|count| u64::try_from(count).ok()),
            creator_email: self
                .event_creator_email
                .unwrap_or_else(|| model::Event::new("").creator_email),
        });
        Ok(())
    }
}

impl Attribute {
    fn into_model(self, object: Option<(i64, i64)>, loaded: &mut Loaded) -> model::Attribute {
        let object = object.map(|(id, distribution)| InObject {
            id: u64::try_from(id).unwrap_or_default(),
            relation: self.object_relation.unwrap_or_default(),
            distribution: u8::try_from(distribution).unwrap_or(5),
        });
        model::Attribute {
            id: small(&self.id, 0),
            uuid: self.uuid,
            kind: self.kind,
            category: self.category,
            value: self.value,
            to_ids: self.to_ids,
            changed: int(&self.timestamp).map(Moment::At),
            deleted: self.deleted,
            comment: self.comment.unwrap_or_default(),
            distribution: small(&self.distribution, 5),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            object,
            tags: tag_uses(&self.tags, loaded),
        }
    }
}

fn tag_uses(tags: &[ExportedTag], loaded: &mut Loaded) -> Vec<TagUse> {
    for raw in tags {
        let usual = Tag::new(raw.name.as_str());
        let colour = raw.colour.clone().unwrap_or(usual.colour);
        loaded.tags.push(Tag {
            id: 0,
            name: usual.name,
            colour,
            exportable: raw.exportable.unwrap_or(true),
            numerical_value: crate::query::number(raw.numerical_value.as_ref()),
        });
    }
    tags.iter()
        .map(|raw| TagUse {
            name: raw.name.clone(),
            local: raw.local,
        })
        .collect()
}

/// Reads a number that may stand in quotes.
fn int(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| from::<String>(value.clone()).ok()?.parse().ok())
}

fn small<T: TryFrom<i64>>(value: &Value, usual: T) -> T {
    int(value).and_then(|number| T::try_from(number).ok()).unwrap_or(usual)
}
