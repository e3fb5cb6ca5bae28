//! The directory for files that outlive a restart, unless the configuration names another.

use std::path::PathBuf;

/// The variable in which systemd names the directory of `StateDirectory=`.
const VARIABLE: &str = "STATE_DIRECTORY";

/// Returns the state directory that systemd, or another starter of the daemon, names in `STATE_DIRECTORY`.
#[must_use]
pub fn from_environment() -> Option<PathBuf> {
    let given = std::env::var_os(VARIABLE)?;
    // Colons divide several; the first one is the service's own.
    let first = std::env::split_paths(&given).next()?;
    (!first.as_os_str().is_empty()).then_some(first)
}
