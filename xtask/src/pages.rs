//! Shell completions and manual pages, written by those who know the command line: an example of each program's crate.

use std::path::Path;
use std::process::Command;

use crate::cargo::{cargo, run};
use crate::metadata::Member;

/// Writes the pages of `member` into `folder`, building what writes them; nothing if it has no pages.
pub(crate) fn write(member: &Member, folder: &Path) -> anyhow::Result<()> {
    let Some(example) = &member.pages else {
        return Ok(());
    };
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "-p",
        &member.name,
        "--example",
        example,
        "--",
    ]);
    run(command.arg(folder))
}

/// As [`write()`], with the programs in the folder `built` (`target/debug`, for one).
pub(crate) fn write_with(member: &Member, built: &Path, folder: &Path) -> anyhow::Result<()> {
    let Some(example) = &member.pages else {
        return Ok(());
    };
    run(Command::new(built.join("examples").join(example)).arg(folder))
}
