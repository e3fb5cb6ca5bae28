//! `GET /healthz`: the process runs and answers. `/readyz` says whether it can serve feeds.

use super::route::{Handler, READ, Route};
use crate::openapi::{TEXT, text};
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/healthz",
    methods: READ,
    handler: Handler::Open(|_| Box::pin(async { Ok(Reply::text("ok\n")) })),
    words: |operation| {
        operation
            .named("healthz", "daemon", "Whether the process answers")
            .gives(TEXT, text(), "It does.")
    },
};
