//! Pages that are written by the code they describe, so that they cannot say something else.
//!
//! A new one is a line in [`PAGES`] and a function that returns its text. `cargo xtask codegen` writes the files,
//! `cargo xtask ci` only compares.

mod attribute_types;
mod configuration;
mod output_catalogue;
mod outputs;

use anyhow::{Context as _, bail};

use crate::cargo::{cargo, root};
use crate::outcome::Outcome;

/// A generated file.
struct Page {
    /// From the workspace's root.
    path: &'static str,
    text: fn() -> String,
}

const PAGES: &[Page] = &[
    Page {
        path: "docs/attribute-types.md",
        text: attribute_types::page,
    },
    Page {
        path: "docs/configuration-reference.md",
        text: configuration::page,
    },
    Page {
        path: output_catalogue::PATH,
        text: output_catalogue::page,
    },
    Page {
        path: outputs::PATH,
        text: outputs::page,
    },
];

/// The test that compares `docs/agent-reference.md` with the tables of the agent, and writes it where `CRATOS_CODEGEN`
/// is set. The page is not in [`PAGES`]: with the agent's crates every chore would wait for an HTTP client to compile.
const AGENT_PAGE: [&str; 5] = ["test", "--workspace", "--all-features", "--test", "reference"];

/// Writes every page that differs from its file.
pub(crate) fn write() -> anyhow::Result<()> {
    for page in PAGES {
        let text = (page.text)();
        if is_current(page.path, &text) {
            println!("{} is current", page.path);
            continue;
        }
        let path = root().join(page.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(&path, text).with_context(|| page.path.to_owned())?;
        println!("{} written", page.path);
    }
    crate::cargo::run(cargo(&AGENT_PAGE).env("CRATOS_CODEGEN", "write"))
}

/// Fails if a page differs from what the code says.
pub(crate) fn check() -> anyhow::Result<Outcome> {
    let old: Vec<&str> = PAGES
        .iter()
        .filter(|page| !is_current(page.path, &(page.text)()))
        .map(|page| page.path)
        .collect();
    if !old.is_empty() {
        bail!(
            "{} differ from what the code says; run `cargo xtask codegen` and commit",
            old.join(", ")
        );
    }
    Ok(Outcome::Passed)
}

fn is_current(path: &str, text: &str) -> bool {
    std::fs::read_to_string(root().join(path)).is_ok_and(|there| there == text)
}
