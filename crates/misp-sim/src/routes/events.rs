//! `/events/index`, in its minimal form the light way to see what changed (facts 59 and 60).

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::{Map, Value};

use super::{PageRequest, Twist, event_list::EventList, event_order::EventOrder};
use crate::{
    answer::{Answer, etag},
    model::User,
    query::{Refusal, TagFilter, Terms, TimeFilter, number, switch},
    search::EventIds,
    shared::{IndexPage, Shared},
    store::{EventRow, Reader, Store},
};

/// How many pages are kept; a test or a program under test asks with few different filters.
const KEPT_PAGES: usize = 64;

/// Filters of a real MISP that are not built here.
const NOT_BUILT: &[&str] = &[
    "all",
    "analysis",
    "attribute",
    "datefrom",
    "dateuntil",
    "distribution",
    "email",
    "eventinfo",
    "hasproposal",
    "org",
    "sharinggroup",
    "threatlevel",
    "value",
];

/// Filters by time: what they mean changes with the clock, so their pages are not kept.
const TIMES: &[&str] = &["timestamp", "publish_timestamp", "publishtimestamp"];

pub(super) fn index(shared: &Shared, request: &PageRequest, user: &User, twist: Twist) -> Answer {
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
    // A filter that a real MISP has and the stand-in lacks: an answer without it would be a lie.
    if NOT_BUILT.iter().any(|key| filters.contains_key(*key)) {
        return Answer::usual_error(StatusCode::NOT_FOUND, &request.path_as_sent());
    }
    let list = EventList::asked_for(request, &filters);
    let Ok(page) = page(shared, &filters, user.into(), twist, list) else {
        return Answer::usual_error(StatusCode::INTERNAL_SERVER_ERROR, &request.path_as_sent());
    };
    let mut answer = list.answer(page.body);
    answer.add(vec![("x-result-count", page.total.to_string())]);
    answer.unless_known_as(request.header(header::IF_NONE_MATCH), &page.etag)
}

/// Returns the page, the one that was sent before where nothing changed since.
fn page(
    shared: &Shared,
    filters: &Map<String, Value>,
    reader: Reader,
    twist: Twist,
    list: EventList,
) -> Result<IndexPage, Refusal> {
    let key = format!("{reader:?} {twist:?} {list:?} {}", Value::Object(filters.clone()));
    let store = shared.read();
    let revision = shared.revision();
    let kept = shared.state().index_pages.get(&key).cloned();
    if let Some(page) = kept.filter(|page| page.revision == revision) {
        return Ok(page);
    }
    let mut rows = matching(&store, filters, reader, shared.clock.now())?;
    rows.retain(|event| twist.listed.admits(event));
    // Protected events are counted and not listed. With `minimal`, whatever its value, those that seem to have no
    // attributes are neither (801 to 803).
    if filters.contains_key("minimal") {
        rows.retain(|event| event.attribute_count > 0);
    }
    EventOrder::of_index(filters).sort(&mut rows);
    let listed = cut(&rows, filters).iter().filter(|event| event.protected != Some(true));
    let body = Bytes::from(list.body(&store, listed.copied(), twist.stringify));
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
    let tags = TagFilter::read_of_index(filters.get("tags"))?.map(|tags| tags.resolve(store));
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
