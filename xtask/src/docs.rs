//! The documentation builds without a warning, private items included: a broken link in an internal comment misleads
//! too.

use crate::cargo::{cargo, run as run_command};
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let words = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--all-features",
    ];
    run_command(cargo(&words).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}
