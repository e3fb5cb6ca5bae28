//! `/sightings/restSearch`, of a range of time or of one attribute or event (recording 556).

use http::StatusCode;

use super::{PageRequest, fields, sightings::described};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::User,
    query::TimeFilter,
    shared::Shared,
    store::Reader,
};

const NO_ID: &str = "An ID or UUID must be provided if the context is set.";

/// Answers with the sightings of one attribute or event, or without a context with those of the site.
///
/// `from` and `to`, or `last`, name the time; without them and without a context it is the last 30 days.
pub(super) fn search(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
    context: Option<&str>,
    stringify: bool,
) -> Answer {
    let fields = fields::unwrapped(request.json(), "request");
    let id = fields::text(&fields, "id").or_else(|| fields::text(&fields, "uuid"));
    let id = match (context, id) {
        (Some(_), None) => return Answer::error(StatusCode::BAD_REQUEST, NO_ID, &request.path_as_sent()),
        (_, id) => id.unwrap_or_default(),
    };
    let range = match (fields.get("from"), fields.get("to"), fields.get("last"), context) {
        (Some(from), Some(to), _, _) => Some(vec![from.clone(), to.clone()].into()),
        (_, _, Some(last), _) => Some(last.clone()),
        (_, _, None, None) => Some("30d".into()),
        (_, _, None, Some(_)) => None,
    };
    let range = TimeFilter::read(range.as_ref(), shared.clock.now());
    let store = shared.read();
    let reader = Reader::from(user);
    let attribute = store.attribute_meant(&id).map(|row| row.id);
    let event = store.event_meant(&id).map(|event| event.id);
    let found = store.sightings().filter(|seen| {
        let is_meant = match context {
            Some("attribute") => Some(seen.attribute) == attribute,
            Some(_) => Some(seen.event) == event,
            None => true,
        };
        is_meant
            && range.is_none_or(|range| range.admits(seen.seen_at))
            && store
                .attribute_slot(seen.attribute)
                .is_some_and(|slot| store.shows_row(&store.attributes[slot], reader))
    });
    let list: Vec<Node> = found.map(|seen| object([("Sighting", described(seen))])).collect();
    let mut body = b"{\"response\": ".to_vec();
    Node::List(list).compact(&mut body, stringify);
    body.extend_from_slice(b"}\n");
    Answer::json(body)
}
