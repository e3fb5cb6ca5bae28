//! What an installation consists of, put together in `target/dist`: programs, completions, manual pages, units,
//! examples, documentation.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::cargo::{cargo, root, run, target_dir};
use crate::metadata::Workspace;
use crate::pages;
use crate::symbols;

/// From the workspace's root; folders are taken whole.
const FILES: &[&str] = &[
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "config.example",
    "docs",
    "packaging",
    "sites.example",
];

/// Makes `target/dist` anew. The same sources give the same files, but for what the compiler writes into the programs.
pub(crate) fn make() -> anyhow::Result<()> {
    let target = target_dir()?;
    let dist = target.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).context("target/dist")?;
    }
    let workspace = Workspace::read()?;
    let mut build = cargo(&["build", "--release", "--locked"]);
    for member in workspace.installed() {
        build.args(["-p", &member.name]);
        pages::write(member, &dist)?;
    }
    run(&mut build)?;
    fs::create_dir_all(&dist).context("target/dist")?;
    for program in workspace.installed().flat_map(|member| &member.programs) {
        let (built, installed) = (target.join("release").join(program), dist.join(program));
        copy(&built, &installed)?;
        symbols::split(&installed, &dist.join(format!("{program}.debug")))?;
    }
    for name in FILES {
        copy(&root().join(name), &dist.join(name))?;
    }
    println!("{}", dist.display());
    Ok(())
}

/// Copies a file, or a folder with its files and folders, without those that cargo builds into.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| from.display().to_string())?;
        return Ok(());
    }
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        // The crate in `docs/custom-exporter` has one if it was built in place.
        if entry.file_name() == "target" {
            continue;
        }
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_shipped_is_there() {
        for name in FILES {
            assert!(root().join(name).exists(), "{name}");
        }
    }
}
