//! `GET /openapi.json` and `GET /v1/openapi.json`: what we answer, for programs and for the pages that show it.

use http::header::{self, HeaderValue};

use crate::app::App;
use crate::openapi;
use crate::reject::Reject;
use crate::reply::Reply;

/// Describes this daemon, with the exporters that it was given.
pub(super) fn get(app: &App) -> Result<Reply, Reject> {
    let document = openapi::document(app.engine().registry());
    Ok(Reply::json(&document)?.header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}
