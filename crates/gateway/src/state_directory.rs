//! Where the daemon keeps what must outlive a restart, unless its configuration says otherwise.

use std::path::PathBuf;

/// The variable in which systemd names the directory that `StateDirectory=` made.
const VARIABLE: &str = "STATE_DIRECTORY";

/// Returns the state directory that systemd, or whoever starts the daemon, names in `STATE_DIRECTORY`.
#[must_use]
pub fn from_environment() -> Option<PathBuf> {
    let given = std::env::var_os(VARIABLE)?;
    // Several are divided by colons; the first one is the service's own.
    let first = std::env::split_paths(&given).next()?;
    (!first.as_os_str().is_empty()).then_some(first)
}
