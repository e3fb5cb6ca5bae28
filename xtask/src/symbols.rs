//! Splits a built program into the part that runs and the part that only a debugger reads.
//!
//! `cratosd` is 99 MB with its symbols and 22 MB without them. An installation has the small program, and the symbols beside it in a file
//! or a package that can be fetched when a core dump or a profile needs names.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::cargo::{output_of, run};

/// Writes the symbols of `program` into `file`, compressed, in the form that gdb, perf and systemd-coredump read.
pub(crate) fn extract(program: &Path, file: &Path) -> anyhow::Result<()> {
    let mut objcopy = Command::new("objcopy");
    objcopy.args(["--only-keep-debug", "--compress-debug-sections"]);
    run(objcopy.arg(program).arg(file))
}

/// Removes the symbols of `program`, in place.
pub(crate) fn strip(program: &Path) -> anyhow::Result<()> {
    let mut strip = Command::new("strip");
    run(strip
        .args(["--remove-section=.comment", "--remove-section=.note"])
        .arg(program))
}

/// Returns the path below `/usr/lib/debug` at which a debugger looks for the symbols of `program`: it follows from the build id, which
/// the linker writes into the program and which stays when the program is stripped.
pub(crate) fn debug_path(program: &Path) -> anyhow::Result<String> {
    let mut readelf = Command::new("readelf");
    let notes = output_of(readelf.args(["--notes", "--wide"]).arg(program))?;
    let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
    let id = id.map(str::trim).and_then(|id| id.split_at_checked(2));
    let (folder, file) = id.with_context(|| format!("{} has no build id", program.display()))?;
    Ok(format!(".build-id/{folder}/{file}.debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(file: &Path) -> String {
        let mut readelf = Command::new("readelf");
        output_of(readelf.args(["--sections", "--wide"]).arg(file)).unwrap()
    }

    #[test]
    fn a_program_runs_without_its_symbols_and_a_debugger_finds_them() {
        let folder = std::env::temp_dir().join(format!("cratos-symbols-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (program, symbols) = (folder.join("program"), folder.join("symbols"));
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let path = debug_path(&program).unwrap();
        extract(&program, &symbols).unwrap();
        strip(&program).unwrap();
        assert!(!sections(&program).contains(".symtab") && sections(&symbols).contains(".symtab"));
        assert_eq!(
            (debug_path(&program).unwrap(), debug_path(&symbols).unwrap()),
            (path.clone(), path)
        );
        output_of(Command::new(&program).arg("--list")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
