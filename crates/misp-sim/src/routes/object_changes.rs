//! `/objects/add/EVENT`, `/objects/edit/ID` and `/objects/delete/ID`.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    PageRequest,
    attribute_changes::add_one,
    changes::{done, forbidden, may_change, may_write, missing, not_yours, rejected},
    fields,
    whole_event::described_object,
};
use crate::{
    answer::Answer,
    json::object,
    model::User,
    query::number,
    shared::Shared,
    store::{ObjectRow, Store},
};

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
    match add_object(&mut store, id, &fields::unwrapped(request.json(), "Object")) {
        Ok(id) => answer(&store, id, stringify).unwrap_or_else(|| missing(request, "object")),
        Err(reason) => rejected("Could not add Object", "/objects/add", reason, stringify),
    }
}

/// Adds an object with its attributes, or returns the field and the reason why MISP would not accept it.
pub(super) fn add_object(
    store: &mut Store,
    event: u64,
    fields: &Map<String, Value>,
) -> Result<u64, (&'static str, &'static str)> {
    let attributes = fields::list(fields, "Attribute");
    let name = fields::text(fields, "name").filter(|name| !name.is_empty());
    let name = name.ok_or(("name", "Name cannot be empty."))?;
    // All or nothing: an object that lacks an attribute would be another one.
    for attribute in &attributes {
        fields::attribute(attribute)?;
    }
    let id = store.next_object();
    let unknown = |_| ("event_id", "Invalid event");
    store
        .add_object(ObjectRow {
            id,
            uuid: fields::uuid(fields)
                .unwrap_or_else(|| Uuid::from_u128(0x0b0b_0000_0000_4000_8000_0000_0000_0000 | u128::from(id))),
            event,
            name,
            meta_category: fields::text(fields, "meta-category").unwrap_or_default(),
            template_uuid: fields::text(fields, "template_uuid").unwrap_or_default(),
            template_version: number(fields.get("template_version")).unwrap_or(1).unsigned_abs(),
            comment: fields::text(fields, "comment").unwrap_or_default(),
            distribution: fields::level(fields, "distribution").unwrap_or(5),
            timestamp: 0,
            deleted: false,
        })
        .map_err(unknown)?;
    for attribute in &attributes {
        add_one(store, event, attribute, Some(id))?;
    }
    Ok(id)
}

pub(super) fn edit(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    let fields = fields::unwrapped(request.json(), "Object");
    change(shared, request, user, id, |store, id| {
        store.change_object(id, |known| {
            if let Some(comment) = fields::text(&fields, "comment") {
                known.comment = comment;
            }
            known.distribution = fields::level(&fields, "distribution").unwrap_or(known.distribution);
        })?;
        answer(store, id, stringify)
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
    let for_good = hard.first().is_some_and(|hard| *hard == "1");
    change(shared, request, user, id, |store, id| {
        store.delete_object(id, for_good)?;
        Some(done("Object deleted", &format!("/objects/delete/{id}"), stringify))
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
    let known = id.parse().ok().and_then(|id| store.object(id));
    let Some((id, event)) = known.map(|known| (known.id, known.event)) else {
        return missing(request, "object");
    };
    match store
        .event_meant(&event.to_string())
        .map(|event| may_change(user, event))
    {
        None => missing(request, "object"),
        Some(false) => not_yours(request),
        Some(true) => change(&mut store, id).unwrap_or_else(|| missing(request, "object")),
    }
}

fn answer(store: &Store, id: u64, stringify: bool) -> Option<Answer> {
    let known = store.object(id)?;
    let event = store.event_meant(&known.event.to_string())?;
    let rows = event.attributes.iter().map(|place| &store.attributes[*place as usize]);
    let rows = rows.filter(|row| !row.gone && !row.deleted && row.object().is_some_and(|object| object.id == id));
    let node = object([("Object", described_object(store, event, known, rows))]);
    Some(Answer::json(node.pretty(stringify)))
}
