//! `GET /v1/status`: what monitoring of the reference looks at.

use serde::Serialize;

use crate::App;
use crate::reject::Reject;
use crate::reply::Reply;

#[derive(Serialize)]
struct Status {
    ping: &'static str,
    memcachedstatus: &'static str,
}

/// Says that we are there, and whether the shared cache is, whichever kind it is of. It is asked once a second at most, and for 50 ms.
pub(super) async fn get(app: &App) -> Result<Reply, Reject> {
    let memcachedstatus = match app.engine().shared_cache() {
        None => "DISABLED",
        Some(cache) if cache.is_up().await => "OK",
        Some(_) => "FAIL",
    };
    Reply::json(&Status {
        ping: "pong",
        memcachedstatus,
    })
}
