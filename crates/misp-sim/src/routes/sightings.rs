//! `/sightings/add` by values: hits and false positives (recordings 554 and 555).

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{Role, User},
    shared::Shared,
    store::{Reader, SightingView},
};

const NO_MATCH: &str = "Could not add the Sighting. Reason: No valid attributes found that match the criteria.";
const NO_VALUES: &str = "Could not add the Sighting. Reason: No valid attributes found.";
const BAD_TYPE: &str =
    "Could not add the Sighting. Reason: Invalid type, please change it before you POST 1000000 sightings.";

pub(super) fn add(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    if user.role == Role::ReadOnly {
        return Answer::usual_error(StatusCode::FORBIDDEN, &request.path_as_sent());
    }
    if request.method != Method::POST {
        return Answer::usual_error(StatusCode::METHOD_NOT_ALLOWED, &request.path_as_sent());
    }
    let fields = match request.json() {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let values = values(&fields);
    if values.is_empty() {
        return said(NO_VALUES, stringify);
    }
    let Some(kind) = kind(&fields) else {
        return said(BAD_TYPE, stringify);
    };
    let now = shared.clock.now();
    let seen_at = fields.get("timestamp").and_then(whole_number).unwrap_or(now);
    let source = fields.get("source").and_then(Value::as_str).unwrap_or_default().trim();
    let mut store = shared.write();
    let organisation = user.organisation;
    match store.add_sightings(&values, Reader::from(user), organisation, kind, source, seen_at) {
        // However many were added, the last one is shown.
        Some(last) => Answer::json(object([("Sighting", described(&last))]).pretty(stringify)),
        None => said(NO_MATCH, stringify),
    }
}

/// A refusal is 200 with a message.
fn said(message: &str, stringify: bool) -> Answer {
    Answer::json(object([("message", message.into())]).pretty(stringify))
}

/// `value` counts before `values`; a single text is a list of one.
fn values(fields: &Map<String, Value>) -> Vec<String> {
    let listed = fields.get("value").or_else(|| fields.get("values"));
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match listed {
        Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn kind(fields: &Map<String, Value>) -> Option<u8> {
    let number = match fields.get("type") {
        None => 0,
        Some(written) => whole_number(written)?,
    };
    u8::try_from(number).ok().filter(|kind| *kind <= 2)
}

fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn described(sighting: &SightingView) -> Node {
    object([
        ("id", sighting.id.into()),
        ("attribute_id", sighting.attribute.into()),
        ("event_id", sighting.event.into()),
        ("org_id", sighting.organisation.into()),
        (
            "date_sighting",
            u64::try_from(sighting.seen_at).unwrap_or_default().into(),
        ),
        ("uuid", Node::Text(sighting.uuid.to_string())),
        ("source", sighting.source.as_str().into()),
        ("type", u64::from(sighting.kind).into()),
    ])
}
