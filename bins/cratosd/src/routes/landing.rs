//! `GET /` and `GET /robots.txt`: the answers for callers without a token.

use std::net::IpAddr;

use askama::Template;
use http::header::{self, HeaderValue};
use serde::Serialize;

use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use crate::{accept, origin};

/// The keys of the reference, in its order.
#[derive(Serialize)]
struct Landing {
    message: &'static str,
    #[serde(rename = "IP")]
    ip: IpAddr,
    #[serde(rename = "User-Agent")]
    user_agent: Option<String>,
    timestamp: i64,
    date_time: String,
    repository: &'static str,
}

/// The same for people: where to go from here.
#[derive(Template)]
#[template(path = "landing.html")]
struct Page {
    client: IpAddr,
    /// The start of every URL of this server, as the visitor reached it.
    origin: String,
}

/// Returns a page with links for a browser, and for a program the JSON of the reference.
pub(super) fn get(request: &Request<'_>) -> Result<Reply, Reject> {
    let reply = if accept::prefers_html(request.headers) {
        page(request)?
    } else {
        json(request)?
    };
    Ok(reply.header(header::VARY, HeaderValue::from_static("Accept")))
}

fn page(request: &Request<'_>) -> Result<Reply, Reject> {
    let page = Page {
        client: request.client,
        origin: origin::base(request.headers),
    };
    let html = page
        .render()
        .map_err(|error| Reject::internal("writing the page", &error))?;
    Ok(Reply::page(html))
}

fn json(request: &Request<'_>) -> Result<Reply, Reject> {
    let now = jiff::Timestamp::now();
    let user_agent = request.headers.get(header::USER_AGENT);
    Reply::json(&Landing {
        message: "Cratos: MISP indicators as feeds",
        ip: request.client,
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        timestamp: now.as_second(),
        date_time: now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        repository: env!("CARGO_PKG_REPOSITORY"),
    })
}

/// Keeps search engines out.
pub(super) fn robots() -> Reply {
    Reply::text("User-agent: *\nDisallow: /")
}
