//! The description of look-ups.

use feed_classification::{Age, FeedName};
use http::Method;
use serde_json::{Value, json};

use crate::openapi::{JSON, Operation, Refusal};
use crate::routes::limits::{self, levels, scores, unscored};

const ABOUT: &str = "\
For tokens with the permission `lookup`; with `context` too, an answer tells the events. Addresses are also found in listed networks, \
names below listed domains, URLs and e-mail addresses by their host. A defanged value (`hxxp://evil[.]example`) is looked up as what it was; \
`looked_up` says so. A miss is 200 with `found: false`, never 404, and nothing is ever null.";

/// A value that may well be listed, and that belongs to documentation.
const EXAMPLE: &str = "192.0.2.1";

const VALUE: &str = "The value: address, network, name, URL, hash, e-mail address, CVE or another, in any spelling; names of files and mutexes as MISP has them.";

/// Describes `/v1/lookup`: one value in the query, or many in a body.
pub(super) fn query_or_body(operation: Operation<'_>) -> Operation<'_> {
    if *operation.method() == Method::POST {
        return many(operation);
    }
    let operation = operation
        .named("lookup", "feeds", "What is known of a value")
        .parameter(json!({ "name": "value", "in": "query", "required": true, "description": VALUE, "schema": value() }))
        .example(EXAMPLE);
    finished(operation.gives(JSON, result(), "What is known of it."))
}

/// Describes `/v1/lookup/{value}`.
pub(super) fn path(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named("lookupValue", "feeds", "What is known of a value")
        .in_path("value", VALUE, value())
        .example(EXAMPLE);
    finished(operation.gives(JSON, result(), "What is known of it."))
}

fn value() -> Value {
    json!({ "type": "string", "maxLength": 8192 })
}

fn many(operation: Operation<'_>) -> Operation<'_> {
    let values = json!({ "type": "array", "minItems": 1, "maxItems": 1000, "items": { "type": "string" } });
    let schema = json!({
        "type": "object", "required": ["values"],
        "properties": {
            "values": values,
            "age": { "type": "string", "enum": Age::NAMES },
            "feed": { "type": "string", "enum": FeedName::NAMES },
            "max_tlp": levels(),
            "min_score": scores(),
            "unscored": unscored(),
        },
    });
    let answer = json!({
        "type": "object", "required": ["results"],
        "properties": { "results": { "type": "array", "items": result() } },
    });
    finished(
        operation
            .named("lookupMany", "feeds", "What is known of up to a thousand values")
            .body(json!({ "required": true, "content": { "application/json": {
                "schema": schema, "example": { "values": [EXAMPLE, "mail.example.com"] },
            } } }))
            .gives(JSON, answer, "What is known of each, in the order of the question.")
            .refuses([Refusal::BodyIncomplete, Refusal::BodyTooLarge, Refusal::EncodedBody]),
    )
}

fn finished(operation: Operation<'_>) -> Operation<'_> {
    limits::describe(operation)
        .description(ABOUT)
        .in_query(
            "age",
            "How recently what is looked through must have changed.",
            json!({ "type": "string", "enum": Age::NAMES, "default": "1y" }),
        )
        .in_query(
            "feed",
            "The feed to look through; else those that the token is limited to, else `any`.",
            json!({ "type": "string", "enum": FeedName::NAMES }),
        )
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

fn result() -> Value {
    let text = json!({ "type": "string" });
    let context = [
        "event_id",
        "event_uuid",
        "event_info",
        "event_url",
        "tlp",
        "threat_actor",
    ];
    let with_context = |names: &[&str]| -> Value {
        let all = names
            .iter()
            .chain(&context)
            .map(|name| ((*name).to_owned(), text.clone()));
        Value::Object(all.collect())
    };
    let matches = json!({
        "type": "object",
        "required": ["value", "type", "relation", "feed"],
        "properties": with_relation(with_context(&["value", "type", "relation", "feed"])),
    });
    let fields = ["value", "looked_up", "type", "relation", "listed", "feed"];
    let mut properties = with_relation(with_context(&fields));
    if let Value::Object(properties) = &mut properties {
        properties.insert("found".to_owned(), json!({ "type": "boolean" }));
        properties.insert("count".to_owned(), json!({ "type": "integer", "minimum": 0 }));
        properties.insert(
            "matches".to_owned(),
            json!({ "type": "array", "items": matches, "maxItems": 50 }),
        );
    }
    json!({
        "type": "object",
        "required": ["found", "value", "looked_up", "type", "relation", "listed", "feed", "count", "matches"],
        "properties": properties,
    })
}

/// Says which relations there are; a miss has none.
fn with_relation(mut properties: Value) -> Value {
    if let Some(relation) = properties.get_mut("relation") {
        *relation = json!({ "type": "string", "enum": ["", "exact", "host", "network", "parent"] });
    }
    properties
}
