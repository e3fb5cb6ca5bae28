//! The ZeroMQ feed of each MISP, and open streams.

use prometheus_client::registry::Registry;

use super::{counters, gauges};
use crate::live::{LinkState, Links};
use crate::streams::Streams;

pub(crate) fn register(streams: &Streams, links: &Links, registry: &mut Registry) {
    let streams = streams.count();
    gauges(
        registry,
        "streams",
        "Listeners of feeds",
        [(Vec::new(), streams as f64)],
    );
    let links = links.all();
    let by_site = |value: fn(&LinkState) -> f64| {
        let each = links
            .iter()
            .map(move |(site, state)| (vec![("site", site.as_str().to_owned())], value(state)));
        each.collect::<Vec<_>>()
    };
    gauges(
        registry,
        "zmq_up",
        "Whether MISP's ZeroMQ feed is being followed",
        by_site(|state| f64::from(u8::from(state.is_up()))),
    );
    counters(
        registry,
        "zmq_messages",
        "Messages of MISP's ZeroMQ feed",
        by_site(|state| state.messages() as f64),
    );
    counters(
        registry,
        "zmq_refreshes",
        "Rounds in which MISP was asked for feeds since its ZeroMQ feed said that something changed",
        by_site(|state| state.rounds() as f64),
    );
}
