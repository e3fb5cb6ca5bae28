//! Requests that were answered with 429.

use prometheus_client::registry::Registry;

use super::{Labels, counters};
use crate::even_time::EvenTime;
use crate::rate_limit::RateLimit;
use crate::sighting_desk::Desk;
use crate::throttle::Throttle;
use crate::token_uses::TokenUses;

/// What refuses requests.
pub(crate) struct Limits<'a> {
    pub(crate) throttle: &'a Throttle,
    pub(crate) minting: &'a RateLimit,
    pub(crate) key_checks: &'a EvenTime,
    pub(crate) desk: &'a Desk,
    pub(crate) tokens: &'a TokenUses,
}

pub(crate) fn register(limits: Limits<'_>, registry: &mut Registry) {
    let (rate, at_once) = limits.tokens.turned_away();
    let limits = [
        ("failures", limits.throttle.turned_away()),
        ("minting", limits.minting.turned_away()),
        ("key_checks", limits.key_checks.turned_away()),
        ("sightings", limits.desk.turned_away()),
        ("token_rate", rate),
        ("token_at_once", at_once),
    ];
    let values = limits.map(|(limit, number)| {
        let labels: Labels = vec![("limit", limit.to_owned())];
        (labels, number as f64)
    });
    counters(
        registry,
        "throttled",
        "Requests answered with 429: wrong tokens or MISP keys again and again (failures), tokens made (minting), MISP keys that are checked at the same time (key_checks), reports (sightings), requests of one token in a row (token_rate) and at the same time (token_at_once)",
        values,
    );
}
