//! `/attributes/view/ID`, `/attributes/add/EVENT`, `/attributes/edit/ID`, `/attributes/delete/ID` and
//! `/attributes/restore/ID` (recordings 547 to 549 and 560 to 568).

use http::{StatusCode, header::LOCATION};
use serde_json::{Map, Value};

use super::{
    PageRequest,
    changes::{forbidden, may_change, may_write, message, missing, not_yours, rejected},
    fields,
};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{InObject, User},
    query::truthy,
    shared::Shared,
    store::{AttributeRow, Reader, Store},
};

pub(super) fn view(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    let store = shared.read();
    let reader = Reader::from(user);
    let row = store
        .attribute_meant(id)
        .filter(|row| store.shows(store.event_of(row), reader));
    match row {
        None => missing(request, "attribute"),
        Some(row) if row.deleted => Answer::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "Invalid attribute",
            &request.path_as_sent(),
        ),
        Some(row) => {
            let mut keys = described(&store, row, false);
            keys.push((
                "event_uuid".to_owned(),
                Node::Text(store.event_of(row).uuid.to_string()),
            ));
            let tags = row.tags.iter().map(|attached| {
                let tag = &store.tags[attached.tag as usize];
                let worth = tag.numerical_value.and_then(|worth| u64::try_from(worth).ok());
                object([
                    ("id", tag.id.into()),
                    ("name", tag.name.as_str().into()),
                    ("colour", tag.colour.as_str().into()),
                    ("numerical_value", worth.map_or(Node::Null, Node::from)),
                    ("is_galaxy", tag.name.starts_with("misp-galaxy:").into()),
                    ("local", attached.local.into()),
                ])
            });
            if !row.tags.is_empty() {
                keys.push(("Tag".to_owned(), Node::List(tags.collect())));
            }
            let mut body = Vec::new();
            object([("Attribute", Node::Object(keys))]).compact(&mut body, stringify);
            Answer::json(body)
        }
    }
}

pub(super) fn add(shared: &Shared, request: &PageRequest, user: &User, event: &str, stringify: bool) -> Answer {
    if !may_write(user) {
        return forbidden(request);
    }
    let mut store = shared.write();
    let id = match store.event_meant(event) {
        None => return missing(request, "event"),
        Some(event) if !may_change(user, event) => return not_yours(request),
        Some(event) => event.id,
    };
    let fields = fields::unwrapped(request.json(), "Attribute");
    match add_one(&mut store, id, &fields, None) {
        Err(reason) => rejected("Could not add Attribute", "/attributes/add", reason, stringify),
        Ok(id) => {
            let Some(row) = store.attribute_meant(&id.to_string()) else {
                return missing(request, "attribute");
            };
            let page = object([
                ("Attribute", Node::Object(described(&store, row, true))),
                ("AttributeTag", Node::List(Vec::new())),
            ]);
            Answer::json(page.pretty(stringify))
        }
    }
}

/// Adds attributes one by one; those that MISP would not accept are left out.
pub(super) fn add_all(store: &mut Store, event: u64, list: &[Map<String, Value>], object: Option<u64>) {
    for fields in list {
        let _left_out = add_one(store, event, fields, object);
    }
}

/// Adds an attribute, or returns the field and the reason why MISP would not accept it.
pub(super) fn add_one(
    store: &mut Store,
    event: u64,
    fields: &Map<String, Value>,
    object: Option<u64>,
) -> Result<u64, (&'static str, &'static str)> {
    let mut attribute = fields::attribute(fields)?;
    attribute.object = object.map(|id| InObject {
        id,
        relation: fields::text(fields, "object_relation").unwrap_or_default(),
        distribution: 5,
    });
    let is_known = object.is_none()
        && store.event(event).is_some_and(|event| {
            event
                .attributes()
                .any(|known| !known.deleted() && known.kind() == attribute.kind && known.value() == attribute.value)
        });
    if is_known {
        return Err(("value", "A similar attribute already exists for this event."));
    }
    store
        .add_attribute(event, attribute)
        .map_err(|_| ("event_id", "Invalid event"))
}

