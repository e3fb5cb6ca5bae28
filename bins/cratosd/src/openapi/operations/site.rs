//! What a token tells about its MISP.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::openapi::operation::Operation;
use crate::openapi::schemas::Refusal;
use crate::routes::WarninglistForm;

/// What MISP said, as the reference wraps it.
fn wrapped(content: Value, more: Value) -> Value {
    let mut properties = json!({
        "status_code": { "type": "integer", "const": 200 },
        "encoding": { "type": "string", "const": "UTF-8" },
        "content": content,
        "misp_host": { "type": "string", "format": "uri" },
    });
    if let (Value::Object(properties), Value::Object(more)) = (&mut properties, more) {
        properties.extend(more);
    }
    json!({ "type": "object", "properties": properties })
}

pub(super) fn check() -> Operation {
    let moment = json!({ "unixtimestamp": { "type": "integer", "description": "Unix seconds." } });
    Operation::new("check", "site", "Whether MISP can be reached with the key of the token")
        .gives(
            "application/json",
            wrapped(json!({ "type": "object" }), moment),
            "MISP answered; `content` is its version.",
        )
        .needs_token()
        .refuses([Refusal::TimedOut])
}

pub(super) fn statistics() -> Operation {
    let counts =
        json!({ "type": "object", "additionalProperties": { "type": "string" }, "examples": [{ "domain": "6388" }] });
    Operation::new("statistics", "site", "How many attributes of each type MISP holds")
        .description("Counts everything at the site, so not for tokens that are limited to some feeds or types.")
        .gives("application/json", wrapped(counts, json!({})), "What MISP counts.")
        .needs_token()
        .refuses([Refusal::TimedOut])
}

pub(super) fn warninglist() -> Operation {
    let names: Vec<&str> = WarninglistForm::ALL.into_iter().map(WarninglistForm::as_str).collect();
    let content: BTreeMap<&str, Value> = WarninglistForm::ALL
        .into_iter()
        .map(|form| (form.content_type(), json!({})))
        .collect();
    Operation::new(
        "warninglist",
        "site",
        "The entries of a warninglist of MISP, sorted and unique",
    )
    .description("Not for tokens that are limited to some feeds or types.")
    .in_path(
        "id",
        "MISP's number of the list; 0 lists the lists.",
        json!({ "type": "integer", "minimum": 0, "maximum": 1000 }),
    )
    .example(0)
    .in_path("output", "The format.", json!({ "type": "string", "enum": names }))
    .answers(200, json!({ "description": "The list.", "content": content }))
    .needs_token()
    .refuses([Refusal::NotFound, Refusal::Invalid, Refusal::TimedOut])
}

pub(super) fn feedmapping() -> Operation {
    Operation::new("feedMapping", "site", "The MISP tag behind each feed name")
        .gives(
            "text/plain; charset=utf-8",
            json!({ "type": "string" }),
            "One line a feed.",
        )
        .needs_token()
}
