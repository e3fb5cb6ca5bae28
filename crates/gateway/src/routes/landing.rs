//! `GET /` and `GET /robots.txt`: the answers for callers without a token.

use std::net::IpAddr;

use askama::Template;
use http::header::{self, HeaderValue};
use serde::Serialize;
use serde_json::json;

use super::route::{Handler, READ, Route};
use crate::openapi::{HTML, JSON, Operation, TEXT, text};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use crate::{accept, origin};

pub(super) const ROUTE: Route = Route {
    template: "/",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(async move { get(&call.request) })),
    words,
};

/// Keeps search engines out.
pub(super) const ROBOTS: Route = Route {
    template: "/robots.txt",
    methods: READ,
    handler: Handler::Open(|_| Box::pin(async { Ok(Reply::text("User-agent: *\nDisallow: /")) })),
    words: |operation| {
        operation
            .named("robots", "daemon", "Keeps search engines out")
            .gives(TEXT, text(), "Two lines.")
    },
};

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
fn get(request: &Request<'_>) -> Result<Reply, Reject> {
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

fn words(operation: Operation<'_>) -> Operation<'_> {
    let properties = json!({
        "message": text(),
        "IP": text(),
        "User-Agent": { "type": ["string", "null"] },
        "timestamp": { "type": "integer", "description": "Unix seconds." },
        "date_time": text(),
        "repository": text(),
    });
    let content = json!({
        JSON: { "schema": { "type": "object", "properties": properties } },
        HTML: { "schema": text() },
    });
    operation
        .named(
            "landing",
            "daemon",
            "What this server is, and the address that it sees for the caller",
        )
        .description(
            "JSON for programs; a page with links for callers that ask for `text/html` by name, as browsers do.",
        )
        .answers(200, json!({ "description": "What this is.", "content": content }))
}
