//! The formats of devices that cannot run here: firewalls, routers, proxies.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

mod bytes;
mod readers;

use feed_classification::{ExportCounts, Exporter, FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};

/// Returns the body, and below it the counts.
fn export(output: &str, kind: Kind, values: &[&str]) -> String {
    let registry = Registry::builtin();
    let set = IndicatorSet::of(kind, values.iter().copied());
    let (body, exported) = body(registry.by_name(output).unwrap().as_ref(), &set);
    format!(
        "{body}-- written {}, quarantined {}",
        exported.written, exported.quarantined
    )
}

fn body(exporter: &dyn Exporter, set: &IndicatorSet) -> (String, ExportCounts) {
    let mut body = Vec::new();
    let feed = FeedInfo::new(set.kind(), "block-any-1w").limited_to(exporter.about());
    let exported = exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
    (String::from_utf8(body).unwrap(), exported)
}
