//! What some steps use beyond `cargo` itself, and how to get it.

use crate::cargo::{cargo, is_here, run};

/// Installs the optional tools. Compiling them takes some minutes, once per machine.
pub(crate) fn install() -> anyhow::Result<()> {
    run(&mut cargo(&["install", "cargo-deny", "--locked"]))
}

/// Returns why the `cargo` subcommand of a toolchain component cannot be used, if so, after having tried to add it.
pub(crate) fn missing_component(subcommand: &str, component: &str) -> Option<String> {
    if is_here(&mut cargo(&[subcommand, "--version"])) {
        return None;
    }
    let mut rustup = std::process::Command::new("rustup");
    let added = run(rustup.args(["component", "add", component]));
    if added.is_ok() && is_here(&mut cargo(&[subcommand, "--version"])) {
        return None;
    }
    Some(format!(
        "this toolchain has no {component}; with rustup `rustup component add {component}` brings it, else the \
         distribution's package of that name"
    ))
}
