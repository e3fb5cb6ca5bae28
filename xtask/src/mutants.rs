//! `cargo xtask mutants`: how many small faults of a crate its own tests notice, by a drawn sample.
//!
//! `cargo mutants` makes the faults, for example `<` for `<=` or a function that returns at once, and runs the tests
//! with each. All faults of a crate would take hours, so a seed draws some. `.cargo/mutants.toml` lists the faults that
//! no test can notice, with the reason of each; they are not drawn.
//!
//! Most time goes into linking tests. So the unit tests try all mutants first, and the other tests those that are left.

mod sample;
mod tally;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use self::sample::drawn;
use self::tally::{AIM_PERCENT, Tally};
use crate::cargo::{cargo, is_here, output_of, run as run_command, shown, target_dir};
use crate::metadata::{Member, Workspace};

/// Drawn unless said otherwise.
const SAMPLE: usize = 150;
const SEED: u64 = 1;

/// Tests that take too long to run with each mutant, by crate: a file in `tests`, or a module in one.
const LEFT_OUT: &[(&str, &str)] = &[("feed-engine", "equality"), ("misp-mirror", "floods")];

/// Seconds for tests that take a moment. A busy machine is not a test that does not end.
const LEAST_TIMEOUT: &str = "60";

/// What `cargo mutants` ends with when mutants were missed, and when tests did not end.
const TOLD_IN_OUTCOMES: [i32; 2] = [2, 3];

/// What to draw.
#[derive(Debug, PartialEq, Eq)]
struct Draw {
    /// The folder of the crate.
    name: String,
    sample: usize,
    seed: u64,
}

/// Tests a sample of the mutants of a crate: `CRATE [N] [--seed S]`. Fails if the tests notice too few of them.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    let draw = Draw::read(words)?;
    ensure!(
        is_here(cargo(&["mutants"]).arg("--version")),
        "cargo-mutants is not installed: `cargo install cargo-mutants --locked`"
    );
    let member = member_of(&draw.name)?;
    let drawn = drawn(all_of(&member.name)?, draw.sample, draw.seed);
    println!(
        "{} of the mutants of {}, drawn with seed {}",
        drawn.len(),
        draw.name,
        draw.seed
    );
    let results = target_dir()?.join("mutants");
    let unit_tests = ["--lib".to_owned()];
    let mut tally = tried(&member, &drawn, &unit_tests, &results, "unit")?;
    let others = others_of(&member);
    if !tally.missed.is_empty() && !others.is_empty() {
        let second = tried(&member, &tally.missed, &others, &results, "others")?;
        tally = tally.then(second);
    }
    print!("{tally}");
    ensure!(
        tally.is_enough(),
        "fewer than {AIM_PERCENT} % of the viable mutants were noticed"
    );
    Ok(())
}

/// Runs these tests with each of these mutants. What cargo-mutants writes lies in `results`, by crate and `round`.
fn tried(member: &Member, mutants: &[String], tests: &[String], results: &Path, round: &str) -> anyhow::Result<Tally> {
    let folder = results.join(member.folder_name()).join(round);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // All crates and both rounds share what they build. cargo-mutants works in a new copy each time, and cargo would
    // take the last mutant for a build of that copy.
    let build = results.join("build");
    let mut clean = cargo(&["clean", "--quiet", "--package", &member.name]);
    run_command(clean.env("CARGO_TARGET_DIR", &build))?;
    let mut command = cargo_mutants(member, mutants, tests);
    command.arg("--output").arg(&folder);
    command.args(["--", "--"]).args(skips(member.folder_name()));
    command.env("CARGO_TARGET_DIR", &build);
    // Builds without debug information are faster, and no backtrace is read.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0");
    let status = command.status().context("`cargo mutants` cannot be started")?;
    let is_told = status.code().is_some_and(|code| TOLD_IN_OUTCOMES.contains(&code));
    if !status.success() && !is_told {
        bail!("`{}` ended with {status}", shown(&command));
    }
    Tally::read(&folder.join("mutants.out/outcomes.json"), mutants)
}

fn cargo_mutants(member: &Member, mutants: &[String], tests: &[String]) -> Command {
    let mut command = cargo(&[
        "mutants",
        "--no-shuffle",
        "--colors",
        "never",
        "--package",
        &member.name,
    ]);
    command.args(["--minimum-test-timeout", LEAST_TIMEOUT]);
    command.arg("--re").arg(only(mutants));
    // Mutants that delete a field match any pattern. So only files with drawn mutants are looked at.
    command.args(files_of(mutants).iter().map(|file| format!("--file={file}")));
    command.args(tests.iter().map(|word| format!("--cargo-arg={word}")));
    command
}

