//! `GET /metrics`: what monitoring reads, from `metrics_allowed_ips` only.

use crate::app::App;
use crate::metrics;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;

/// Gives the metrics to those who may see them.
pub(super) fn get(app: &App, request: &Request<'_>) -> Result<Reply, Reject> {
    if !may_look(request) {
        let client = request.client;
        let detail = format!("{client} is in none of the networks of `metrics_allowed_ips`.");
        return Err(Reject::Forbidden(detail));
    }
    let page = metrics::page(|registry| app.register_metrics(registry))
        .map_err(|error| Reject::internal("writing the metrics", &error))?;
    Ok(Reply::body(metrics::CONTENT_TYPE, page))
}

/// Returns whether `metrics_allowed_ips` has the caller's address.
pub(super) fn may_look(request: &Request<'_>) -> bool {
    let networks = &request.snapshot.loaded.core.metrics_allowed_ips;
    networks.iter().any(|network| network.contains(&request.client))
}
