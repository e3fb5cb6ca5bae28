//! `/events/index` in its minimal form, the light way to see what changed (facts 59 and 60).

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::{Map, Value};

use super::{PageRequest, event_order::EventOrder};
use crate::{
    answer::Answer,
    json::{write_number, write_text},
    model::User,
    query::{Refusal, TagFilter, Terms, TimeFilter, number, switch},
    search::EventIds,
    shared::{IndexPage, Shared},
    store::{EventRow, Reader, Store},
};

/// How many pages are kept; a test or a program under test asks with few different filters.
const KEPT_PAGES: usize = 64;

/// Filters by time: what they mean changes with the clock, so their pages are not kept.
const TIMES: &[&str] = &["timestamp", "publish_timestamp", "publishtimestamp"];

pub(super) fn index(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    let mut filters = Map::new();
    for (key, value) in request.named() {
        let key = key.strip_prefix("search").unwrap_or(&key).to_owned();
        filters.insert(key, value);
    }
    if request.method == Method::POST
        && let Some(Value::Object(body)) = request.json()
    {
        filters.extend(body);
    }
    // The full listing is not built; only `minimal` is, with any value (802).
    if !filters.contains_key("minimal") {
        return Answer::usual_error(StatusCode::NOT_FOUND, &request.path_as_sent());
    }
    let Ok(page) = page(shared, &filters, user.into(), stringify) else {
        return Answer::usual_error(StatusCode::INTERNAL_SERVER_ERROR, &request.path_as_sent());
    };
    // The `ETag` is of the body alone, and is there only for a client that asks with some tag (571, 572).
    let known = request.header(header::IF_NONE_MATCH);
    let mut answer = if known == page.etag {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut answer = Answer::json_bytes(page.body);
        answer.add(vec![("x-result-count", page.total.to_string())]);
        answer
    };
    if !known.is_empty() {
        answer.set(header::ETAG, &page.etag);
    }
    answer
}

/// Returns the page, the one that was sent before where nothing changed since.
fn page(shared: &Shared, filters: &Map<String, Value>, reader: Reader, stringify: bool) -> Result<IndexPage, Refusal> {
    let key = format!("{reader:?} {stringify} {}", Value::Object(filters.clone()));
    let store = shared.read();
    let revision = shared.revision();
    let kept = shared.state().index_pages.get(&key).cloned();
    if let Some(page) = kept.filter(|page| page.revision == revision) {
        return Ok(page);
    }
    let mut rows = matching(&store, filters, reader, shared.clock.now())?;
    // Protected events are counted and not listed; those that seem to have no attributes are neither (801).
    rows.retain(|event| event.attribute_count > 0);
    EventOrder::of_index(filters).sort(&mut rows);
    let listed = cut(&rows, filters).iter().filter(|event| event.protected != Some(true));
    let body = Bytes::from(lines(&store, listed.copied(), stringify));
    let page = IndexPage {
        revision,
        total: rows.len(),
        etag: etag(&body),
        body,
    };
    if !TIMES.iter().any(|key| filters.contains_key(*key)) {
        let pages = &mut shared.state().index_pages;
        if pages.len() >= KEPT_PAGES {
            pages.clear();
        }
        pages.insert(key, page.clone());
    }
    Ok(page)
}

fn matching<'a>(
    store: &'a Store,
    filters: &Map<String, Value>,
    reader: Reader,
    now: i64,
) -> Result<Vec<&'a EventRow>, Refusal> {
    let published = match filters.get("published") {
        Some(Value::Bool(false)) => Some(false),
        other => switch(other),
    };
    let ids = EventIds::of(store, Terms::read(filters.get("eventid"))?.as_ref());
    let tags = TagFilter::read(filters.get("tags"))?.map(|tags| tags.resolve(store));
    let time = |key: &str| TimeFilter::read(filters.get(key), now);
    let timestamp = time("timestamp");
    let publish_timestamp = time("publish_timestamp").or_else(|| time("publishtimestamp"));
    let wanted = ids.rows(store).map(|(_, event)| event).filter(|event| {
        store.shows(event, reader)
            && published.is_none_or(|published| event.published == published)
            && tags.as_ref().is_none_or(|tags| tags.admit(&[], &event.tags))
            && timestamp.is_none_or(|time| time.admits(event.timestamp))
            && publish_timestamp.is_none_or(|time| time.admits(event.publish_timestamp))
    });
    Ok(wanted.collect())
}

/// Returns the page that `limit` and `page` name.
pub(super) fn cut<'a, 'b>(rows: &'b [&'a EventRow], filters: &Map<String, Value>) -> &'b [&'a EventRow] {
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

/// Writes the list with four spaces of indentation and nothing built in between, as it is sent often.
fn lines<'a>(store: &Store, events: impl Iterator<Item = &'a EventRow>, stringify: bool) -> Vec<u8> {
    let mut out = b"[".to_vec();
    let mut lead = "\n    {";
    for event in events {
        out.extend_from_slice(lead.as_bytes());
        let mut number = |key: &str, number: u64| {
            out.extend_from_slice(key.as_bytes());
            write_number(&mut out, number, stringify);
        };
        number("\n        \"id\": ", event.id);
        number(",\n        \"timestamp\": ", unsigned(event.timestamp));
        number(
            ",\n        \"sighting_timestamp\": ",
            unsigned(event.sighting_timestamp),
        );
        out.extend_from_slice(b",\n        \"published\": ");
        out.extend_from_slice(if event.published { b"true" } else { b"false" });
        out.extend_from_slice(b",\n        \"uuid\": ");
        write_text(&mut out, event.uuid.hyphenated().encode_lower(&mut [0; 36]));
        out.extend_from_slice(b",\n        \"orgc_uuid\": ");
        match store.organisation(event.creator) {
            Some(creator) => write_text(&mut out, creator.uuid.hyphenated().encode_lower(&mut [0; 36])),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b"\n    }");
        lead = ",\n    {";
    }
    out.extend_from_slice(if out.len() > 1 { b"\n]" } else { b"]" });
    out
}

fn unsigned(unix: i64) -> u64 {
    u64::try_from(unix).unwrap_or_default()
}

/// Returns a strong tag of the page: FNV-1a, which is enough to distinguish two pages here.
fn etag(body: &[u8]) -> String {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}
