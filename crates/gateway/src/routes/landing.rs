//! `GET /` and `GET /robots.txt`: the answers for callers without a token.

use std::net::IpAddr;

use askama::Template;
use http::header::{self, HeaderValue};
use schemars::JsonSchema;
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

/// The server and its caller. The keys are those of Cratos FastAPI, in its order.
#[derive(Serialize, JsonSchema)]
struct Landing {
    /// The name of the software.
    message: &'static str,
    /// The address that the server sees for the caller: behind a proxy, the one that the proxy names.
    #[serde(rename = "IP")]
    ip: IpAddr,
    /// The header `User-Agent` of the request, or null without one.
    #[serde(rename = "User-Agent")]
    user_agent: Option<String>,
    /// The time of the server in Unix seconds.
    timestamp: i64,
    /// The same time in words.
    #[schemars(example = &"2026-11-22 10:00:00 UTC")]
    date_time: String,
    /// The URL of the source code.
    #[schemars(extend("format" = "uri"))]
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

fn words(mut operation: Operation<'_>) -> Operation<'_> {
    let content = json!({
        JSON: { "schema": operation.schema_of_answer::<Landing>() },
        HTML: { "schema": text() },
    });
    operation
        .named(
            "landing",
            "daemon",
            "The name of this server, and the address that it sees for the caller",
        )
        .description(
            "JSON for programs; a page with links for callers that ask for `text/html` by name, as browsers do.",
        )
        .answers(
            200,
            json!({ "description": "The server and its caller.", "content": content }),
        )
}
