//! `GET /static/{file}` and `GET /favicon.ico`: files that were built in.

use feed_engine::Encoding;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use crate::reject::Reject;
use crate::reply::Reply;
use crate::{accept_encoding, assets, conditional};

/// Kept for as long as the browser likes, and held against the entity tag before each use: a page never meets the script of another
/// version, and a file that is the same costs a 304.
const KEPT_AND_VALIDATED: HeaderValue = HeaderValue::from_static("public, no-cache");

/// Answers the file with this name, or 304 where the caller has it already; there are no directories.
pub(super) fn get(headers: &HeaderMap, name: &str) -> Result<Reply, Reject> {
    let asset = assets::by_name(name).ok_or(Reject::NotFound)?;
    let form = asset.form(accept_encoding::preferred(headers))?;
    let reply = if conditional::is_unchanged(headers, &form.etag, assets::changed_at()) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let whole = Reply::body(asset.content_type, form.body);
        match form.encoding {
            Encoding::Identity => whole,
            encoding => whole.header(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())),
        }
    };
    Ok(reply
        .header_text(header::ETAG, &form.etag)
        .header_text(header::LAST_MODIFIED, &conditional::http_date(assets::changed_at()))
        .header(header::CACHE_CONTROL, KEPT_AND_VALIDATED)
        .header(header::VARY, HeaderValue::from_static("Accept-Encoding")))
}
