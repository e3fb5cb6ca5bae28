//! Every crate that others may use can be published: its package holds all that it needs and builds from it.
//!
//! cargo would build each package by itself, and so most of our crates several times. Here all packages are unpacked
//! into one workspace and checked together. The step `alone` finds a crate that only builds beside others.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::cargo::{cargo, run as run_command};
use crate::metadata::{Member, Workspace};
use crate::outcome::Outcome;
use crate::outside::{cargo_for, target_folder};

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let (published, others): (Vec<Member>, Vec<Member>) = Workspace::read()?
        .members
        .into_iter()
        .partition(|member| member.is_published);
    // A person runs this before a commit, too.
    let mut package = cargo(&["package", "--workspace", "--allow-dirty", "--no-verify", "--quiet"]);
    for member in &others {
        package.args(["--exclude", &member.name]);
    }
    run_command(&mut package)?;
    let folder = target_folder().join("published");
    unpack(&published, &folder)?;
    run_command(&mut cargo_for(
        &folder,
        &["check", "--workspace", "--all-features", "--quiet"],
    )?)?;
    Ok(Outcome::Passed)
}

/// Unpacks the packages into a workspace, in which each one gets the others as they are in their packages.
fn unpack(members: &[Member], folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
    for member in members {
        let package = format!("{}-{}", member.name, member.version);
        let archive = target_folder().join("package").join(format!("{package}.crate"));
        run_command(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder))?;
        writeln!(manifest, "{} = {{ path = \"{package}\" }}", member.name)?;
    }
    std::fs::write(folder.join("Cargo.toml"), manifest).context("the workspace of the packages")?;
    Ok(())
}
