//! What each library offers is written down in its `public-api.txt`, so that a reviewer sees a break of the public API
//! in the diff.
//!
//! `cargo xtask api --write` renews the files. The lists come from rustdoc's JSON, which stable rustdoc writes only
//! with `RUSTC_BOOTSTRAP`. Set for cargo, that variable would make build scripts run again. So cargo gets a script as
//! its rustdoc, which calls the real one with the variable.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::cargo::{cargo, run as run_command, target_dir};
use crate::metadata::{Member, Workspace};
use crate::outcome::Outcome;

const FILE: &str = "public-api.txt";

/// Compares each list with the code.
pub(crate) fn run() -> anyhow::Result<Outcome> {
    let mut stale = Vec::new();
    for library in libraries()? {
        let text = std::fs::read_to_string(library.folder.join(FILE)).unwrap_or_default();
        if text != api_of(&library)? {
            stale.push(library.name);
        }
    }
    if !stale.is_empty() {
        bail!(
            "the public API of {} is not what {FILE} lists: run `cargo xtask api --write` and look at the difference",
            stale.join(", ")
        );
    }
    Ok(Outcome::Passed)
}

/// Writes each list anew.
pub(crate) fn write() -> anyhow::Result<()> {
    for library in libraries()? {
        let path = library.folder.join(FILE);
        std::fs::write(&path, api_of(&library)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Writes a program that calls rustdoc with the variable, and returns its path. It is a script: cargo may have replaced
/// the file of this program since it started.
fn rustdoc() -> anyhow::Result<PathBuf> {
    let path = target_dir()?.join("rustdoc-json");
    std::fs::write(&path, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")
        .with_context(|| path.display().to_string())?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(path)
}

fn libraries() -> anyhow::Result<Vec<Member>> {
    let members = Workspace::read()?.members;
    let libraries = members.into_iter().filter(|member| member.is_published);
    Ok(libraries.filter(|member| member.library.is_some()).collect())
}

fn api_of(library: &Member) -> anyhow::Result<String> {
    let name = library.library.as_deref().unwrap_or_default();
    let mut command = cargo(&[
        "rustdoc",
        "--quiet",
        "--lib",
        "--all-features",
        "--package",
        &library.name,
        "--",
        "-Zunstable-options",
        "--output-format",
        "json",
    ]);
    run_command(command.env("RUSTDOC", rustdoc()?))?;
    let json: PathBuf = target_dir()?.join("doc").join(format!("{name}.json"));
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| {
            format!("rustdoc's JSON of {name} cannot be read; public-api fits one version of Rust only")
        })?;
    Ok(api.to_string())
}
