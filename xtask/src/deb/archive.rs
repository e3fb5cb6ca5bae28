//! From a recipe to a `.deb`: the files laid out as they will lie on the other machine, and `dpkg-deb`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::date;
use super::recipe::{Asset, Recipe};
use crate::cargo::{output_of, run};
use crate::symbols;

/// A package to be made.
pub(crate) struct Archive<'a> {
    pub(crate) recipe: Recipe,
    /// What stands for `target/release` in assets.
    pub(crate) built: &'a Path,
    pub(crate) compression: Compression,
}

/// How a package is packed.
#[derive(Clone, Copy)]
pub(crate) enum Compression {
    /// For releases: as small as possible.
    Small,
    /// For trials on this machine: without compression.
    Quick,
}

/// Scripts that dpkg runs.
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm"];

impl Archive<'_> {
    /// Writes the package into `folder` and returns its path.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let recipe = &self.recipe;
        let stage = folder.join(format!("{}.stage", recipe.package));
        if stage.exists() {
            fs::remove_dir_all(&stage).with_context(|| stage.display().to_string())?;
        }
        let tree = stage.join("tree");
        let mut programs = Vec::new();
        for asset in &recipe.assets {
            programs.extend(self.lay_out(asset, &tree)?);
        }
        let kibibytes = total_size(&tree)?.div_ceil(1024);
        let architecture = output_of(Command::new("dpkg").arg("--print-architecture"))?;
        let linked = if recipe.depends.contains("$auto") {
            linked_packages(&stage, &programs)?
        } else {
            String::new()
        };
        let sums = sums(&tree)?;
        let control = tree.join("DEBIAN");
        write(
            &control.join("control"),
            &recipe.control(architecture.trim(), &linked, kibibytes),
        )?;
        write(&control.join("md5sums"), &sums)?;
        if let Some(scripts) = &recipe.scripts {
            for script in SCRIPTS.iter().filter(|script| scripts.join(script).exists()) {
                install(&scripts.join(script), &control.join(script), 0o755)?;
            }
        }
        let name = format!("{}_{}_{}.deb", recipe.package, recipe.version, architecture.trim());
        self.pack(&stage, &tree, &folder.join(name))
    }

    /// Writes the package with the symbols of the programs into `folder` and returns its path.
    pub(crate) fn write_symbols(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let recipe = &self.recipe;
        let stage = folder.join(format!("{}-dbgsym.stage", recipe.package));
        if stage.exists() {
            fs::remove_dir_all(&stage).with_context(|| stage.display().to_string())?;
        }
        let tree = stage.join("tree");
        for asset in recipe.assets.iter().filter(|asset| self.is_program(asset)) {
            let program = self.source_of(asset);
            let folder = tree.join("usr/lib/debug").join(&asset.to);
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            let file = folder.join(symbols_name(&program));
            symbols::extract(&program, &file)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        }
        let kibibytes = total_size(&tree)?.div_ceil(1024);
        let architecture = output_of(Command::new("dpkg").arg("--print-architecture"))?;
        let (sums, control) = (sums(&tree)?, tree.join("DEBIAN"));
        write(
            &control.join("control"),
            &recipe.symbols_control(architecture.trim(), kibibytes),
        )?;
        write(&control.join("md5sums"), &sums)?;
        let name = format!(
            "{}-dbgsym_{}_{}.deb",
            recipe.package,
            recipe.version,
            architecture.trim()
        );
        self.pack(&stage, &tree, &folder.join(name))
    }

    /// Packs the laid out files, removes them, and returns the path of the package.
    fn pack(&self, stage: &Path, tree: &Path, path: &Path) -> anyhow::Result<PathBuf> {
        run(Command::new("find")
            .arg(tree)
            .args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]))?;
        let packing = match self.compression {
            Compression::Small => "-Zxz",
            Compression::Quick => "-Znone",
        };
        // dpkg-deb sorts the files, and dates no file later than this.
        let mut dpkg_deb = Command::new("dpkg-deb");
        dpkg_deb.env("SOURCE_DATE_EPOCH", date()?);
        run(dpkg_deb
            .args(["--build", "--root-owner-group", packing])
            .arg(tree)
            .arg(path))?;
        fs::remove_dir_all(stage).with_context(|| stage.display().to_string())?;
        Ok(path.to_owned())
    }

    /// Returns the path of an asset here; it may have a `*`.
    fn source_of(&self, asset: &Asset) -> PathBuf {
        let built = asset.from.strip_prefix("target/release/");
        built.map_or_else(|| self.recipe.folder.join(&asset.from), |rest| self.built.join(rest))
    }

    /// Returns whether an asset is a program of the crate.
    fn is_program(&self, asset: &Asset) -> bool {
        let built = asset.from.strip_prefix("target/release/");
        built.is_some_and(|rest| self.recipe.programs.iter().any(|program| program == rest))
    }

    /// Puts an asset's files where they belong; returns the programs among them.
    fn lay_out(&self, asset: &Asset, tree: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let from = self.source_of(asset);
        let is_program = self.is_program(asset);
        let mut programs = Vec::new();
        for file in matching(&from)? {
            let mut to = tree.join(&asset.to);
            if asset.to.ends_with('/') {
                to.push(file.file_name().unwrap_or_default());
            }
            install(&file, &to, asset.mode)?;
            if is_program {
                // Beside the tree: the symbols go into a package of their own.
                let symbols = tree.with_file_name(symbols_name(&to));
                symbols::split(&to, &symbols)?;
                programs.push(to);
            } else if is_compressed(&to.strip_prefix(tree).unwrap_or(&to).to_string_lossy()) {
                // Without name and date.
                run(Command::new("gzip").args(["-9", "-n", "-f"]).arg(&to))?;
            }
        }
        Ok(programs)
    }
}