pub(super) fn edit(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    let fields = fields::unwrapped(request.json(), "Attribute");
    change(shared, request, user, id, |store, id| {
        let changed = fields::attribute_fields(&fields);
        let kind = store.attribute(id)?.kind().to_owned();
        if let Some(Err(reason)) = changed.value.as_deref().map(|value| fields::check(&kind, value)) {
            return Some(rejected(
                "Could not edit Attribute",
                "/attributes/edit",
                reason,
                stringify,
            ));
        }
        store.change_attribute(id, changed).ok()?;
        let row = store.attribute_meant(&id.to_string())?;
        Some(Answer::json(
            object([("Attribute", Node::Object(described(store, row, false)))]).pretty(stringify),
        ))
    })
}

pub(super) fn delete(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
    id: &str,
    hard: &[&str],
    stringify: bool,
) -> Answer {
    let in_body = request.json().and_then(|body| body.get("hard").map(truthy));
    let for_good = hard.first().is_some_and(|hard| *hard == "1") || in_body == Some(true);
    change(shared, request, user, id, |store, id| {
        if for_good {
            store.hard_delete(id)
        } else {
            store.soft_delete(id)
        }
        .ok()?;
        Some(message("Attribute deleted.", stringify))
    })
}

/// MISP sends a program to the attribute's own page after it.
pub(super) fn restore(shared: &Shared, request: &PageRequest, user: &User, id: &str) -> Answer {
    change(shared, request, user, id, |store, id| {
        store.restore(id).ok()?;
        let mut answer = Answer::empty(StatusCode::FOUND);
        answer.set(LOCATION, &format!("http://{}/attributes/view/{id}", request.host()));
        Some(answer)
    })
}

fn change(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
    id: &str,
    change: impl FnOnce(&mut Store, u64) -> Option<Answer>,
) -> Answer {
    if !may_write(user) {
        return forbidden(request);
    }
    let mut store = shared.write();
    let found = store
        .attribute_meant(id)
        .map(|row| (row.id, may_change(user, store.event_of(row))));
    match found {
        None => missing(request, "attribute"),
        Some((_, false)) => not_yours(request),
        Some((id, true)) => change(&mut store, id).unwrap_or_else(|| missing(request, "attribute")),
    }
}

/// Returns the keys of an attribute by itself, with the halves of its value after it was added (560, 564).
fn described(store: &Store, row: &AttributeRow, with_halves: bool) -> Vec<(String, Node)> {
    let rare = row.rare.as_deref();
    let text = |text: Option<&str>| text.map_or(Node::Null, Node::from);
    let kind = store.names.name(row.kind);
    let (first, second) = row
        .value
        .split_once('|')
        .filter(|_| kind.contains('|'))
        .unwrap_or((&row.value, ""));
    let mut keys: Vec<(&str, Node)> = vec![
        ("id", row.id.into()),
        ("event_id", store.event_of(row).id.into()),
        ("object_id", row.object().map_or(0, |object| object.id).into()),
        (
            "object_relation",
            text(row.object().map(|object| object.relation.as_str())),
        ),
        ("category", store.names.name(row.category).into()),
        ("type", kind.into()),
    ];
    if with_halves {
        keys.extend([("value1", first.into()), ("value2", second.into())]);
    }
    keys.extend([
        ("to_ids", row.to_ids.into()),
        ("uuid", Node::Text(row.uuid.to_string())),
        ("timestamp", u64::try_from(row.timestamp).unwrap_or_default().into()),
        ("distribution", u64::from(row.distribution).into()),
        ("sharing_group_id", 0.into()),
        ("comment", rare.map_or("", |rare| &rare.comment).into()),
        ("deleted", row.deleted.into()),
        ("disable_correlation", false.into()),
        ("first_seen", text(rare.and_then(|rare| rare.first_seen.as_deref()))),
        ("last_seen", text(rare.and_then(|rare| rare.last_seen.as_deref()))),
        ("value", (&*row.value).into()),
    ]);
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
