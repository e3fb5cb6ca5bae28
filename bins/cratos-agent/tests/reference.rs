//! `docs/agent-reference.md` says what the readers of `agent.yaml` and `defectdojo.yaml` do.
//!
//! `cargo xtask codegen` runs this test with the variable `CRATOS_CODEGEN` and so writes the page.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands, in its helpers too")]

use std::path::Path;

const ABOUT: &str = "# Configuration reference of the agent

Written by `cargo xtask codegen` from the tables in `crates/enforcement/src/` (`config.rs`, `config/feed.rs`, `limits.rs`
and a file for each kind in `target/`) and in `crates/defectdojo/src/config.rs`; change them there.

Every key is optional unless its default says `required`. An unknown key is an error that names the closest known one.
[agent.md](agent.md) and [defectdojo.md](defectdojo.md) explain how to use them.
";

/// Returns the page.
fn page() -> String {
    let mut page = ABOUT.to_owned();
    for (heading, rows) in enforcement::config::reference() {
        page.push_str(&format!("\n## {heading}\n\n{}", config_file::reference_table(&rows)));
    }
    let rows = config_file::reference_table(defectdojo::config::reference());
    page.push_str(&format!("\n## `defectdojo.yaml`\n\n{rows}"));
    page
}

#[test]
fn the_reference_page_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/agent-reference.md");
    let page = page();
    if std::env::var_os("CRATOS_CODEGEN").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/agent-reference.md differs from the tables; run `cargo xtask codegen` and commit"
    );
}
