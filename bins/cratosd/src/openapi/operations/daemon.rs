//! What is served without a token.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::openapi::operation::Operation;
use crate::openapi::schemas::{Refusal, headers};
use crate::{assets, metrics};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn landing() -> Operation {
    let properties = json!({
        "message": text(),
        "IP": text(),
        "User-Agent": { "type": ["string", "null"] },
        "timestamp": { "type": "integer", "description": "Unix seconds." },
        "date_time": text(),
        "repository": text(),
    });
    let content = json!({
        JSON: { "schema": { "type": "object", "properties": properties } },
        "text/html; charset=utf-8": { "schema": text() },
    });
    Operation::new(
        "landing",
        "daemon",
        "What this server is, and the address that it sees for the caller",
    )
    .description("JSON for programs; a page with links for callers that ask for `text/html` by name, as browsers do.")
    .answers(200, json!({ "description": "What this is.", "content": content }))
}

pub(super) fn robots() -> Operation {
    Operation::new("robots", "daemon", "Keeps search engines out").gives(TEXT, text(), "Two lines.")
}

pub(super) fn favicon() -> Operation {
    let icon = assets::by_name("favicon.ico");
    file(
        Operation::new("favicon", "daemon", "The icon"),
        icon.into_iter().map(|icon| icon.content_type),
    )
}

pub(super) fn static_file() -> Operation {
    let names: Vec<&str> = assets::all().iter().map(|asset| asset.name).collect();
    let operation = Operation::new("staticFile", "daemon", "A file of the pages")
        .in_path(
            "file",
            "The file's name; there are no directories.",
            json!({ "type": "string", "enum": names }),
        )
        .refuses([Refusal::NotFound]);
    file(operation, assets::all().iter().map(|asset| asset.content_type))
}

/// An answer that is a file of one of these media types.
fn file(operation: Operation, media_types: impl Iterator<Item = &'static str>) -> Operation {
    let content: BTreeMap<&str, Value> = media_types.map(|media_type| (media_type, json!({}))).collect();
    let names = ["ETag", "Last-Modified", "Cache-Control", "Content-Encoding", "Vary"];
    let answer = json!({ "description": "The file.", "headers": headers(&names), "content": content });
    operation.answers(200, answer).conditional()
}

pub(super) fn healthz() -> Operation {
    Operation::new("healthz", "daemon", "Whether the process answers").gives(TEXT, text(), "It does.")
}

pub(super) fn readyz() -> Operation {
    let schema = json!({
        "type": "object",
        "required": ["ready"],
        "properties": {
            "ready": { "type": "boolean" },
            "trouble": {
                "type": "array", "items": text(),
                "description": "What is wrong; for callers who may read the metrics.",
            },
        },
    });
    let content = json!({ JSON: { "schema": schema } });
    Operation::new("readyz", "daemon", "Whether feeds can be served")
        .answers(
            200,
            json!({ "description": "At least one site can be served.", "content": content.clone() }),
        )
        .answers(
            503,
            json!({ "description": "No site can be served.", "content": content }),
        )
}

pub(super) fn metrics() -> Operation {
    Operation::new("metrics", "daemon", "Numbers for monitoring")
        .description("For addresses in `metrics_allowed_ips`.")
        .gives(
            metrics::CONTENT_TYPE,
            text(),
            "The metrics in the text format of OpenMetrics.",
        )
        .refuses([Refusal::Forbidden])
}

pub(super) fn status() -> Operation {
    let properties = json!({
        "ping": { "type": "string", "const": "pong" },
        "memcachedstatus": { "type": "string", "enum": ["OK", "FAIL", "DISABLED"] },
    });
    Operation::new("status", "daemon", "Whether the daemon and its shared cache are there").gives(
        JSON,
        json!({ "type": "object", "required": ["ping", "memcachedstatus"], "properties": properties }),
        "The daemon is there.",
    )
}

pub(super) fn openapi(id: &str) -> Operation {
    Operation::new(id, "daemon", "This document").gives(JSON, json!({ "type": "object" }), "This document.")
}

pub(super) fn page(id: &str, summary: &str) -> Operation {
    Operation::new(id, "daemon", summary).gives("text/html; charset=utf-8", text(), "A page.")
}
