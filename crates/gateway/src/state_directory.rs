//! The directory for files that outlive a restart, unless the configuration names another, and the keys that seal them.

use std::path::PathBuf;

use feed_engine::StateKeys;
use secrecy::SecretString;
use site_config::Core;
use zeroize::Zeroizing;

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

/// Returns one key for each encryption key, the newest first; `derive` makes the key for one kind of files from the
/// encryption key and the salt.
pub(crate) fn keys(core: &Core, derive: fn(&SecretString, &SecretString) -> Zeroizing<[u8; 32]>) -> Option<StateKeys> {
    let keys: Vec<_> = core.encryption_keys.iter().map(|key| derive(key, &core.salt)).collect();
    StateKeys::new(keys.iter().map(|key| &**key))
}
