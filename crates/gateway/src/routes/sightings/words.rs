//! The description of reports.

use serde_json::json;

use super::Receipt;
use super::entries::{Entries, Entry};
use crate::openapi::{JSON, Operation, Refusal};

const ABOUT: &str = "\
For tokens with the permission `sightings`. The daemon keeps reports on disk and sends them to MISP in batches, also when MISP is away for a \
while; 202 means that they are kept. The same value, type and source from one token within some minutes counts once. A false positive is a \
sighting of that type in MISP and takes the value off no feed. The answer does not say whether MISP knows a value.";

pub(super) fn words(mut operation: Operation<'_>) -> Operation<'_> {
    let schema = json!({ "oneOf": [
        operation.schema_of_body::<Entries>(),
        operation.schema_of_body::<Entry>(),
    ] });
    let examples = json!({
        "one": { "value": { "value": "192.0.2.7" } },
        "many": { "value": { "sightings": [
            { "value": "192.0.2.7", "type": "hit", "source": "fw1", "seen_at": "2026-11-22T00:43:55Z" },
            { "value": "www.example.com", "type": "false_positive" },
        ] } },
    });
    let content = json!({ JSON: { "schema": schema, "examples": examples } });
    operation
        .named(
            "reportSightings",
            "site",
            "Reports values that a device or program has seen",
        )
        .description(ABOUT)
        .body(json!({ "required": true, "content": content }))
        .answers_with::<Receipt<'_>>(202, "The reports are kept and will be sent.")
        .refuses([
            Refusal::BodyIncomplete,
            Refusal::BodyTooLarge,
            Refusal::EncodedBody,
            Refusal::Invalid,
            Refusal::TooOften,
        ])
}
