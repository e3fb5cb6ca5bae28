//! What some steps use beyond `cargo` itself, and how to get it.

use std::path::Path;
use std::process::Command;

use crate::cargo::{cargo, is_here, output_of, run};

/// Installs the optional tools. Compiling them takes some minutes, once per machine.
pub(crate) fn install() -> anyhow::Result<()> {
    run(&mut cargo(&["install", "cargo-deny", "--locked"]))
}

/// Returns why nothing can be built for this target, if so, after having tried to add its standard library.
pub(crate) fn missing_target(target: &str) -> Option<String> {
    let has_std = || {
        let libraries = output_of(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
        libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
    };
    if has_std() || (run(Command::new("rustup").args(["target", "add", target])).is_ok() && has_std()) {
        return None;
    }
    Some(format!(
        "this toolchain has no standard library for {target}; with rustup `rustup target add {target}` brings it"
    ))
}

/// Returns why the `cargo` subcommand of a toolchain component cannot be used, if so, after having tried to add it.
pub(crate) fn missing_component(subcommand: &str, component: &str) -> Option<String> {
    if is_here(&mut cargo(&[subcommand, "--version"])) {
        return None;
    }
    let mut rustup = Command::new("rustup");
    let added = run(rustup.args(["component", "add", component]));
    if added.is_ok() && is_here(&mut cargo(&[subcommand, "--version"])) {
        return None;
    }
    Some(format!(
        "this toolchain has no {component}; with rustup `rustup component add {component}` brings it, else the \
         distribution's package of that name"
    ))
}
