//! Debian packages, of every crate that has `[package.metadata.deb]`.
//!
//! The metadata is cargo-deb's, which takes minutes to compile; this makes the same package with what any Debian has.
//! The same sources give the same bytes, but for what the compiler writes into the program.

mod archive;
mod recipe;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

pub(crate) use self::archive::{Archive, Compression};
pub(crate) use self::recipe::Recipe;
use crate::cargo::{cargo, output_of, root, run, target_dir};
use crate::metadata::Workspace;
use crate::pages;

/// Makes `target/debian/NAME_VERSION_ARCHITECTURE.deb` for each package, optimised, and a package `NAME-dbgsym` with
/// its symbols.
pub(crate) fn make() -> anyhow::Result<()> {
    let target = target_dir()?;
    let built = target.join("release");
    let workspace = Workspace::read()?;
    for member in workspace.packaged() {
        run(&mut cargo(&["build", "--release", "--locked", "-p", &member.name]))?;
        pages::write(member, &new_pages_folder(&built, &member.name)?)?;
        let archive = Archive {
            recipe: Recipe::of(member)?,
            built: &built,
            compression: Compression::Small,
        };
        let folder = target.join("debian");
        println!("{}", archive.write(&folder)?.display());
        println!("{}", archive.write_symbols(&folder)?.display());
    }
    Ok(())
}

/// Returns where the metadata looks for completions and manual pages, below the folder with the programs. It removes
/// those of an earlier build, since the package would contain the pages of removed commands too.
pub(crate) fn new_pages_folder(built: &Path, package: &str) -> anyhow::Result<PathBuf> {
    let folder = built.join("pages").join(package);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    Ok(folder)
}

/// Returns the second that files in a package are dated with: `SOURCE_DATE_EPOCH`, else when the newest commit was
/// made.
fn date() -> anyhow::Result<String> {
    if let Ok(told) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(told);
    }
    let mut git = Command::new("git");
    let second = output_of(git.current_dir(root()).args(["log", "-1", "--format=%ct"]));
    let second = second.context("not a git checkout: set SOURCE_DATE_EPOCH, the second to date the files with")?;
    Ok(second.trim().to_owned())
}
