//! The description of reports.

use serde_json::{Value, json};

use crate::openapi::{Operation, Refusal};

const ABOUT: &str = "\
For tokens with the permission `sightings`. Reports are kept on disk and sent to MISP in batches, also when it is away for a while; 202 means \
that they are kept. The same value, type and source from one token within some minutes counts once. A false positive is a sighting of that \
type in MISP and takes the value off no feed by itself. Whether MISP knows a value is not told here.";

pub(super) fn words(operation: Operation<'_>) -> Operation<'_> {
    let many = json!({
        "type": "object", "required": ["sightings"], "additionalProperties": false,
        "properties": { "sightings": { "type": "array", "minItems": 1, "maxItems": 1000, "items": entry() } },
    });
    let examples = json!({
        "one": { "value": { "value": "192.0.2.7" } },
        "many": { "value": { "sightings": [
            { "value": "192.0.2.7", "type": "hit", "source": "fw1", "seen_at": "2026-11-22T00:43:55Z" },
            { "value": "www.example.com", "type": "false_positive" },
        ] } },
    });
    let schema = json!({ "oneOf": [many, entry()] });
    let body =
        json!({ "required": true, "content": { "application/json": { "schema": schema, "examples": examples } } });
    operation
        .named("reportSightings", "site", "Report what was seen")
        .description(ABOUT)
        .body(body)
        .answers(
            202,
            json!({
                "description": "They are kept, and will be sent.",
                "content": { "application/json": { "schema": taken() } },
            }),
        )
        .refuses([
            Refusal::BodyIncomplete,
            Refusal::BodyTooLarge,
            Refusal::EncodedBody,
            Refusal::Invalid,
            Refusal::TooOften,
        ])
}

fn entry() -> Value {
    json!({
        "type": "object", "required": ["value"], "additionalProperties": false,
        "properties": {
            "value": {
                "type": "string", "maxLength": 8192,
                "description": "Address, network, name, URL, hash, e-mail address, CVE, wallet or id of a browser extension, in any spelling.",
            },
            "type": { "type": "string", "enum": ["hit", "false_positive"], "default": "hit" },
            "source": {
                "type": ["string", "null"], "maxLength": 255,
                "description": "What saw it; the token's label where nothing is said.",
            },
            "seen_at": {
                "type": ["string", "null"], "format": "date-time",
                "description": "When; now where nothing is said. MISP is told the minute.",
            },
        },
    })
}

fn taken() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let error = json!({
        "type": "object", "required": ["index", "reason"],
        "properties": { "index": count, "reason": { "type": "string" } },
    });
    json!({
        "type": "object", "required": ["accepted", "duplicates", "errors"],
        "properties": {
            "accepted": count,
            "duplicates": count,
            "errors": { "type": "array", "items": error, "description": "Entries whose value is none, or none that the token covers." },
        },
    })
}
