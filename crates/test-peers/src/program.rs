//! The path of a program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian keeps servers in folders that are in the `PATH` of root only.
const SERVER_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Returns the path of the program. If it is missing, prints so and returns nothing.
///
/// # Panics
/// In CI (the variable `CI` is set) if it is missing: a test that does not run there must not pass. The exception are
/// programs that `cargo xtask peers` could not install on this machine and listed as absent.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SERVER_FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| missing(name))
}

/// Returns the Python with the packages that `cargo xtask peers` installs. If it is missing, prints so and returns
/// nothing.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn python() -> Option<PathBuf> {
    installed("venv/bin/python").or_else(|| missing("the Python of the tests"))
}

/// Returns the folder of a Debian package that `cargo xtask peers` unpacked and did not install, for example
/// `crowdsec`. If it is missing, prints so and returns nothing.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn unpacked(package: &str) -> Option<PathBuf> {
    installed(package).or_else(|| missing(package))
}

/// Returns the path of a file that `cargo xtask peers` installed, if it exists.
fn installed(name: &str) -> Option<PathBuf> {
    // The test program lies somewhere below the folder that cargo builds into.
    let test = env::current_exe().unwrap_or_default();
    let mut files = test.ancestors().map(|folder| folder.join("peers").join(name));
    files.find(|file| Path::exists(file))
}

/// Returns the Python of [`python`] if it has these modules, for example `scapy`. Otherwise it prints the missing one
/// and returns nothing.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn python_with(modules: &[&str]) -> Option<PathBuf> {
    let python = python()?;
    let has = |module: &&str| {
        let import = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        import.is_ok_and(|output| output.status.success())
    };
    match modules.iter().find(|module| !has(module)) {
        None => Some(python),
        Some(module) => missing(&format!("the Python module {module}")),
    }
}

fn missing(name: &str) -> Option<PathBuf> {
    let text = format!("{name} is not here; `cargo xtask peers` installs it");
    let absent = installed("absent").and_then(|list| fs::read_to_string(list).ok());
    let may_be_missing = env::var_os("CI").is_none() || cannot_be_had(absent.as_deref(), name);
    assert!(may_be_missing, "{text}");
    eprintln!("skipped: {text}");
    None
}

/// Returns whether the list of absent programs names this one.
fn cannot_be_had(absent: Option<&str>, name: &str) -> bool {
    absent.is_some_and(|list| list.lines().any(|program| program == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_found_to_be_absent_may_be_missing_in_ci() {
        assert!(cannot_be_had(Some("other\nsuricata"), "suricata"));
        assert!(!cannot_be_had(Some("suricata-update"), "suricata"));
        assert!(!cannot_be_had(Some(""), "suricata") && !cannot_be_had(None, "suricata"));
    }
}
