//! Where a program is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian keeps servers in folders that are not in everybody's `PATH`.
const SERVER_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Returns where the program is, or says that it is missing and returns nothing.
///
/// # Panics
/// In CI (the variable `CI` is set) if it is missing: a test that does not run there must not pass.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SERVER_FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| missing(name))
}

/// Returns the Python that has the packages which `cargo xtask peers` installs, or says that it is missing and returns nothing.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn python() -> Option<PathBuf> {
    // The test program lies somewhere below the folder that cargo builds into.
    let test = env::current_exe().unwrap_or_default();
    let mut pythons = test.ancestors().map(|folder| folder.join("peers/venv/bin/python"));
    pythons
        .find(|python| Path::exists(python))
        .or_else(|| missing("the Python of the tests"))
}

/// Returns the Python of [`python`] if it has these modules, or says which it lacks and returns nothing.
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
    assert!(env::var_os("CI").is_none(), "{text}");
    eprintln!("skipped: {text}");
    None
}
