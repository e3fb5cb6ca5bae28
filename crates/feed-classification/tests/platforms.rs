//! Outputs for SIEM, EDR and exchange: their whole bytes, and what readers that we did not write make of them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::BTreeMap;
use std::process::Command;

use feed_classification::export::testkit;
use feed_classification::{ExportCounts, FeedInfo, Indicator, IndicatorSet, IndicatorType as Kind, Registry};
use test_peers::python;

const OUTPUTS: [&str; 8] = [
    "csv",
    "defender",
    "elastic",
    "graylog-dsv",
    "jsonl",
    "qradar",
    "splunk",
    "wazuh",
];

fn exported(output: &str, kind: Kind, values: &[&str]) -> (Vec<u8>, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let changed_at = "2026-11-25T18:00:00.123456Z".parse().unwrap();
    let feed = FeedInfo::new(kind, "block-any-1w").changed_at(changed_at);
    let feed = feed.limited_to(exporter.about());
    let counts = exporter.export(&feed, &mut set.indicators(), &mut body).unwrap();
    (body, counts)
}
