//! `GET /openapi.json` and `GET /v1/openapi.json`: the description of the API, for programs and for the pages that show
//! it.

use http::header::{self, HeaderValue};
use serde_json::json;

use super::route::{Call, Handler, READ, Route};
use crate::openapi::{JSON, Operation};
use crate::reject::Reject;
use crate::reply::Reply;

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
    let document = super::document(call.app.engine().registry());
    Ok(Reply::json(&document)?.header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}

fn words<'a>(operation: Operation<'a>, id: &str) -> Operation<'a> {
    operation
        .named(id, "daemon", "This document")
        .gives(JSON, json!({ "type": "object" }), "This document.")
}

#[cfg(test)]
mod tests;