impl Draw {
    fn read(words: &[String]) -> anyhow::Result<Self> {
        let (mut name, mut sample, mut seed) = (None, SAMPLE, SEED);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--seed" {
                let text = words.next().context("`--seed` needs a number")?;
                seed = text.parse().with_context(|| format!("`--seed {text}`"))?;
            } else if name.is_none() {
                name = Some(word.clone());
            } else {
                sample = word.parse().with_context(|| format!("`{word}` is not a number"))?;
            }
        }
        let name = name.context("which crate? For example `cargo xtask mutants token-crypto 150 --seed 1`")?;
        Ok(Self { name, sample, seed })
    }
}

/// Returns the crate in this folder.
fn member_of(name: &str) -> anyhow::Result<Member> {
    let members = Workspace::read()?.members;
    let member = members.into_iter().find(|member| member.folder_name() == name);
    member.with_context(|| format!("there is no crate `{name}`"))
}

/// Returns what makes cargo build and run the tests in `tests`.
fn others_of(member: &Member) -> Vec<String> {
    let is_quick = |test: &&String| !left_out(member.folder_name()).any(|slow| slow == test.as_str());
    let quick = member.tests.iter().filter(is_quick);
    quick.map(|test| format!("--test={test}")).collect()
}

/// Returns what makes a test program skip the modules that are left out.
fn skips(name: &str) -> impl Iterator<Item = String> {
    left_out(name).map(|module| format!("--skip={module}::"))
}

fn left_out(name: &str) -> impl Iterator<Item = &'static str> {
    LEFT_OUT
        .iter()
        .filter(move |(its, _)| *its == name)
        .map(|(_, test)| *test)
}

/// Returns the names of all mutants of a package. A name has the file, the line and the change.
fn all_of(package: &str) -> anyhow::Result<Vec<String>> {
    let text = output_of(&mut cargo(&["mutants", "--list", "--json", "--package", package]))?;
    let mutants: Vec<Value> = serde_json::from_str(&text).context("`cargo mutants --list` did not answer in JSON")?;
    let names = mutants.iter().map(|mutant| mutant.get("name")?.as_str());
    let names = names.map(|name| name.map(str::to_owned));
    names.collect::<Option<_>>().context("a mutant has no name")
}

/// Returns the files that these mutants are in.
fn files_of(names: &[String]) -> BTreeSet<&str> {
    names.iter().filter_map(|name| name.split(':').next()).collect()
}

/// Returns a pattern for these mutants and no others.
fn only(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("^(?:{})$", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_takes_the_whole_name_as_it_is() {
        let pattern = only(&["a.rs:1:2: replace < with (".to_owned(), "b".to_owned()]);
        let pattern = regex::Regex::new(&pattern).unwrap();
        assert!(pattern.is_match("a.rs:1:2: replace < with (") && pattern.is_match("b"));
        assert!(!pattern.is_match("aXrs:1:2: replace < with (") && !pattern.is_match("bb"));
    }

    #[test]
    fn only_files_with_drawn_mutants_are_looked_at() {
        let names = ["src/b.rs:7:1: replace f with ()", "src/a.rs:1:2: x", "src/b.rs:9:1: y"].map(str::to_owned);
        assert_eq!(
            files_of(&names).into_iter().collect::<Vec<_>>(),
            ["src/a.rs", "src/b.rs"]
        );
    }

    #[test]
    fn words_say_the_crate_the_number_and_the_seed() {
        let read = |text: &str| Draw::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let draw = |sample, seed| Draw {
            name: "token-crypto".to_owned(),
            sample,
            seed,
        };
        assert_eq!(read("token-crypto").unwrap(), draw(SAMPLE, SEED));
        assert_eq!(read("token-crypto 20 --seed 7").unwrap(), draw(20, 7));
        for wrong in ["", "token-crypto many", "token-crypto --seed", "token-crypto --seed x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn slow_tests_are_left_out_of_their_crate_alone() {
        let member = |name: &str| Member {
            folder: name.into(),
            tests: vec!["engine".to_owned(), "equality".to_owned()],
            ..Member::default()
        };
        assert_eq!(others_of(&member("crates/feed-engine")), ["--test=engine"]);
        assert_eq!(others_of(&member("crates/tlp")), ["--test=engine", "--test=equality"]);
        assert_eq!(skips("misp-mirror").collect::<Vec<_>>(), ["--skip=floods::"]);
    }
}