/// Returns the name of the file with the symbols of a program, for example `cratosd.debug`.
fn symbols_name(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default();
    format!("{}.debug", name.to_string_lossy())
}

/// Returns the file, or in order those whose names fit the last component with its `*`.
fn matching(from: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let pattern = from.file_name().unwrap_or_default().to_string_lossy();
    let Some((head, tail)) = pattern.split_once('*') else {
        return Ok(vec![from.to_owned()]);
    };
    let folder = from.parent().unwrap_or(from);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let fits = name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail);
        if fits && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    if files.is_empty() {
        bail!("{}: there is no such file", from.display());
    }
    files.sort();
    Ok(files)
}

fn install(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(|| to.display().to_string())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).with_context(|| path.display().to_string())
}

/// Returns whether Debian policy wants a file compressed, by its path in the package.
fn is_compressed(path: &str) -> bool {
    path.starts_with("usr/share/man/") || path.starts_with("usr/share/doc/") && path.ends_with("/changelog")
}

fn total_size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            total_size(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

/// Returns the text of `md5sums`, by which dpkg finds damaged files.
fn sums(tree: &Path) -> anyhow::Result<String> {
    let script = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum";
    output_of(Command::new("sh").args(["-c", script]).current_dir(tree))
}

/// Returns the packages that have the libraries which the programs are linked with, with their versions.
fn linked_packages(stage: &Path, programs: &[PathBuf]) -> anyhow::Result<String> {
    // dpkg-shlibdeps works in an unpacked source package only.
    write(
        &stage.join("debian/control"),
        "Source: unused\n\nPackage: unused\nArchitecture: any\n",
    )?;
    let mut command = Command::new("dpkg-shlibdeps");
    let told = output_of(command.current_dir(stage).args(["-O", "--warnings=0"]).args(programs))?;
    let depends = told.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(depends.context("dpkg-shlibdeps names no packages")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_pages_and_the_changelog_are_compressed() {
        assert!(is_compressed("usr/share/man/man1/cratosd.1"));
        assert!(is_compressed("usr/share/doc/cratosd/changelog"));
        assert!(!is_compressed("usr/share/doc/cratosd/copyright"));
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_an_error() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert_eq!(matching(&here.join("mai*.rs")).unwrap(), [here.join("main.rs")]);
        assert!(matching(&here.join("*.nothing")).is_err());
    }
}
