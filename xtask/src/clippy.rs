//! No lint speaks up, in any target, with every feature.

use crate::cargo::{cargo, run as run_command};
use crate::outcome::Outcome;
use crate::tools;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if let Some(reason) = tools::missing_component("clippy", "clippy") {
        return Ok(Outcome::Skipped(reason));
    }
    run_command(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Outcome::Passed)
}
