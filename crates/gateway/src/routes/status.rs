//! `GET /v1/status`: what monitoring of the reference looks at.

use serde::Serialize;
use serde_json::json;

use super::route::{Call, Handler, READ, Route};
use crate::openapi::{JSON, Operation};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/status",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words,
};

#[derive(Serialize)]
struct Status {
    ping: &'static str,
    memcachedstatus: &'static str,
}

/// Says that we are there, and whether the shared cache is, whichever kind it is of. It is asked once a second at most, and for 50 ms.
async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let memcachedstatus = match call.app.engine().shared_cache() {
        None => "DISABLED",
        Some(cache) if cache.is_up().await => "OK",
        Some(_) => "FAIL",
    };
    Reply::json(&Status {
        ping: "pong",
        memcachedstatus,
    })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let properties = json!({
        "ping": { "type": "string", "const": "pong" },
        "memcachedstatus": { "type": "string", "enum": ["OK", "FAIL", "DISABLED"] },
    });
    operation
        .named("status", "daemon", "Whether the daemon and its shared cache are there")
        .gives(
            JSON,
            json!({ "type": "object", "required": ["ping", "memcachedstatus"], "properties": properties }),
            "The daemon is there.",
        )
}
