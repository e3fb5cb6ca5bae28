//! The version of the program.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) fn register(registry: &mut Registry) {
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program that runs", version);
}
