//! The page `/metrics`, in the words of `ARCHITECTURE.md`.
//!
//! Each service has one file here, which takes the service's own state, and one line in `App::register_metrics`.
//! Events, for example answers, are counted when they happen (`Metrics`); states, for example open streams, are read
//! when the page is made. No label holds text of a caller: routes are templates, sites are those of the configuration,
//! and the labels of tokens are sealed in these.

pub(crate) mod build;
pub(crate) mod configuration;
pub(crate) mod feeds;
pub(crate) mod live;
pub(crate) mod mirrors;
mod program;
mod requests;
pub(crate) mod shared_cache;
pub(crate) mod sightings;
pub(crate) mod throttling;
pub(crate) mod tokens;

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::registry::Registry;

pub(crate) use program::ProgramMetrics;
pub(crate) use requests::{AnswerCounters, Metrics};

/// The media type of [`page`].
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Returns the metrics that `register` registers, in the text format of Prometheus. All names begin with `cratos_`.
pub(crate) fn page(register: impl FnOnce(&mut Registry)) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("cratos");
    register(&mut registry);
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

/// The labels of one value, for example `[("site", "misp.example")]`.
pub type Labels = Vec<(&'static str, String)>;

/// Registers a gauge with one value for each set of labels.
pub fn gauges(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
    let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

/// Registers a counter, kept elsewhere, with one value for each set of labels.
pub fn counters(registry: &mut Registry, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
    let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    registry.register(name, help, family);
}
