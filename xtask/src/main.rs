//! Chores of this workspace. `cargo xtask ci` is what a person runs before pushing and what CI runs; every step of it
//! is a subcommand of its own. `cargo xtask` alone lists them.
//!
//! A new check is one file here and one line in [`steps::STEPS`].

#![expect(clippy::print_stdout, reason = "a command-line tool talks to the terminal")]

mod alone;
mod api;
mod attack;
mod bench;
mod beside;
mod cargo;
mod ci;
mod circles;
mod clippy;
mod codegen;
mod counts;
mod custom_exporter;
mod deb;
mod deny;
mod dist;
mod docs;
mod edges;
mod fmt;
mod fuzz;
mod metadata;
mod msrv;
mod mutants;
mod outcome;
mod outside;
mod package;
mod pages;
mod peers;
mod prose;
mod publish;
mod steps;
mod symbols;
mod test;
mod tidy;
mod tools;
mod wasm;

use std::process::ExitCode;

/// What `sysexits` calls wrong usage.
const USAGE: u8 = 64;

/// What one call does.
type Chore = Box<dyn FnOnce() -> ExitCode>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    chore(&words).map_or_else(usage, |chore| chore())
}

/// Returns what these words ask for, if anything.
fn chore(words: &[&str]) -> Option<Chore> {
    let owned = |word: &str| word.to_owned();
    Some(match *words {
        ["ci"] => Box::new(|| ci::run(steps::STEPS, ci::OnFailure::Stop)),
        ["ci", "--keep-going"] => Box::new(|| ci::run(steps::STEPS, ci::OnFailure::KeepGoing)),
        ["codegen"] => Box::new(|| report(codegen::write())),
        ["codegen", "--check"] => Box::new(|| one_step("codegen")),
        ["api", "--write"] => Box::new(|| report(api::write())),
        ["words"] => Box::new(|| report(prose::print())),
        ["tools"] => Box::new(|| report(tools::install())),
        ["dist"] => Box::new(|| report(dist::make())),
        ["deb"] => Box::new(|| report(deb::make())),
        ["attack"] => Box::new(|| report(attack::run(None))),
        ["attack", name] => {
            let name = owned(name);
            Box::new(move || report(attack::run(Some(&name))))
        }
        ["bench", ref words @ ..] => {
            let bench = bench::chore(words)?;
            Box::new(move || report(bench()))
        }
        ["soak", minutes] => {
            let minutes = owned(minutes);
            Box::new(move || report(bench::soak::run(&minutes)))
        }
        ["fuzz", ref targets @ ..] => {
            let targets: Vec<String> = targets.iter().map(|target| owned(target)).collect();
            Box::new(move || report(fuzz::run_targets(&targets)))
        }
        ["mutants", ref words @ ..] => {
            let words: Vec<String> = words.iter().map(|word| owned(word)).collect();
            Box::new(move || report(mutants::run(&words)))
        }
        [name] => {
            let step = steps::STEPS.iter().find(|step| step.name == name)?;
            Box::new(|| ci::run_one(step))
        }
        _ => return None,
    })
}

fn one_step(name: &str) -> ExitCode {
    match steps::STEPS.iter().find(|step| step.name == name) {
        Some(step) => ci::run_one(step),
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
        "  {:<18} lists what each library offers in its public-api.txt",
        "api --write"
    );
    eprintln!(
        "  {:<18} measures how plain the English of comments and pages is",
        "words"
    );
    eprintln!(
        "  {:<18} puts an installation together in target/dist: programs, completions, manual pages",
        "dist"
    );
    eprintln!("  {:<18} makes the Debian packages, in target/debian", "deb");
    eprintln!("  {:<18} installs the optional tools that some steps use", "tools");
    bench::usage();
    eprintln!(
        "  {:<18} attacks a daemon over loopback and measures its memory, all attacks or one of them",
        "attack [NAME]"
    );
    eprintln!(
        "  {:<18} runs a daemon under load and trouble, and checks memory, descriptors and every answer",
        "soak MINUTES"
    );
    eprintln!(
        "  {:<18} runs each fuzz target, or those with these names, for two minutes",
        "fuzz [TARGET…]"
    );
    eprintln!(
        "  {:<18} tests whether the tests of a crate notice N (150) drawn faults of it",
        "mutants CRATE [N]"
    );
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Workspace;
    use test_peers::handbook::blocks;

    #[test]
    fn every_chore_in_the_handbook_exists() {
        let workspace = Workspace::read().unwrap();
        let mut looked_at = 0;
        for block in blocks().iter().filter(|block| block.kind == "chore") {
            for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
                let command = line.split('#').next().unwrap_or_default();
                let words: Vec<&str> = command.split_whitespace().collect();
                let place = block.place();
                match words.as_slice() {
                    ["cargo", "xtask", rest @ ..] => assert!(chore(rest).is_some(), "{place}: {line}"),
                    ["cargo", "build" | "run", rest @ ..] => {
                        let package = rest.iter().skip_while(|word| **word != "-p").nth(1);
                        let is_member = |name: &&str| workspace.members.iter().any(|member| member.name == **name);
                        assert!(package.is_some_and(is_member), "{place}: {line}");
                    }
                    _ => panic!("{place}: {line}: a chore is `cargo xtask …`, `cargo build -p …` or `cargo run -p …`"),
                }
                looked_at += 1;
            }
        }
        assert!(looked_at > 5, "{looked_at}");
    }

    #[test]
    fn a_chore_that_is_none_is_refused() {
        assert!(chore(&["no-such-step"]).is_none() && chore(&[]).is_none());
    }
}
