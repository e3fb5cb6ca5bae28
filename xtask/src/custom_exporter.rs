//! The example crate of `docs/custom-exporter.md` builds as a crate of another project does, and passes its tests.

use crate::cargo::{root, run as run_command};
use crate::outcome::Outcome;
use crate::outside::cargo_for;

const FOLDER: &str = "docs/custom-exporter";

pub(crate) fn run() -> anyhow::Result<Outcome> {
    run_command(&mut cargo_for(&root().join(FOLDER), &["test", "--quiet"])?)?;
    Ok(Outcome::Passed)
}
