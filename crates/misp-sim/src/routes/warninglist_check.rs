//! `/warninglists/checkValue` (recordings 516 to 518).

use serde_json::Value;

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    store::Store,
};

pub(super) fn check(store: &Store, request: &PageRequest, stringify: bool) -> Answer {
    let values: Vec<String> = match request.json() {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let hits = values.into_iter().filter_map(|value| {
        let hits: Vec<Node> = store
            .warninglists
            .iter()
            .filter(|list| list.enabled)
            .filter_map(|list| {
                let matched = crate::warninglist::matched(list, &value)?;
                Some(object([
                    ("id", list.id.into()),
                    ("name", list.name.as_str().into()),
                    ("matched", matched.as_str().into()),
                ]))
            })
            .collect();
        (!hits.is_empty()).then_some((value, Node::List(hits)))
    });
    let hits: Vec<(String, Node)> = hits.collect();
    if hits.is_empty() {
        // PHP writes an object without members as a list (518).
        return Answer::json(b"[]".to_vec());
    }
    Answer::json(Node::Object(hits).pretty(stringify))
}
