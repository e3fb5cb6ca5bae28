//! `GET /metrics`: what monitoring reads, from `metrics_allowed_ips` only.

use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::metrics;
use crate::reject::Reject;
use crate::reply::Reply;

/// Gives the metrics to those who may see them.
pub(super) fn get(app: &Arc<App>, client: IpAddr) -> Result<Reply, Reject> {
    if !may_look(app, client) {
        let detail = format!("{client} is in none of the networks of `metrics_allowed_ips`.");
        return Err(Reject::Forbidden(detail));
    }
    let page = metrics::page(|registry| app.register_metrics(registry))
        .map_err(|error| Reject::internal("writing the metrics", &error))?;
    Ok(Reply::body(metrics::CONTENT_TYPE, page))
}

/// Returns whether this address may see how we are.
pub(super) fn may_look(app: &Arc<App>, client: IpAddr) -> bool {
    let networks = &app.snapshot().loaded.core.metrics_allowed_ips;
    networks.iter().any(|network| network.contains(&client))
}
