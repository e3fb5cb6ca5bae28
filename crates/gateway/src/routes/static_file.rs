//! `GET /static/{file}` and `GET /favicon.ico`: files that were built in.

use std::collections::BTreeMap;

use http::header::{self, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::route::{Handler, READ, Route};
use crate::assets;
use crate::openapi::{Operation, Refusal, headers};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/static/{file}",
    methods: READ,
    handler: Handler::Open(|call| {
        Box::pin(async move { get(call.request.headers, call.path.get("file").unwrap_or_default()).await })
    }),
    words,
};

/// The icon, where browsers look for it without being asked to.
pub(super) const FAVICON: Route = Route {
    template: "/favicon.ico",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call.request.headers, "favicon.ico"))),
    words: |operation| {
        let icon = assets::by_name("favicon.ico").into_iter();
        file(
            operation.named("favicon", "daemon", "The icon"),
            icon.map(|icon| icon.body.content_type),
        )
    },
};

/// A browser may keep the file, and must compare its entity tag before each use. So a page never runs the script of
/// another version, and an unchanged file costs a 304.
const KEPT_AND_VALIDATED: HeaderValue = HeaderValue::from_static("public, no-cache");

/// Answers the file with this name, or 304 if the caller has it already. Names have no directories.
async fn get(headers: &HeaderMap, name: &str) -> Result<Reply, Reject> {
    let asset = assets::by_name(name).ok_or(Reject::NotFound)?;
    let reply = asset.body.answer(headers, assets::changed_at()).await?;
    Ok(reply.header(header::CACHE_CONTROL, KEPT_AND_VALIDATED))
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let names: Vec<&str> = assets::all().iter().map(|asset| asset.name).collect();
    let operation = operation
        .named("staticFile", "daemon", "A file of the pages")
        .in_path(
            "file",
            "The file's name; there are no directories.",
            json!({ "type": "string", "enum": names }),
        )
        .refuses([Refusal::NotFound]);
    file(operation, assets::all().iter().map(|asset| asset.body.content_type))
}

/// Adds an answer that is a file of one of these media types.
fn file<'a>(operation: Operation<'a>, media_types: impl Iterator<Item = &'static str>) -> Operation<'a> {
    let content: BTreeMap<&str, Value> = media_types.map(|media_type| (media_type, json!({}))).collect();
    let names = ["ETag", "Last-Modified", "Cache-Control", "Content-Encoding", "Vary"];
    let answer = json!({ "description": "The file.", "headers": headers(&names), "content": content });
    operation.answers(200, answer).conditional()
}
