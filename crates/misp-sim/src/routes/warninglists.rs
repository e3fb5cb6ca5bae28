//! `/warninglists/index`, `view/ID`, `export/ID` and `checkValue` (recordings 510 to 518).

use http::{StatusCode, header};
use serde_json::Value;

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{Warninglist, WarninglistKind},
    query::truthy,
    store::Store,
};

/// `/warninglists/index`, newest first; with `enabled` those that are switched on or off, with `value` those whose name
/// has the text in it.
pub(super) fn index(store: &Store, request: &PageRequest, stringify: bool) -> Answer {
    let filters = request.named_or_posted();
    let enabled = filters.get("enabled").map(truthy);
    let named = filters
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_lowercase();
    let listed = store.warninglists.iter().rev().filter(|list| {
        enabled.is_none_or(|enabled| list.enabled == enabled) && list.name.to_lowercase().contains(&named)
    });
    let line = |list: &Warninglist| {
        let mut entries = head(list);
        entries.push((
            "warninglist_entry_count".to_owned(),
            u64::try_from(list.entries.len()).unwrap_or_default().into(),
        ));
        entries.push((
            "valid_attributes".to_owned(),
            Node::Text(list.attribute_types.join(", ")),
        ));
        object([("Warninglist", Node::Object(entries))])
    };
    let page = object([("Warninglists", Node::List(listed.map(line).collect()))]);
    Answer::json(page.pretty(stringify)).unless_known(request.header(header::IF_NONE_MATCH))
}

/// `/warninglists/view/ID` with all entries.
pub(super) fn view(store: &Store, request: &PageRequest, id: &str, stringify: bool) -> Answer {
    let Some(list) = meant(store, id) else {
        return unknown(request);
    };
    let number = |index: usize| list.id * 1_000 + u64::try_from(index).unwrap_or_default() + 1;
    let entry = |(index, value): (usize, &String)| {
        object([
            ("id", number(index).into()),
            ("value", value.as_str().into()),
            ("warninglist_id", list.id.into()),
            ("comment", Node::Null),
        ])
    };
    let kind = |(index, kind): (usize, &String)| {
        object([
            ("id", number(index).into()),
            ("type", kind.as_str().into()),
            ("warninglist_id", list.id.into()),
        ])
    };
    let mut entries = head(list);
    entries.push((
        "WarninglistEntry".to_owned(),
        Node::List(list.entries.iter().enumerate().map(entry).collect()),
    ));
    entries.push((
        "WarninglistType".to_owned(),
        Node::List(list.attribute_types.iter().enumerate().map(kind).collect()),
    ));
    let page = object([("Warninglist", Node::Object(entries))]).pretty(stringify);
    Answer::json(page).unless_known(request.header(header::IF_NONE_MATCH))
}

/// `/warninglists/export/ID`: the entries alone, a fifth of the size.
pub(super) fn export(store: &Store, request: &PageRequest, id: &str, stringify: bool) -> Answer {
    let Some(list) = meant(store, id) else {
        return unknown(request);
    };
    let texts = |texts: &[String]| Node::List(texts.iter().map(|text| text.as_str().into()).collect());
    let page = object([
        ("name", list.name.as_str().into()),
        ("type", kind_name(list.kind).into()),
        ("version", list.version.into()),
        ("description", list.description.as_str().into()),
        ("matching_attributes", texts(&list.attribute_types)),
        ("list", texts(&list.entries)),
    ]);
    Answer::json(page.pretty(stringify)).unless_known(request.header(header::IF_NONE_MATCH))
}

fn meant<'a>(store: &'a Store, id: &str) -> Option<&'a Warninglist> {
    store.warninglists.iter().find(|list| id.parse() == Ok(list.id))
}

fn unknown(request: &PageRequest) -> Answer {
    Answer::error(StatusCode::NOT_FOUND, "Warninglist not found.", &request.path_as_sent())
}

/// `/warninglists/checkValue`.
pub(super) fn check(store: &Store, request: &PageRequest, stringify: bool) -> Answer {
    let values: Vec<String> = match request.json() {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let hits = values.into_iter().filter_map(|value| {
        let listed = store.checker.hits_of_any_type(&value).map(|hit| {
            object([
                ("id", hit.list.into()),
                ("name", hit.name.into()),
                ("matched", hit.matched.as_str().into()),
            ])
        });
        let hits: Vec<Node> = listed.collect();
        (!hits.is_empty()).then_some((value, Node::List(hits)))
    });
    let hits: Vec<(String, Node)> = hits.collect();
    if hits.is_empty() {
        // PHP writes an object without members as a list (518).
        return Answer::json(b"[]".to_vec());
    }
    Answer::json(Node::Object(hits).pretty(stringify))
}

fn head(list: &Warninglist) -> Vec<(String, Node)> {
    let entries: [(&str, Node); 8] = [
        ("id", list.id.into()),
        ("name", list.name.as_str().into()),
        ("type", kind_name(list.kind).into()),
        ("description", list.description.as_str().into()),
        ("version", list.version.into()),
        ("enabled", list.enabled.into()),
        ("default", true.into()),
        ("category", "false_positive".into()),
    ];
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn kind_name(kind: WarninglistKind) -> &'static str {
    match kind {
        WarninglistKind::Cidr => "cidr",
        WarninglistKind::Hostname => "hostname",
        WarninglistKind::String => "string",
        WarninglistKind::Substring => "substring",
        WarninglistKind::Regex => "regex",
    }
}
