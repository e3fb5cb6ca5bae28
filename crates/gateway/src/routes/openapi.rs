//! `GET /openapi.json` and `GET /v1/openapi.json`: the description of the API, for programs and for the pages that show
//! it.

use feed_engine::FeedEngine;
use http::header::{self, HeaderValue};
use serde_json::json;

use super::route::{Call, Handler, READ, Route};
use crate::assets;
use crate::openapi::{JSON, Operation, headers};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::stored_body::StoredBody;

pub(super) const ROUTE: Route = Route {
    template: "/openapi.json",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words: |operation| words(operation, "openapi"),
};

/// The same under the path where Cratos FastAPI has it.
pub(super) const V1: Route = Route {
    template: "/v1/openapi.json",
    words: |operation| words(operation, "openapiV1"),
    ..ROUTE
};

/// Describes this daemon, with the exporters that it was built with.
async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let body = app.description().get_or_try_init(|| made(app.engine().clone())).await?;
    let reply = body.answer(request.headers, assets::changed_at()).await?;
    Ok(reply.header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}

/// Makes the document. That takes some milliseconds, so it happens once and on a thread that serves no sockets.
async fn made(engine: FeedEngine) -> Result<StoredBody, Reject> {
    let document = tokio::task::spawn_blocking(move || serde_json::to_vec(&super::document(engine.registry())));
    let document = document
        .await
        .map_err(|error| Reject::internal("describing the API", &error))?
        .map_err(|error| Reject::internal("writing the description of the API", &error))?;
    Ok(StoredBody::text(JSON, document.into()))
}

fn words<'a>(operation: Operation<'a>, id: &str) -> Operation<'a> {
    let names = ["ETag", "Last-Modified", "Cache-Control", "Content-Encoding", "Vary"];
    let answer = json!({
        "description": "This document.",
        "headers": headers(&names),
        "content": { JSON: { "schema": { "type": "object" } } },
    });
    operation
        .named(id, "daemon", "This document")
        .answers(200, answer)
        .conditional()
}

#[cfg(test)]
mod tests;
