//! Requests that were answered with 429.

use prometheus_client::registry::Registry;

use super::{Labels, counters};
use crate::App;

pub(super) fn describe(app: &App, registry: &mut Registry) {
    let limits = [
        ("failures", app.throttle().turned_away()),
        ("minting", app.minting().turned_away()),
        ("sightings", app.sightings().turned_away()),
    ];
    let values = limits.map(|(limit, number)| {
        let labels: Labels = vec![("limit", limit.to_owned())];
        (labels, number as f64)
    });
    counters(
        registry,
        "throttled",
        "Requests answered with 429: wrong tokens or MISP keys again and again (failures), tokens made (minting), reports (sightings)",
        values,
    );
}
