//! Every file is formatted as `rustfmt` writes it.

use crate::cargo::{cargo, run as run_command};
use crate::outcome::Outcome;
use crate::tools;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if let Some(reason) = tools::missing_component("fmt", "rustfmt") {
        return Ok(Outcome::Skipped(reason));
    }
    run_command(&mut cargo(&["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed)
}
