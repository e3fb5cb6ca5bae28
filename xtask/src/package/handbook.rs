//! What the handbook says to type as root is typed, on a copy of this machine's system that is thrown away.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use test_peers::handbook::{Block, blocks};

use super::sandbox::Sandbox;
use super::{Packages, cratos_agent, cratosd};
use crate::cargo::root;

/// Where the files of a release lie inside.
const RELEASE: &str = "/tmp/release";

/// The pages that are read one after the other on one machine, and the kind of their blocks.
const COURSES: [(&str, &[&str]); 3] = [
    ("package", &["docs/install.md"]),
    ("install", &["docs/install.md"]),
    ("install", &["docs/agent.md", "docs/defectdojo.md"]),
];

/// Plays every course in a sandbox of its own. `built` has the programs, `pages` the manual pages and completions of
/// each package.
pub(super) fn run(folder: &Path, built: &Path, packages: &[&Packages]) -> anyhow::Result<()> {
    let all = blocks();
    for (kind, pages) in COURSES {
        let sandbox = Sandbox::open(folder)?;
        clear(&sandbox)?;
        furnish(&sandbox, built, packages)?;
        let mut played = 0;
        for page in pages {
            for block in all.iter().filter(|block| block.page == *page && block.kind == kind) {
                play(&sandbox, block)?;
                played += 1;
            }
        }
        ensure!(played > 0, "{pages:?} has no block of the kind `{kind}`");
    }
    let is_played = |block: &Block| {
        let mut courses = COURSES.iter();
        courses.any(|(kind, pages)| *kind == block.kind && pages.contains(&block.page.as_str()))
    };
    let is_ours = |block: &&Block| ["install", "package"].contains(&block.kind.as_str());
    if let Some(block) = all.iter().filter(is_ours).find(|block| !is_played(block)) {
        bail!(
            "{}: xtask/src/package/handbook.rs does not play this page",
            block.place()
        );
    }
    Ok(())
}

/// Takes away what this machine has of an installation.
fn clear(sandbox: &Sandbox) -> anyhow::Result<()> {
    for trial in [&cratosd::TRIAL, &cratos_agent::TRIAL] {
        trial.clears(sandbox)?;
        // There is none, on most machines.
        let _ = sandbox.command(&["userdel", trial.user]).output()?;
    }
    Ok(())
}

/// Puts the files of a release, and those that an administrator brings, where the commands are typed.
fn furnish(sandbox: &Sandbox, built: &Path, packages: &[&Packages]) -> anyhow::Result<()> {
    let release = sandbox.path(RELEASE);
    fs::create_dir_all(&release).context(RELEASE)?;
    for program in ["cratosd", "cratos-agent"] {
        fs::copy(built.join(program), release.join(program)).context(program)?;
    }
    for package in packages {
        let name = package.new.file_name().context("a package without a name")?;
        fs::copy(&package.new, release.join(name)).with_context(|| package.new.display().to_string())?;
    }
    for folder in ["packaging", "config.example"] {
        copy(&root().join(folder), &release.join(folder))?;
    }
    for name in ["cratosd", "cratos-agent"] {
        copy(&built.join("pages").join(name), &release)?;
    }
    for name in ["agent.yaml", "defectdojo.yaml"] {
        fs::copy(root().join("config.example").join(name), release.join(name)).context(name)?;
    }
    for name in ["token", "defectdojo-key", "defectdojo-token"] {
        fs::write(release.join(name), "secret\n").context(name)?;
    }
    Ok(())
}

/// No systemd runs inside, so units are enabled and not started.
const PRELUDE: &str = r#"
set -eu
systemctl() {
    if [ "$1" = daemon-reload ]; then return; fi
    for word; do
        shift
        if [ "$word" != --now ]; then set -- "$@" "$word"; fi
    done
    command systemctl "$@"
}
"#;

fn play(sandbox: &Sandbox, block: &Block) -> anyhow::Result<()> {
    let script = format!("{PRELUDE}cd {RELEASE}\n{}", block.text);
    let said = sandbox.run(&["sh", "-c", &script]).with_context(|| block.place())?;
    print!("{said}");
    Ok(())
}

/// Copies a file, or the content of a folder.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to)
            .map(|_| ())
            .with_context(|| from.display().to_string());
    }
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
