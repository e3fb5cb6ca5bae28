//! The crates without I/O build for `wasm32-unknown-unknown`, for example for a browser or a plugin of a proxy.

use crate::cargo::{cargo, run as run_command};
use crate::outcome::Outcome;
use crate::tools;

const TARGET: &str = "wasm32-unknown-unknown";

/// The packages that build without a host: nothing of an operating system, and no JavaScript.
const WITHOUT_HOST: &[&str] = &[
    "cratos-client-address",
    "cratos-feed-classification",
    "cratos-tlp",
    "cratos-token-crypto",
    "cratos-web-protocol",
];

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if let Some(reason) = tools::missing_target(TARGET) {
        return Ok(Outcome::Skipped(reason));
    }
    let build = ["build", "--lib", "--target", TARGET];
    let packages = WITHOUT_HOST.iter().flat_map(|package| ["--package", package]);
    run_command(cargo(&build).arg("--no-default-features").args(packages))?;
    // With everything that a browser can have: old tokens, and random bytes from JavaScript.
    let in_browser = ["--package", "cratos-token-crypto", "--all-features"];
    run_command(cargo(&build).args(in_browser))?;
    Ok(Outcome::Passed)
}
