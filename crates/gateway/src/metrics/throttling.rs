//! Requests that were answered with 429.

use prometheus_client::registry::Registry;

use super::{Labels, counters};
use crate::rate_limit::RateLimit;
use crate::sighting_desk::Desk;
use crate::throttle::Throttle;

pub(crate) fn register(throttle: &Throttle, minting: &RateLimit, desk: &Desk, registry: &mut Registry) {
    let limits = [
        ("failures", throttle.turned_away()),
        ("minting", minting.turned_away()),
        ("sightings", desk.turned_away()),
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
