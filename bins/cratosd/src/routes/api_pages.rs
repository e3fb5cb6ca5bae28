//! `GET /v1/help` and `GET /redoc`: our API for people, from `/openapi.json`.

use http::header::{self, HeaderValue};

use crate::reply::Reply;

/// The page with Swagger UI, where requests can be tried.
pub(super) fn help() -> Reply {
    page(include_str!("../../assets/help.html"))
}

/// The page with RapiDoc, for reading.
///
/// That reader writes `style` attributes while it runs, so its styles may stand inline; its scripts may not.
pub(super) fn redoc() -> Reply {
    page(include_str!("../../assets/redoc.html")).inline_styles()
}

fn page(html: &'static str) -> Reply {
    Reply::page(html).header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
}
