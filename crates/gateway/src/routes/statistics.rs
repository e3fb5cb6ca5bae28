//! `GET /v1/statistics`: how many attributes of each type MISP holds.

use feed_engine::FeedError;
use serde::Serialize;
use serde_json::{Value, json};

use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{JSON, Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/statistics",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The keys of the reference, in its order.
#[derive(Serialize)]
struct Statistics {
    status_code: u16,
    encoding: &'static str,
    content: Value,
    misp_host: String,
}

/// Passes on what MISP counts: all attributes of the site, those included that no feed has. So a token that is limited to some feeds
/// or types does not cover it.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the statistics of the site")?;
    let client = call.app.misp().client(&grant.upstream)?;
    let content = client.attribute_statistics().await.map_err(FeedError::from)?;
    Reply::json(&Statistics {
        status_code: 200,
        encoding: "UTF-8",
        content,
        misp_host: grant.upstream.address(),
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let counts =
        json!({ "type": "object", "additionalProperties": { "type": "string" }, "examples": [{ "domain": "6388" }] });
    operation
        .named("statistics", "site", "How many attributes of each type MISP holds")
        .description("Counts everything at the site, so not for tokens that are limited to some feeds or types.")
        .gives(JSON, wrapped(counts, json!({})), "What MISP counts.")
        .refuses([Refusal::TimedOut])
}

/// What MISP said, as the reference wraps it.
pub(super) fn wrapped(content: Value, more: Value) -> Value {
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
