//! Chores of this workspace. `cargo xtask ci` is what a person runs before pushing and what CI runs; every step of it is a
//! subcommand of its own. `cargo xtask` alone lists them.
//!
//! A new check is one file here and one line in [`steps::STEPS`].

#![expect(clippy::print_stdout, reason = "a command-line tool talks to the terminal")]

mod alone;
mod bench;
mod cargo;
mod ci;
mod clippy;
mod codegen;
mod deb;
mod deny;
mod dist;
mod docs;
mod edges;
mod fmt;
mod fuzz;
mod metadata;
mod package;
mod pages;
mod peers;
mod steps;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

/// What `sysexits` calls wrong usage.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ci"] => ci::run(steps::STEPS, ci::OnFailure::Stop),
        ["ci", "--keep-going"] => ci::run(steps::STEPS, ci::OnFailure::KeepGoing),
        ["codegen"] => report(codegen::write()),
        ["codegen", "--check"] => one_step("codegen"),
        ["tools"] => report(tools::install()),
        ["dist"] => report(dist::make()),
        ["deb"] => report(deb::make()),
        ["bench"] => report(bench::run(None)),
        ["bench", "lookups"] => report(bench::lookups::run(None)),
        ["bench", "lookups", values] => report(bench::lookups::run(Some(values))),
        ["bench", "others"] => report(bench::others::run(None)),
        ["bench", "others", values] => report(bench::others::run(Some(values))),
        ["bench", "listeners"] => report(bench::listeners::run(None)),
        ["bench", "listeners", listeners] => report(bench::listeners::run(Some(listeners))),
        ["bench", attributes] => report(bench::run(Some(attributes))),
        [name] => one_step(name),
        _ => usage(),
    }
}

fn one_step(name: &str) -> ExitCode {
    match steps::STEPS.iter().find(|step| step.name == name) {
        Some(step) => ci::run(std::slice::from_ref(step), ci::OnFailure::Stop),
        None => usage(),
    }
}

fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: cargo xtask COMMAND\n");
    eprintln!(
        "  {:<18} all of the steps below, stopping at the first that fails",
        "ci [--keep-going]"
    );
    for step in steps::STEPS {
        eprintln!("    {:<16} {}", step.name, step.summary);
    }
    eprintln!(
        "  {:<18} writes the generated pages (with --check: only compares, as `ci` does)",
        "codegen [--check]"
    );
    eprintln!(
        "  {:<18} puts an installation together in target/dist: programs, completions, manual pages",
        "dist"
    );
    eprintln!("  {:<18} makes the Debian packages, in target/debian", "deb");
    eprintln!("  {:<18} installs the optional tools that some steps use", "tools");
    eprintln!(
        "  {:<18} measures a large feed on real processes (100 000 attributes unless said otherwise)",
        "bench [ATTRIBUTES]"
    );
    eprintln!(
        "  {:<18} measures look-ups in a large index (1 000 000 values)",
        "bench lookups [N]"
    );
    eprintln!("  {:<18} measures listeners of one feed (5 000)", "bench listeners [N]");
    eprintln!(
        "  {:<18} measures others while a feed of N (1 000 000) is made",
        "bench others [N]"
    );
    ExitCode::from(USAGE)
}
