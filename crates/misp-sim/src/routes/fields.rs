//! Reads events, attributes and objects from the body of a request that writes.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    model::{Attribute, Event, Publication, TagUse},
    query::{number, truthy},
    store::{AttributeFields, EventFields},
};

/// Returns the fields of a body, which MISP takes bare or wrapped: `{"Event": {…}}`.
pub(super) fn unwrapped(body: Option<Value>, name: &str) -> Map<String, Value> {
    match body {
        Some(Value::Object(mut keys)) => match keys.remove(name) {
            Some(Value::Object(inner)) => inner,
            _ => keys,
        },
        _ => Map::new(),
    }
}

pub(super) fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    match fields.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn level(fields: &Map<String, Value>, key: &str) -> Option<u8> {
    number(fields.get(key)).and_then(|number| u8::try_from(number).ok())
}

pub(super) fn uuid(fields: &Map<String, Value>) -> Option<Uuid> {
    text(fields, "uuid")?.parse().ok()
}

pub(super) fn list(fields: &Map<String, Value>, key: &str) -> Vec<Map<String, Value>> {
    let items = fields.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| match item {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
        .collect()
}

fn tags(fields: &Map<String, Value>) -> Vec<TagUse> {
    let tags = list(fields, "Tag").into_iter();
    tags.filter_map(|tag| {
        Some(TagUse {
            name: text(&tag, "name")?,
            local: tag.get("local").is_some_and(truthy),
        })
    })
    .collect()
}

/// Returns the attribute, or the reasons by field why MISP does not store it (recording 562).
pub(super) fn attribute(fields: &Map<String, Value>) -> Result<Attribute, (&'static str, &'static str)> {
    let kind = text(fields, "type").filter(|kind| !kind.is_empty());
    let kind = kind.ok_or(("type", "Type cannot be empty."))?;
    let value = text(fields, "value").unwrap_or_default().trim().to_owned();
    check(&kind, &value)?;
    let mut attribute = Attribute::new(kind, value);
    attribute.uuid = uuid(fields);
    attribute.category = text(fields, "category");
    attribute.to_ids = fields.get("to_ids").is_some_and(truthy);
    attribute.comment = text(fields, "comment").unwrap_or_default();
    attribute.distribution = level(fields, "distribution").unwrap_or(5);
    attribute.first_seen = text(fields, "first_seen");
    attribute.last_seen = text(fields, "last_seen");
    attribute.tags = tags(fields);
    Ok(attribute)
}

/// Checks a value as MISP does: addresses and composites; other types take any text here.
pub(super) fn check(kind: &str, value: &str) -> Result<(), (&'static str, &'static str)> {
    if value.is_empty() {
        return Err(("value", "Value cannot be empty."));
    }
    let is_address = |text: &str| {
        text.split('/')
            .next()
            .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())
    };
    match kind {
        "ip-src" | "ip-dst" if !is_address(value) => Err(("value", "IP address has an invalid format.")),
        kind if kind.contains('|') && !value.contains('|') => Err((
            "value",
            "Composite type found but the value not in the composite (value1|value2) format.",
        )),
        _ => Ok(()),
    }
}

pub(super) fn attribute_fields(fields: &Map<String, Value>) -> AttributeFields {
    AttributeFields {
        value: text(fields, "value"),
        category: text(fields, "category"),
        to_ids: fields.get("to_ids").map(truthy),
        comment: text(fields, "comment"),
        distribution: level(fields, "distribution"),
        first_seen: text(fields, "first_seen"),
        last_seen: text(fields, "last_seen"),
    }
}

/// Returns the event without its attributes and objects.
pub(super) fn event(fields: &Map<String, Value>, creator: &str, email: &str) -> Option<Event> {
    let mut event = Event::new(text(fields, "info").filter(|info| !info.is_empty())?)
        .creator(creator)
        .publication(Publication::Draft);
    event.uuid = uuid(fields);
    event.date = text(fields, "date");
    event.threat_level = level(fields, "threat_level_id").unwrap_or(4);
    event.analysis = level(fields, "analysis").unwrap_or(0);
    event.distribution = level(fields, "distribution").unwrap_or(1);
    event.tags = tags(fields);
    event.creator_email = email.to_owned();
    Some(event)
}

pub(super) fn event_fields(fields: &Map<String, Value>) -> EventFields {
    EventFields {
        info: text(fields, "info"),
        date: text(fields, "date"),
        threat_level: level(fields, "threat_level_id"),
        analysis: level(fields, "analysis"),
        distribution: level(fields, "distribution"),
    }
}
