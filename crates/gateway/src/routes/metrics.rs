//! `GET /metrics`: numbers for monitoring, for addresses in `metrics_allowed_ips`.

use std::net::IpAddr;

use super::route::{Call, Handler, READ, Route};
use crate::configuration::Snapshot;
use crate::metrics;
use crate::openapi::{Operation, Refusal, text};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/metrics",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words,
};

/// Answers the metrics, or 403.
async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    if !may_look(&request.snapshot, request.client) {
        let client = request.client;
        let detail = format!("{client} is in none of the networks of `metrics_allowed_ips`.");
        return Err(Reject::Forbidden(detail));
    }
    let page = metrics::page(|registry| app.register_metrics(registry))
        .map_err(|error| Reject::internal("writing the metrics", &error))?;
    Ok(Reply::body(metrics::CONTENT_TYPE, page))
}

/// Returns whether `metrics_allowed_ips` has the caller's address, so that the caller may see details of the operation.
pub(super) fn may_look(snapshot: &Snapshot, client: IpAddr) -> bool {
    let networks = &snapshot.loaded.core.metrics_allowed_ips;
    networks.iter().any(|network| network.contains(&client))
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("metrics", "daemon", "Numbers for monitoring")
        .description("For addresses in `metrics_allowed_ips`.")
        .gives(
            metrics::CONTENT_TYPE,
            text(),
            "The metrics in the text format of OpenMetrics.",
        )
        .refuses([Refusal::Forbidden])
}
