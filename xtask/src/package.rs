//! Debian packages are really installed, used, upgraded, removed and purged, on a copy of this machine's system that is
//! thrown away.
//!
//! What a package must show is a line in [`TRIALS`] and a file in `package/`. The programs are those that the tests
//! were run with, so that this takes seconds and not a build of its own.

mod cratos_agent;
mod cratosd;
mod handbook;
mod sandbox;
mod trial;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use self::sandbox::Sandbox;
use self::trial::Trial;
use crate::cargo::{cargo, is_here, run as run_command, target_dir};
use crate::deb::{Archive, Compression, Recipe, new_pages_folder};
use crate::metadata::{Member, Workspace};
use crate::outcome::Outcome;
use crate::pages;
use crate::peers::is_root;

/// What must be seen of each package.
const TRIALS: &[&Trial] = &[&cratos_agent::TRIAL, &cratosd::TRIAL];

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if !is_here(Command::new("dpkg-deb").arg("--version")) {
        return Ok(Outcome::Skipped("needs Debian's dpkg".to_owned()));
    }
    // Examples, for the pages; and with them features are chosen as for the tests, so that nothing is compiled again.
    let build = ["build", "--workspace", "--all-features", "--bins", "--examples"];
    run_command(&mut cargo(&build))?;
    let target = target_dir()?;
    let (built, folder) = (target.join("debug"), target.join("package"));
    let mut tried = Vec::new();
    for member in Workspace::read()?.packaged() {
        let trial = TRIALS.iter().find(|trial| trial.package == member.name);
        let trial = trial.with_context(|| format!("{}: xtask/src/package.rs has no trial for it", member.name))?;
        pages::write_with(member, &built, &new_pages_folder(&built, &member.name)?)?;
        let packages = Packages {
            old: archive(member, &built, &folder, "1")?,
            new: archive(member, &built, &folder, "2")?,
        };
        have_the_same_files(&packages)?;
        tried.push((trial, packages));
    }
    if !is_root() {
        return Ok(Outcome::Skipped(
            "packages were made, but only root can install them".to_owned(),
        ));
    }
    for (trial, packages) in &tried {
        let sandbox = match Sandbox::open(&folder.join("sandbox")) {
            Ok(sandbox) => sandbox,
            // Containers may forbid it, and the trial must not run on the machine itself.
            Err(error) => {
                return Ok(Outcome::Skipped(format!(
                    "packages were made, not installed: {error:#}"
                )));
            }
        };
        trial
            .run(&sandbox, packages)
            .with_context(|| format!("the package {}", trial.package))?;
        println!("{}: installed, upgraded, removed, purged", trial.package);
    }
    let packages: Vec<&Packages> = tried.iter().map(|(_, packages)| packages).collect();
    handbook::run(&folder.join("sandbox"), &built, &packages)?;
    println!("handbook: what it says to type as root works");
    Ok(Outcome::Passed)
}

/// One package in two versions.
struct Packages {
    old: PathBuf,
    new: PathBuf,
}

fn archive(member: &Member, built: &Path, folder: &Path, revision: &str) -> anyhow::Result<PathBuf> {
    let mut recipe = Recipe::of(member)?;
    recipe.version = format!("{}-{revision}", member.version.replace('-', "~"));
    let archive = Archive {
        recipe,
        built,
        compression: Compression::Quick,
    };
    archive.write(folder)
}

/// Both were made from the same files, one after the other: as archives, too, they must be the same to the byte.
fn have_the_same_files(packages: &Packages) -> anyhow::Result<()> {
    let files = |package: &Path| {
        let output = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(package).output();
        output
            .map(|output| output.stdout)
            .context("`dpkg-deb` cannot be started")
    };
    let old = files(&packages.old)?;
    if old.is_empty() || old != files(&packages.new)? {
        bail!("{} was made twice and its files differ", packages.old.display());
    }
    Ok(())
}
