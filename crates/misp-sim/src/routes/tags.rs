//! `/tags/index`, `/tags/view/ID` and `/tags/search` (recordings 520 to 524 and 705).

use http::StatusCode;
use serde_json::Value;

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    model::Tag,
    query::{like, truthy},
    store::{Reader, Store, TagRef},
};

/// How often each tag is used, by its place.
#[derive(Debug)]
struct Uses {
    /// Events that the reader sees, as MISP counts them: local tags and protected events too.
    events: Vec<u64>,
    attributes: Vec<u64>,
}

impl Uses {
    /// Counts the attributes of the whole site, soft deleted and hidden ones too, as `/tags/index` does.
    fn of_site(store: &Store, reader: Reader) -> Self {
        Self::count(store, reader, false)
    }

    /// Counts the live attributes that the reader sees, as `/tags/view` does.
    fn of_reader(store: &Store, reader: Reader) -> Self {
        Self::count(store, reader, true)
    }

    fn count(store: &Store, reader: Reader, seen: bool) -> Self {
        let mut uses = Self {
            events: vec![0; store.tags.len()],
            attributes: vec![0; store.tags.len()],
        };
        let add = |counts: &mut [u64], tags: &[TagRef]| {
            for attached in tags {
                counts[attached.tag as usize] += 1;
            }
        };
        for event in store.events.iter().filter(|event| store.shows(event, reader)) {
            add(&mut uses.events, &event.tags);
        }
        for row in store.attributes.iter().filter(|row| !row.gone && !row.tags.is_empty()) {
            if !seen || (!row.deleted && store.shows_row(row, reader)) {
                add(&mut uses.attributes, &row.tags);
            }
        }
        uses
    }
}

/// Answers `/tags/index`: the tags by name, with `searchall` those whose name has the text in it, with `name` one tag.
///
/// Other arguments, `limit` and `page` among them, change nothing (fact 48).
pub(super) fn index(store: &Store, request: &PageRequest, reader: Reader, stringify: bool) -> Answer {
    let filters = request.named_or_posted();
    let text = |key: &str| {
        filters
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    let (part, name) = (text("searchall"), text("name"));
    let mut tags: Vec<(usize, &Tag)> = store.tags.iter().enumerate().collect();
    tags.retain(|(_, tag)| {
        let known = tag.name.to_lowercase();
        known.contains(&part) && (name.is_empty() || known == name)
    });
    tags.sort_by_cached_key(|(_, tag)| tag.name.to_lowercase());
    let counted = !filters.get("exclude_statistics").is_some_and(truthy);
    let uses = Uses::of_site(store, reader);
    let line = |(place, tag): (usize, &Tag)| {
        let mut keys = described(tag);
        keys.push(("favourite".to_owned(), false.into()));
        if counted {
            keys.extend(counts(&uses, place));
        }
        Node::Object(keys)
    };
    let mut body = Vec::new();
    object([("Tag", Node::List(tags.into_iter().map(line).collect()))]).compact(&mut body, stringify);
    Answer::json(body)
}

pub(super) fn view(store: &Store, request: &PageRequest, reader: Reader, id: &str, stringify: bool) -> Answer {
    let Some(place) = store.tags.iter().position(|tag| id.parse() == Ok(tag.id)) else {
        return Answer::error(StatusCode::NOT_FOUND, "Invalid tag", &request.path_as_sent());
    };
    let mut keys = described(&store.tags[place]);
    keys.extend(counts(&Uses::of_reader(store, reader), place));
    Answer::json(Node::Object(keys).pretty(stringify))
}

/// Answers `/tags/search`: tags whose whole name is like the text, with `%` as a wildcard; without counts.
pub(super) fn search(store: &Store, request: &PageRequest, in_path: Option<&str>, stringify: bool) -> Answer {
    let wanted: Vec<String> = match request.json() {
        Some(Value::Object(fields)) => fields.get("tag").map(texts).unwrap_or_default(),
        Some(list) => texts(&list),
        // An encoded `%` in the path finds nothing (522).
        None => in_path.map(str::to_owned).into_iter().collect(),
    };
    let found = store
        .tags
        .iter()
        .filter(|tag| wanted.iter().any(|wanted| like(wanted, &tag.name)));
    let list = found
        .map(|tag| object([("Tag", Node::Object(described(tag)))]))
        .collect();
    Answer::json(Node::List(list).pretty(stringify))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn described(tag: &Tag) -> Vec<(String, Node)> {
    #[expect(clippy::cast_precision_loss, reason = "numerical values of tags are small")]
    let worth = tag
        .numerical_value
        .map_or(Node::Null, |worth| Node::Decimal(worth as f64));
    let keys: [(&str, Node); 11] = [
        ("id", tag.id.into()),
        ("name", tag.name.as_str().into()),
        ("colour", tag.colour.as_str().into()),
        ("exportable", tag.exportable.into()),
        ("org_id", 0.into()),
        ("user_id", 0.into()),
        ("hide_tag", false.into()),
        ("numerical_value", worth),
        ("is_galaxy", tag.name.starts_with("misp-galaxy:").into()),
        ("is_custom_galaxy", false.into()),
        ("local_only", false.into()),
    ];
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Counted at each request, so never in quotes.
fn counts(uses: &Uses, place: usize) -> [(String, Node); 2] {
    #[expect(clippy::cast_precision_loss, reason = "a test has fewer than 2^53 of anything")]
    let count = |counts: &[u64]| Node::Decimal(counts[place] as f64);
    [
        ("count".to_owned(), count(&uses.events)),
        ("attribute_count".to_owned(), count(&uses.attributes)),
    ]
}
