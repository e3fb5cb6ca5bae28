//! `GET /v1/help` and `GET /redoc`: the API for people, drawn from `/openapi.json`.

use http::header::{self, HeaderValue};

use super::route::{Handler, READ, Route};
use crate::openapi::{HTML, Operation, text};
use crate::reply::Reply;

/// The page with Swagger UI, where requests can be tried.
pub(super) const HELP: Route = Route {
    template: "/v1/help",
    methods: READ,
    handler: Handler::Open(|_| Box::pin(async { Ok(help()) })),
    words: |operation| words(operation.named("help", "daemon", "This document, to try requests")),
};

/// The page with RapiDoc, for reading.
pub(super) const REDOC: Route = Route {
    template: "/redoc",
    methods: READ,
    handler: Handler::Open(|_| Box::pin(async { Ok(redoc()) })),
    words: |operation| words(operation.named("redoc", "daemon", "This document, to read")),
};

fn help() -> Reply {
    page(include_str!("../../assets/help.html"))
}

/// RapiDoc writes `style` attributes while it runs, so its styles may stand inline; its scripts may not.
fn redoc() -> Reply {
    page(include_str!("../../assets/redoc.html")).inline_styles()
}

fn page(html: &'static str) -> Reply {
    Reply::page(html).header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation.gives(HTML, text(), "A page.")
}
