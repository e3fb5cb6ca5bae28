//! Splits a built program into the part that runs and the part that only a debugger reads.
//!
//! `cratosd` is 99 MB with its symbols and 22 MB without them. An installation has the small program, and the symbols
//! beside it in a file or a package that can be fetched when a core dump or a profile needs names.

use std::path::Path;
use std::process::Command;

use crate::cargo::run;

/// Writes the symbols of `program` into `file`, compressed, in the form that gdb, perf and systemd-coredump read.
pub(crate) fn extract(program: &Path, file: &Path) -> anyhow::Result<()> {
    let mut objcopy = Command::new("objcopy");
    objcopy.args(["--only-keep-debug", "--compress-debug-sections"]);
    run(objcopy.arg(program).arg(file))
}

/// Writes the symbols of `program` into `file` and removes them from the program, in place. The program then names the
/// file and its checksum, so a debugger finds it beside the program, or in the program's folder below `/usr/lib/debug`.
///
/// A build id would say the same, but the linker of a stable Rust writes none.
pub(crate) fn split(program: &Path, file: &Path) -> anyhow::Result<()> {
    extract(program, file)?;
    let mut strip = Command::new("strip");
    run(strip
        .args(["--remove-section=.comment", "--remove-section=.note"])
        .arg(program))?;
    let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
    link.push(file);
    run(Command::new("objcopy").arg(link).arg(program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::output_of;

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
        split(&program, &symbols).unwrap();
        assert!(!sections(&program).contains(".symtab") && sections(&symbols).contains(".symtab"));
        assert!(sections(&program).contains(".gnu_debuglink"));
        output_of(Command::new(&program).arg("--list")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
