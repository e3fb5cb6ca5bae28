//! `GET /v1/check`: whether MISP can be reached with the key of the token.

use feed_engine::FeedError;
use serde::Serialize;
use serde_json::{Value, json};

use super::route::{Call, Handler, READ, Route};
use super::statistics::wrapped;
use crate::auth::{Grant, Right};
use crate::openapi::{JSON, Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/check",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The keys of the reference. Status and encoding are those of MISP's answer, which is read only if they are these.
#[derive(Serialize)]
struct Check {
    status_code: u16,
    encoding: &'static str,
    content: Value,
    misp_host: String,
    unixtimestamp: i64,
}

/// Asks MISP for its version. A key that MISP refuses is 503 as for feeds: the caller's token is right, what it stands for is not.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let client = call.app.misp().client(&grant.upstream)?;
    let content = client.version_json().await.map_err(FeedError::from)?;
    Reply::json(&Check {
        status_code: 200,
        encoding: "UTF-8",
        content,
        misp_host: grant.upstream.address(),
        unixtimestamp: jiff::Timestamp::now().as_second(),
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let moment = json!({ "unixtimestamp": { "type": "integer", "description": "Unix seconds." } });
    operation
        .named("check", "site", "Whether MISP can be reached with the key of the token")
        .gives(
            JSON,
            wrapped(json!({ "type": "object" }), moment),
            "MISP answered; `content` is its version.",
        )
        .refuses([Refusal::TimedOut])
}
