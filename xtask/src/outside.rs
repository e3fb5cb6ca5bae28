//! Crates that are workspaces of their own. They are built with the versions and settings of this workspace and in its
//! target folder, so cargo reuses what it has built there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::cargo::{cargo, debug_setting, root};

/// Returns a `cargo` call with these words for the crate in this folder.
pub(crate) fn cargo_for(folder: &Path, words: &[&str]) -> anyhow::Result<Command> {
    take_versions_of_the_workspace(folder)?;
    let mut command = cargo(words);
    command
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target_folder())
        .env("CARGO_PROFILE_DEV_DEBUG", debug_setting());
    Ok(command)
}

/// Starts a missing lock file from the workspace's, so that the crate is built with the versions that we ship.
pub(crate) fn take_versions_of_the_workspace(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("Cargo.lock");
    if !lock.exists() {
        std::fs::copy(root().join("Cargo.lock"), &lock).with_context(|| lock.display().to_string())?;
    }
    Ok(())
}

/// Returns the folder that cargo builds the workspace into.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}
