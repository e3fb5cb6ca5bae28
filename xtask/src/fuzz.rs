//! The fuzz targets compile. They are run by hand, with a nightly toolchain; here they must only not rot.
//!
//! Each `crates/*/fuzz` is a workspace of its own, so that the workspace builds without its C++ dependency.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::cargo::{cargo, debug_setting, is_here, root, run as run_command};
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let fuzz_crates = fuzz_crates()?;
    if fuzz_crates.is_empty() {
        return Ok(Outcome::Skipped("there are no fuzz targets".to_owned()));
    }
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if !is_here(Command::new(&compiler).arg("--version")) {
        return Ok(Outcome::Skipped(format!(
            "libFuzzer is C++ and there is no `{compiler}`; on Debian and Ubuntu `apt-get install g++` brings it"
        )));
    }
    for folder in fuzz_crates {
        take_versions_of_the_workspace(&folder)?;
        let manifest = folder.join("Cargo.toml");
        let mut command = cargo(&["check", "--manifest-path"]);
        // The same folder and the same debug setting as the workspace: cargo reuses crates that it has checked there.
        command
            .arg(&manifest)
            .env("CARGO_TARGET_DIR", target_folder())
            .env("CARGO_PROFILE_DEV_DEBUG", debug_setting());
        run_command(&mut command)?;
    }
    Ok(Outcome::Passed)
}

fn fuzz_crates() -> anyhow::Result<Vec<PathBuf>> {
    let crates = root().join("crates");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&crates).context("crates")? {
        let folder = entry?.path().join("fuzz");
        if folder.join("Cargo.toml").is_file() {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}

/// Starts a missing lock file from the workspace's, so that the fuzz targets are built with the versions that we ship.
fn take_versions_of_the_workspace(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("Cargo.lock");
    if !lock.exists() {
        std::fs::copy(root().join("Cargo.lock"), &lock).with_context(|| lock.display().to_string())?;
    }
    Ok(())
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}
