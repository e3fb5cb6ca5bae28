//! `GET /v1/status`: the sign of life that monitoring of Cratos FastAPI reads.

use schemars::JsonSchema;
use serde::Serialize;

use super::route::{Call, Handler, READ, Route};
use crate::openapi::Operation;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/status",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words,
};

/// A sign of life, with the keys of Cratos FastAPI.
#[derive(Serialize, JsonSchema)]
struct Status {
    #[schemars(extend("const" = "pong"))]
    ping: &'static str,
    /// The shared cache, memcached or Valkey: `DISABLED` if the configuration names none.
    memcachedstatus: CacheStatus,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum CacheStatus {
    Ok,
    Fail,
    Disabled,
}

/// Answers that the daemon runs, and whether its shared cache answers. The cache is asked once a second at most, and
/// for 50 ms.
async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let memcachedstatus = match call.app.engine().shared_cache() {
        None => CacheStatus::Disabled,
        Some(cache) if cache.is_up().await => CacheStatus::Ok,
        Some(_) => CacheStatus::Fail,
    };
    Reply::json(&Status {
        ping: "pong",
        memcachedstatus,
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("status", "daemon", "Whether the daemon and its shared cache are there")
        .answers_with::<Status>(200, "The daemon is there.")
}
