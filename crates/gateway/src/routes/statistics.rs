//! `GET /v1/statistics`: how many attributes of each type MISP holds.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/statistics",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The counts of MISP, with the keys of Cratos FastAPI in its order.
#[derive(Serialize, JsonSchema)]
struct Statistics<'a> {
    #[schemars(extend("const" = 200))]
    status_code: u16,
    #[schemars(extend("const" = "UTF-8"))]
    encoding: &'static str,
    /// The number of attributes of each type, as MISP writes it.
    #[schemars(with = "Map<String, Value>", extend("additionalProperties" = { "type": "string" }), example = json!({ "domain": "6388" }))]
    content: &'a Value,
    /// The address of MISP.
    #[schemars(extend("format" = "uri"), example = &"https://misp.example.net")]
    misp_host: String,
}

/// Passes the counts of MISP on. They include attributes that are in no feed, so a token that is limited to some feeds
/// or types gets 403.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the statistics of the site")?;
    let content = call.app.misp().attribute_statistics(&grant.upstream).await?;
    Reply::json(&Statistics {
        status_code: 200,
        encoding: "UTF-8",
        content: &content,
        misp_host: grant.upstream.address(),
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("statistics", "site", "How many attributes of each type MISP holds")
        .description("Counts all attributes of the site, so tokens that are limited to some feeds or types get 403.")
        .answers_with::<Statistics<'_>>(200, "The counts of MISP.")
        .refuses([Refusal::TimedOut])
}
