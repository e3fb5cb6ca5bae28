//! What each library offers is written down in its `public-api.txt`, so that a reviewer sees a break of the public API
//! in the diff.
//!
//! `cargo xtask api --write` renews the files. The lists come from rustdoc's JSON, which stable rustdoc writes only
//! with `RUSTC_BOOTSTRAP`. Set for cargo, that variable would make build scripts run again. So cargo gets this program
//! as its rustdoc, and this program calls the real one with the variable.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::cargo::{cargo, run as run_command, target_dir};
use crate::metadata::{Member, Workspace};
use crate::outcome::Outcome;

/// The variable that makes this program a rustdoc.
const AS_RUSTDOC: &str = "CRATOS_XTASK_AS_RUSTDOC";

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

/// Runs rustdoc in place of this program if cargo asks for that.
pub(crate) fn rustdoc() -> Option<ExitCode> {
    std::env::var_os(AS_RUSTDOC)?;
    let mut rustdoc = Command::new("rustdoc");
    let status = rustdoc
        .args(std::env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(if status.is_ok_and(|status| status.success()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
    let this_program = std::env::current_exe().context("where this program is")?;
    run_command(command.env("RUSTDOC", this_program).env(AS_RUSTDOC, "1"))?;
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
