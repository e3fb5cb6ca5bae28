//! `/sightings/restSearch/attribute` and `/event` (recording 556).

use http::StatusCode;

use super::{PageRequest, fields, sightings::described};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::User,
    shared::Shared,
    store::Reader,
};

const NO_ID: &str = "An ID or UUID must be provided if the context is set.";

pub(super) fn search(shared: &Shared, request: &PageRequest, user: &User, context: &str, stringify: bool) -> Answer {
    let fields = fields::unwrapped(request.json(), "request");
    let id = fields::text(&fields, "id").or_else(|| fields::text(&fields, "uuid"));
    let Some(id) = id else {
        return Answer::error(StatusCode::BAD_REQUEST, NO_ID, &request.path_as_sent());
    };
    let store = shared.read();
    let reader = Reader::from(user);
    let attribute = store.attribute_meant(&id).map(|row| row.id);
    let event = store.event_meant(&id).map(|event| event.id);
    let found = store.sightings().filter(|seen| {
        let is_meant = match context {
            "attribute" => Some(seen.attribute) == attribute,
            _ => Some(seen.event) == event,
        };
        is_meant
            && store
                .event_meant(&seen.event.to_string())
                .is_some_and(|event| store.shows(event, reader))
    });
    let list: Vec<Node> = found.map(|seen| object([("Sighting", described(seen))])).collect();
    let mut body = b"{\"response\": ".to_vec();
    Node::List(list).compact(&mut body, stringify);
    body.extend_from_slice(b"}\n");
    Answer::json(body)
}
