//! The bytes of formats for resolvers, loaded and enforced by real ones.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::path::Path;

use test_peers::handbook;

mod blocklists;
mod zones;

/// Returns the lines of the page for operators, with the lists in this folder.
fn recipe(kind: &str, folder: &Path) -> String {
    let lines = handbook::block("docs/recipes/resolvers.md", kind);
    lines.replace("/var/lib/cratos-lists", &folder.display().to_string())
}
