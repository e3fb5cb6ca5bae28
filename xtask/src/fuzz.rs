//! The fuzz targets: the step of CI compiles them, and `cargo xtask fuzz` runs them.
//!
//! Each `crates/*/fuzz` is a workspace of its own, so that the workspace builds without its C++ dependency.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cargo::{cargo, is_here, root, run as run_command};
use crate::outcome::Outcome;
use crate::outside::{cargo_for, take_versions_of_the_workspace, target_folder};

/// How long each target runs.
const SECONDS: u32 = 120;

/// Runs each target with one of these names for two minutes; all without a name.
///
/// cargo-fuzz needs unstable options. `RUSTC_BOOTSTRAP` has the stable compiler take them.
pub(crate) fn run_targets(names: &[String]) -> anyhow::Result<()> {
    ensure!(
        is_here(cargo(&["fuzz"]).arg("--version")),
        "cargo-fuzz is not installed: `cargo install cargo-fuzz`"
    );
    let (mut known, mut ran) = (Vec::new(), 0);
    for folder in fuzz_crates()? {
        take_versions_of_the_workspace(&folder)?;
        for target in targets_of(&folder)? {
            if names.is_empty() || names.contains(&target) {
                run_target(&folder, &target)?;
                ran += 1;
            }
            known.push(target);
        }
    }
    for name in names {
        ensure!(
            known.contains(name),
            "no target `{name}`; there are {}",
            known.join(", ")
        );
    }
    println!("{ran} targets ran for {SECONDS} s each, and found nothing");
    Ok(())
}

/// Fails if the target finds something. cargo-fuzz then prints the input and where it lies.
///
/// New inputs go into `corpus/TARGET`, which is kept for the next run and not in the repository. `seeds/TARGET` is in
/// it: inputs that the fuzzer would not find in two minutes.
fn run_target(folder: &Path, target: &str) -> anyhow::Result<()> {
    let corpus = folder.join("corpus").join(target);
    std::fs::create_dir_all(&corpus).with_context(|| corpus.display().to_string())?;
    let seeds = Some(folder.join("seeds").join(target)).filter(|seeds| seeds.is_dir());
    let mut command = cargo(&["fuzz", "run", "--fuzz-dir"]);
    command
        .arg(folder)
        .arg("--target-dir")
        .arg(target_folder().join("fuzz"))
        .args([target.as_ref(), corpus.as_os_str()])
        .args(seeds)
        .args([
            "--",
            &format!("-max_total_time={SECONDS}"),
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
        ])
        .env("RUSTC_BOOTSTRAP", "1");
    run_command(&mut command)
}

/// Returns the targets of a fuzz crate in order.
fn targets_of(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("fuzz_targets"))? {
        let path = entry?.path();
        if let Some(name) = path
            .file_stem()
            .filter(|_| path.extension().is_some_and(|end| end == "rs"))
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Compiles the targets, so that they do not rot.
pub(crate) fn check() -> anyhow::Result<Outcome> {
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
        run_command(&mut cargo_for(&folder, &["check"])?)?;
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
