//! `GET /v1/status`: what monitoring of the reference looks at.

use serde::Serialize;

use crate::reject::Reject;
use crate::reply::Reply;

#[derive(Serialize)]
struct Status {
    ping: &'static str,
    memcachedstatus: &'static str,
}

/// Says that we are there, and that no memcached is used.
pub(super) fn get() -> Result<Reply, Reject> {
    Reply::json(&Status {
        ping: "pong",
        memcachedstatus: "DISABLED",
    })
}
