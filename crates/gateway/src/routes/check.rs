//! `GET /v1/check`: whether MISP can be reached with the key of the token.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/check",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The version of MISP, with the keys of Cratos FastAPI.
// Status and encoding are those of MISP's answer; another one would not have been read.
#[derive(Serialize, JsonSchema)]
struct Check<'a> {
    #[schemars(extend("const" = 200))]
    status_code: u16,
    #[schemars(extend("const" = "UTF-8"))]
    encoding: &'static str,
    /// The answer of MISP to `/servers/getVersion.json`.
    #[schemars(with = "Map<String, Value>")]
    content: &'a Value,
    /// The address of MISP.
    #[schemars(extend("format" = "uri"), example = &"https://misp.example.net")]
    misp_host: String,
    /// The time of the check in Unix seconds.
    unixtimestamp: i64,
}

/// Asks MISP for its version. A key that MISP refuses is 503, as for feeds: the token is good, the key inside is not.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let content = call.app.misp().version(&grant.upstream).await?;
    Reply::json(&Check {
        status_code: 200,
        encoding: "UTF-8",
        content: &content,
        misp_host: grant.upstream.address(),
        unixtimestamp: jiff::Timestamp::now().as_second(),
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("check", "site", "Whether MISP can be reached with the key of the token")
        .answers_with::<Check<'_>>(200, "MISP answered; `content` is its version.")
        .refuses([Refusal::TimedOut])
}
