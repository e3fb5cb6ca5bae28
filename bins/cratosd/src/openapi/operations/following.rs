//! Following feeds.

use serde_json::{Value, json};

use super::feeds::{kind_and_age, limited, name};
use crate::openapi::operation::Operation;
use crate::openapi::schemas::Refusal;

const STREAM: &str = "\
For tokens with the permission `stream`. The events `snapshot`, `added` and `removed` hold parts of lists of values; the last event of a \
change has the `id` of the new state. `alive` comes when nothing else was told for a while. The stream ends when the token does, when the \
site gets other rules, and when the daemon stops.";

pub(super) fn stream() -> Operation {
    let operation =
        Operation::new("stream", "feeds", "A feed as server-sent events, as it changes").description(STREAM);
    limited(kind_and_age(name(operation)))
        .parameter(json!({
            "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
            "description": "The state that the caller has; only the difference to it is told if it is still known.",
        }))
        .gives(
            "text/event-stream",
            json!({ "type": "string" }),
            "The feed, and everything that comes and goes from then on.",
        )
        .needs_token()
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

pub(super) fn changes() -> Operation {
    let operation = Operation::new("changes", "feeds", "What came and went in a feed since a state of it")
        .description("For tokens with the permission `stream`.");
    limited(kind_and_age(name(operation)))
        .in_query(
            "since",
            "The state that the caller has: the `etag` of an earlier answer, or the id of a stream's event.",
            json!({ "type": "string" }),
        )
        .conditional()
        .gives(
            "application/json",
            difference(),
            "The difference, or the whole feed where the state is missing or not known any more.",
        )
        .needs_token()
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

fn difference() -> Value {
    let values = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "required": ["etag", "complete", "added", "removed"],
        "properties": {
            "etag": { "type": "string", "description": "The state now: the `since` of the next question." },
            "complete": { "type": "boolean", "description": "Whether `added` is the whole feed." },
            "added": values,
            "removed": values,
        },
    })
}
