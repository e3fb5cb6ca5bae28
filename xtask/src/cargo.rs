//! How child processes are started: from the workspace's root, with the same settings in every step, so that steps
//! share what they built.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The profile setting `debug` in CI.
const DEBUG_IN_CI: &str = "0";

/// Returns the workspace's root folder.
pub(crate) fn root() -> PathBuf {
    // Asked when it runs: two checkouts that share a target folder share this program too.
    let told = std::env::var_os("CARGO_MANIFEST_DIR");
    let xtask = told.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().unwrap_or(&xtask).to_owned()
}

/// Returns a `cargo` call with these words, ready to run.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root()).stdin(Stdio::null());
    // `cargo run` sets variables about xtask. They would make build scripts that watch them run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    if !std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "never");
    }
    // A machine that builds once has nothing to gain from what incremental builds keep, and pays for writing it.
    if std::env::var_os("CI").is_some() {
        command.env("CARGO_INCREMENTAL", "0");
        // A panic names its line without debug information, too. The build is a quarter faster and half as large.
        command.env("CARGO_PROFILE_DEV_DEBUG", DEBUG_IN_CI);
    }
    command
}

/// Returns the profile setting `debug` of [`cargo()`], for builds of another workspace that share its folder.
pub(crate) fn debug_setting() -> &'static str {
    if std::env::var_os("CI").is_some() {
        DEBUG_IN_CI
    } else {
        "line-tables-only"
    }
}

/// Runs the command with its output shown; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", shown(command));
    let status = command
        .status()
        .with_context(|| format!("`{}` cannot be started", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs the command and returns what it wrote to standard output.
pub(crate) fn output_of(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{}` cannot be started", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not answer in UTF-8", shown(command)))
}

/// Returns whether `program --version` works here.
pub(crate) fn is_here(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Returns the command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

/// Returns the folder that cargo builds into.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let metadata = output_of(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let told = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(PathBuf::from(told.context("cargo metadata names no target_directory")?))
}
