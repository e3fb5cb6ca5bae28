//! The bytes of formats for resolvers, loaded and enforced by real ones.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::path::Path;

use feed_classification::{FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};
use test_peers::handbook;

mod blocklists;
mod zones;

/// Returns the lines of the page for operators, with the lists in this folder.
fn recipe(kind: &str, folder: &Path) -> String {
    let lines = handbook::block("docs/recipes/resolvers.md", kind);
    lines.replace("/var/lib/cratos-lists", &folder.display().to_string())
}

/// Returns the body of an output.
fn body(output: &str, kind: Kind, values: &[&str]) -> String {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    exporter
        .export(&FeedInfo::new(kind, "block-any-1w"), &mut set.indicators(), &mut body)
        .unwrap();
    String::from_utf8(body).unwrap()
}
