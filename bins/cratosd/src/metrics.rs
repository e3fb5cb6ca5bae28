//! What monitoring can see of this daemon, in the words of `ARCHITECTURE.md`.
//!
//! A room has one file here and one line in [`ROOMS`]. What happens at a moment is counted when it happens ([`Metrics`]); what is true
//! for a while is looked up when somebody asks. No label holds anything that a caller wrote: routes are templates, sites are those of
//! the configuration.

mod configuration;
mod feeds;
mod live;
mod logs;
mod requests;
mod shared_cache;
mod sightings;
mod throttled;
mod tls;

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::App;

pub(crate) use requests::Metrics;

/// The media type of [`page`].
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Each room puts its metrics into the registry of one page.
const ROOMS: &[fn(&App, &mut Registry)] = &[
    build,
    configuration::describe,
    feeds::describe,
    live::describe,
    logs::describe,
    requests::describe,
    shared_cache::describe,
    sightings::describe,
    throttled::describe,
    tls::describe,
];

/// Returns everything in the text format of Prometheus.
pub(crate) fn page(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("cratos");
    for describe in ROOMS {
        describe(app, &mut registry);
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

fn build(_: &App, registry: &mut Registry) {
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program that runs", version);
}

/// Labels that are put together when somebody asks.
type Labels = Vec<(&'static str, String)>;

/// Registers a gauge with one value for each set of labels.
fn gauges(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
    let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

/// Registers a counter, kept elsewhere, with one value for each set of labels.
fn counters(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
    let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    registry.register(name, help, family);
}
