//! Answers of a MISP that has far too much of something, made while they are sent.

use bytes::Bytes;

use crate::{
    answer::{Answer, Delivery},
    body::Script,
};

/// How many items a piece of the body has.
const PIECE: u64 = 1_000;

/// Answers the minimal index with made-up events; a refusal is passed on.
pub(super) fn index(mut answer: Answer, events: u64) -> Delivery {
    if !answer.status.is_success() {
        return Delivery::Answer(answer);
    }
    answer.add(vec![("x-result-count", events.to_string())]);
    let event = |number: u64| {
        format!(
            "{{\"id\":\"{number}\",\"timestamp\":\"1700000000\",\"sighting_timestamp\":\"0\",\"published\":true,\
             \"uuid\":\"e0000000-0000-4000-8000-{number:012x}\",\"orgc_uuid\":\"5c0ba7a0-0001-4000-8000-000000000001\"}}"
        )
    };
    Delivery::Script(answer, list("[", event, events, "]"))
}

/// Answers metadata with one made-up event that has that many tags; a refusal is passed on.
pub(super) fn tags(mut answer: Answer, tags: u64) -> Delivery {
    if !answer.status.is_success() {
        return Delivery::Answer(answer);
    }
    answer.add(vec![("x-result-count", "1".to_owned())]);
    let tag = |number: u64| {
        format!(
            "{{\"id\":\"{number}\",\"name\":\"example:flood=\\\"{number}\\\"\",\"colour\":\"#336699\",\"exportable\":true,\
             \"user_id\":\"0\",\"hide_tag\":false,\"numerical_value\":null,\"is_galaxy\":false,\"is_custom_galaxy\":false,\
             \"local_only\":false,\"local\":false,\"relationship_type\":null}}"
        )
    };
    let start = "{\"response\": [{\"Event\":{\"id\":\"1\",\"orgc_id\":\"1\",\"org_id\":\"1\",\"date\":\"2026-01-01\",\
                 \"threat_level_id\":\"4\",\"info\":\"flood\",\"published\":true,\
                 \"uuid\":\"e0000000-0000-4000-8000-000000000001\",\"attribute_count\":\"1\",\"analysis\":\"0\",\
                 \"timestamp\":\"1700000000\",\"distribution\":\"1\",\"publish_timestamp\":\"1700000001\",\
                 \"sharing_group_id\":\"0\",\"protected\":null,\"Tag\":[";
    Delivery::Script(answer, list(start, tag, tags, "]}}]}\n"))
}

/// Returns a body with so many items, numbered from 1.
fn list(start: &'static str, item: impl Fn(u64) -> String + Send + 'static, items: u64, end: &'static str) -> Script {
    let piece = move |from: u64| {
        let mut text = String::new();
        for number in from..items.min(from + PIECE) {
            text.push_str(if number == 0 { "" } else { "," });
            text.push_str(&item(number + 1));
        }
        Bytes::from(text)
    };
    let pieces = (0..items.div_ceil(PIECE)).map(move |number| piece(number * PIECE));
    let whole = std::iter::once(Bytes::from(start))
        .chain(pieces)
        .chain([Bytes::from(end)]);
    Script::made(Box::new(whole))
}
