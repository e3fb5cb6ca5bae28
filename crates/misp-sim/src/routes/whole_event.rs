//! `/events/view/ID` and whole events in `/events/restSearch` (recordings 440, 530 to 534).

use http::StatusCode;

use super::{
    PageRequest,
    event_metadata::{ShownTags, described},
};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::User,
    shared::Shared,
    store::{AttributeRow, EventRow, ObjectRow, Reader, Store},
};

pub(super) fn view(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    let store = shared.read();
    let reader = Reader::from(user);
    match store.event_meant(id).filter(|event| store.shows(event, reader)) {
        Some(event) => Answer::json(wrapped(&store, event, reader, ShownTags::ALL).pretty(stringify)),
        None => Answer::error(StatusCode::NOT_FOUND, "Invalid event", &request.path_as_sent()),
    }
}

/// Returns `{"Event": {…}}`.
pub(super) fn wrapped(store: &Store, event: &EventRow, reader: Reader, shown: ShownTags) -> Node {
    object([("Event", whole(store, event, reader, shown))])
}

/// Returns the event with its live attributes and objects, in MISP's key order.
fn whole(store: &Store, event: &EventRow, reader: Reader, shown: ShownTags) -> Node {
    let rows = || {
        let rows = event.attributes.iter().map(|place| &store.attributes[*place as usize]);
        rows.filter(|row| !row.gone && !row.deleted)
            .filter(|row| row.distribution != 0 || reader.sees_everything || event.owner == reader.organisation)
    };
    let loose = rows().filter(|row| object_id(row) == 0);
    let loose = loose.map(|row| attribute(store, event, row)).collect();
    let objects = store.objects_of(event.id).filter(|known| !known.deleted);
    let objects =
        objects.map(|known| described_object(store, event, known, rows().filter(|row| object_id(row) == known.id)));
    let mut keys = match described(store, event, reader, shown) {
        Node::Object(keys) => keys,
        other => return other,
    };
    let empty = |key: &str| (key.to_owned(), Node::List(Vec::new()));
    let at = keys
        .iter()
        .position(|(key, _)| key == "RelatedEvent")
        .unwrap_or(keys.len());
    keys.splice(
        at..at,
        [("Attribute".to_owned(), Node::List(loose)), empty("ShadowAttribute")],
    );
    let at = keys
        .iter()
        .position(|(key, _)| key == "CryptographicKey")
        .unwrap_or(keys.len());
    keys.splice(
        at..at,
        [
            ("Object".to_owned(), Node::List(objects.collect())),
            empty("EventReport"),
        ],
    );
    Node::Object(keys)
}

fn object_id(row: &AttributeRow) -> u64 {
    row.object().map_or(0, |object| object.id)
}

/// Returns an attribute as it stands in a whole event.
fn attribute(store: &Store, event: &EventRow, row: &AttributeRow) -> Node {
    let text = |text: Option<&str>| text.map_or(Node::Null, Node::from);
    let rare = row.rare.as_deref();
    let node = object([
        ("id", row.id.into()),
        ("type", store.names.name(row.kind).into()),
        ("category", store.names.name(row.category).into()),
        ("to_ids", row.to_ids.into()),
        ("uuid", Node::Text(row.uuid.to_string())),
        ("event_id", event.id.into()),
        ("distribution", u64::from(row.distribution).into()),
        ("timestamp", unsigned(row.timestamp).into()),
        ("comment", rare.map_or("", |rare| &rare.comment).into()),
        ("sharing_group_id", 0.into()),
        ("deleted", row.deleted.into()),
        ("disable_correlation", false.into()),
        ("object_id", object_id(row).into()),
        (
            "object_relation",
            text(row.object().map(|object| object.relation.as_str())),
        ),
        ("first_seen", text(rare.and_then(|rare| rare.first_seen.as_deref()))),
        ("last_seen", text(rare.and_then(|rare| rare.last_seen.as_deref()))),
        ("value", (&*row.value).into()),
        ("Galaxy", Node::List(Vec::new())),
        ("ShadowAttribute", Node::List(Vec::new())),
    ]);
    let Node::Object(mut keys) = node else { return node };
    if !row.tags.is_empty() {
        let tags = row
            .tags
            .iter()
            .map(|attached| super::event_metadata::tag(store, attached));
        keys.push(("Tag".to_owned(), Node::List(tags.collect())));
    }
    Node::Object(keys)
}

/// Returns an object with these attributes.
pub(super) fn described_object<'a>(
    store: &Store,
    event: &EventRow,
    known: &ObjectRow,
    rows: impl Iterator<Item = &'a AttributeRow>,
) -> Node {
    let attributes = rows.map(|row| attribute(store, event, row)).collect();
    object([
        ("id", known.id.into()),
        ("name", known.name.as_str().into()),
        ("meta-category", known.meta_category.as_str().into()),
        ("description", "".into()),
        ("template_uuid", known.template_uuid.as_str().into()),
        ("template_version", known.template_version.into()),
        ("event_id", event.id.into()),
        ("uuid", Node::Text(known.uuid.to_string())),
        ("timestamp", unsigned(known.timestamp).into()),
        ("distribution", u64::from(known.distribution).into()),
        ("sharing_group_id", 0.into()),
        ("comment", known.comment.as_str().into()),
        ("deleted", known.deleted.into()),
        ("first_seen", Node::Null),
        ("last_seen", Node::Null),
        ("ObjectReference", Node::List(Vec::new())),
        ("Attribute", Node::List(attributes)),
    ])
}

fn unsigned(unix: i64) -> u64 {
    u64::try_from(unix).unwrap_or_default()
}
