//! `/events/index` in its minimal form, the light way to see what changed (facts 59 and 60).

use http::{Method, StatusCode, header};
use serde_json::Value;

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    model::User,
    query::{Refusal, TagFilter, Terms, TimeFilter, number, switch},
    search::by_id_or_uuid,
    shared::Shared,
    store::{EventRow, Reader, Store, event_is_visible},
};

pub(super) fn index(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    let mut filters = request.named();
    if request.method == Method::POST
        && let Some(Value::Object(body)) = request.json()
    {
        filters.extend(body);
    }
    // The full listing is not built; only `minimal` is, with any value (802).
    if !filters.contains_key("minimal") {
        return Answer::usual_error(StatusCode::NOT_FOUND, &request.path_as_sent());
    }
    let store = shared.read();
    let Ok(mut rows) = matching(&store, &filters, user.into(), shared.clock.now()) else {
        return Answer::usual_error(StatusCode::INTERNAL_SERVER_ERROR, &request.path_as_sent());
    };
    // Protected events are counted and not listed; those that seem to have no attributes are neither (801).
    rows.retain(|event| event.attribute_count > 0);
    let total = rows.len();
    sort(&mut rows, &filters);
    let listed = cut(&rows, &filters)
        .iter()
        .filter(|event| event.protected != Some(true));
    let page = Node::List(listed.map(|event| line(&store, event)).collect());
    let mut answer = Answer::json(page.pretty(stringify));
    answer.add(vec![("x-result-count", total.to_string())]);
    let known = request.header(header::IF_NONE_MATCH);
    if !known.is_empty() {
        let tag = etag(&answer.body);
        if known == tag {
            answer = Answer::empty(StatusCode::NOT_MODIFIED);
        }
        answer.set(header::ETAG, &tag);
    }
    answer
}

fn matching<'a>(
    store: &'a Store,
    filters: &serde_json::Map<String, Value>,
    reader: Reader,
    now: i64,
) -> Result<Vec<&'a EventRow>, Refusal> {
    let published = match filters.get("published") {
        Some(Value::Bool(false)) => Some(false),
        other => switch(other),
    };
    let ids = Terms::read(filters.get("eventid"))?;
    let tags = TagFilter::read(filters.get("tags"))?.map(|tags| tags.resolve(store));
    let timestamp = TimeFilter::read(filters.get("timestamp"), now);
    let wanted = store.events.iter().filter(|event| {
        event_is_visible(event, reader)
            && published.is_none_or(|published| event.published == published)
            && ids.as_ref().is_none_or(|ids| by_id_or_uuid(ids, event))
            && tags.as_ref().is_none_or(|tags| tags.admit(&[], &event.tags))
            && timestamp.is_none_or(|time| time.admits(event.timestamp))
    });
    Ok(wanted.collect())
}

/// Puts the events into the order that `sort` and `direction` name.
fn sort(rows: &mut [&EventRow], filters: &serde_json::Map<String, Value>) {
    rows.sort_by_key(|event| event.id);
    if filters.get("sort").and_then(Value::as_str) == Some("timestamp") {
        rows.sort_by_key(|event| event.timestamp);
    }
    if filters.get("direction").and_then(Value::as_str) == Some("desc") {
        rows.reverse();
    }
}

/// Returns the page that `limit` and `page` name.
pub(super) fn cut<'a, 'b>(rows: &'b [&'a EventRow], filters: &serde_json::Map<String, Value>) -> &'b [&'a EventRow] {
    let size = |key: &str| {
        number(filters.get(key))
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number > 0)
    };
    let Some(limit) = size("limit") else {
        return rows;
    };
    let from = size("page")
        .unwrap_or(1)
        .saturating_sub(1)
        .saturating_mul(limit)
        .min(rows.len());
    &rows[from..rows.len().min(from.saturating_add(limit))]
}

fn line(store: &Store, event: &EventRow) -> Node {
    let creator = store
        .organisation(event.creator)
        .map(|organisation| organisation.uuid.to_string());
    object([
        ("id", event.id.into()),
        ("timestamp", u64::try_from(event.timestamp).unwrap_or_default().into()),
        ("sighting_timestamp", 0.into()),
        ("published", event.published.into()),
        ("uuid", Node::Text(event.uuid.to_string())),
        ("orgc_uuid", creator.map_or(Node::Null, Node::Text)),
    ])
}

/// Returns a strong tag of the page: FNV-1a, which is enough to distinguish two pages here.
fn etag(body: &[u8]) -> String {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}
