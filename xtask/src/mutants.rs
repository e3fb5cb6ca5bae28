//! `cargo xtask mutants`: how many small faults of a crate its own tests notice, by a drawn sample.
//!
//! `cargo mutants` makes the faults, for example `<` for `<=` or a function that returns at once, and runs the tests
//! with each. All faults of a crate would take hours, so a seed draws some. `.cargo/mutants.toml` lists the faults that
//! no test can notice, with the reason of each; they are not drawn.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::cargo::{cargo, is_here, output_of, shown, target_dir};
use crate::metadata::Workspace;

/// Drawn unless said otherwise.
const SAMPLE: usize = 150;
const SEED: u64 = 1;

/// So many of the viable mutants have to be caught.
const AIM_PERCENT: usize = 95;

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
    let package = package_of(&draw.name)?;
    let drawn = drawn(all_of(&package)?, draw.sample, draw.seed);
    println!(
        "{} of the mutants of {}, drawn with seed {}",
        drawn.len(),
        draw.name,
        draw.seed
    );
    let results = target_dir()?.join("mutants").join(&draw.name);
    std::fs::create_dir_all(&results).with_context(|| results.display().to_string())?;
    let mut command = cargo(&["mutants", "--package", &package]);
    command.arg("--output").arg(&results).arg("--re").arg(only(&drawn));
    // Builds without debug information are faster, and no backtrace is read.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0");
    let status = command.status().context("`cargo mutants` cannot be started")?;
    let is_told = status.code().is_some_and(|code| TOLD_IN_OUTCOMES.contains(&code));
    if !status.success() && !is_told {
        bail!("`{}` ended with {status}", shown(&command));
    }
    let tally = Tally::read(&results.join("mutants.out/outcomes.json"))?;
    print!("{tally}");
    ensure!(
        tally.is_enough(),
        "fewer than {AIM_PERCENT} % of the viable mutants were caught"
    );
    Ok(())
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

/// Returns the package in this folder.
fn package_of(name: &str) -> anyhow::Result<String> {
    let members = Workspace::read()?.members;
    let member = members.into_iter().find(|member| member.folder_name() == name);
    let member = member.with_context(|| format!("there is no crate `{name}`"))?;
    Ok(member.name)
}

/// Returns the names of all mutants of a package. A name has the file, the line and the change.
fn all_of(package: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = output_of(&mut cargo(&["mutants", "--list", "--json", "--package", package]))?;
    let mutants: Vec<Value> = serde_json::from_str(&text).context("`cargo mutants --list` did not answer in JSON")?;
    let names = mutants.iter().map(|mutant| mutant.get("name")?.as_str());
    let names = names.map(|name| name.map(str::to_owned));
    names.collect::<Option<_>>().context("a mutant has no name")
}

/// Returns a pattern for these mutants and no others.
fn only(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("^(?:{})$", names.join("|"))
}

/// Returns a sample without repetition; the same one for the same seed.
fn drawn(names: BTreeSet<String>, sample: usize, seed: u64) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().collect();
    let (mut state, sample) = (seed, sample.min(names.len()));
    for place in 0..sample {
        let left = names.len() - place;
        let skipped = usize::try_from(next_random(&mut state) % left as u64).unwrap_or_default();
        names.swap(place, place + skipped);
    }
    names.truncate(sample);
    names
}

/// Returns the next number of SplitMix64, which is the same on every machine.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// What became of the mutants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    caught: usize,
    missed: Vec<String>,
    /// The tests do not end, which a developer notices too.
    timeouts: usize,
    /// They do not compile.
    unviable: usize,
}

impl Tally {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::of(&text).with_context(|| format!("{} has another form", path.display()))
    }

    fn of(outcomes: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(outcomes)?;
        let outcomes = value.get("outcomes").and_then(Value::as_array).context("no outcomes")?;
        let mut tally = Self::default();
        for outcome in outcomes {
            let Some(name) = outcome.pointer("/scenario/Mutant/name").and_then(Value::as_str) else {
                continue;
            };
            match outcome.get("summary").and_then(Value::as_str) {
                Some("CaughtMutant") => tally.caught += 1,
                Some("MissedMutant") => tally.missed.push(name.to_owned()),
                Some("Timeout") => tally.timeouts += 1,
                Some("Unviable") => tally.unviable += 1,
                other => bail!("a mutant ended with {other:?}"),
            }
        }
        Ok(tally)
    }

    fn viable(&self) -> usize {
        self.caught + self.timeouts + self.missed.len()
    }

    fn is_enough(&self) -> bool {
        (self.caught + self.timeouts) * 100 >= self.viable() * AIM_PERCENT
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawn = self.viable() + self.unviable;
        writeln!(f, "drawn  viable  caught  timeouts  missed  unviable")?;
        writeln!(
            f,
            "{drawn:>5}  {:>6}  {:>6}  {:>8}  {:>6}  {:>8}",
            self.viable(),
            self.caught,
            self.timeouts,
            self.missed.len(),
            self.unviable
        )?;
        self.missed.iter().try_for_each(|name| writeln!(f, "missed: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> BTreeSet<String> {
        (0..count).map(|number| format!("src/a.rs:{number}: x")).collect()
    }

    #[test]
    fn a_seed_draws_the_same_sample_each_time_and_nothing_twice() {
        let sample = drawn(names(200), 50, 1);
        assert_eq!(sample, drawn(names(200), 50, 1));
        assert_ne!(sample, drawn(names(200), 50, 2));
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 50);
        assert_eq!(drawn(names(3), 50, 1).into_iter().collect::<BTreeSet<_>>(), names(3));
    }

    #[test]
    fn the_pattern_takes_the_whole_name_as_it_is() {
        let pattern = only(&["a.rs:1:2: replace < with (".to_owned(), "b".to_owned()]);
        let pattern = regex::Regex::new(&pattern).unwrap();
        assert!(pattern.is_match("a.rs:1:2: replace < with (") && pattern.is_match("b"));
        assert!(!pattern.is_match("aXrs:1:2: replace < with (") && !pattern.is_match("bb"));
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
    fn outcomes_are_counted_and_a_timeout_is_noticed_too() {
        let outcome = |name: &str, summary: &str| {
            format!(r#"{{"scenario":{{"Mutant":{{"name":"{name}"}}}},"summary":"{summary}"}}"#)
        };
        let baseline = r#"{"scenario":"Baseline","summary":"Success"}"#.to_owned();
        let ends = ["CaughtMutant", "Timeout", "MissedMutant", "Unviable"];
        let outcomes = ends.map(|end| outcome(end, end)).join(",");
        let tally = Tally::of(&format!(r#"{{"outcomes":[{baseline},{outcomes}]}}"#)).unwrap();
        let expected = Tally {
            caught: 1,
            missed: vec!["MissedMutant".to_owned()],
            timeouts: 1,
            unviable: 1,
        };
        assert_eq!(tally, expected);
        assert_eq!(
            tally.to_string(),
            "drawn  viable  caught  timeouts  missed  unviable\n    4       3       1         1       1         1\n\
             missed: MissedMutant\n"
        );
        assert!(!tally.is_enough() && Tally { caught: 18, ..tally }.is_enough());
        assert!(Tally::of("{}").is_err());
        assert!(Tally::of(&format!(r#"{{"outcomes":[{}]}}"#, outcome("a", "Success"))).is_err());
    }
}
