//! What became of mutants, as cargo-mutants writes it down.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// So many of the viable mutants have to be caught.
pub(super) const AIM_PERCENT: usize = 95;

/// The mutants by what the tests said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) caught: usize,
    pub(super) missed: Vec<String>,
    /// The tests do not end, which a developer notices too.
    pub(super) timeouts: usize,
    /// They do not compile.
    pub(super) unviable: usize,
}

impl Tally {
    /// Reads what became of these mutants from the `outcomes.json` of a run. cargo-mutants tries some others too: those
    /// that delete a field match any pattern.
    pub(super) fn read(path: &Path, mutants: &[String]) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::of(&text, mutants).with_context(|| format!("{} has another form", path.display()))
    }

    fn of(outcomes: &str, mutants: &[String]) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(outcomes)?;
        let outcomes = value.get("outcomes").and_then(Value::as_array).context("no outcomes")?;
        let mut tally = Self::default();
        for outcome in outcomes {
            let Some(name) = outcome.pointer("/scenario/Mutant/name").and_then(Value::as_str) else {
                continue;
            };
            if !mutants.iter().any(|mutant| mutant == name) {
                continue;
            }
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

    /// Returns the tally of both, after the tests of `second` saw what those of `self` missed.
    pub(super) fn then(self, second: Self) -> Self {
        Self {
            caught: self.caught + second.caught,
            missed: second.missed,
            timeouts: self.timeouts + second.timeouts,
            unviable: self.unviable + second.unviable,
        }
    }

    pub(super) fn is_enough(&self) -> bool {
        self.noticed() * 100 >= self.viable() * AIM_PERCENT
    }

    fn viable(&self) -> usize {
        self.noticed() + self.missed.len()
    }

    fn noticed(&self) -> usize {
        self.caught + self.timeouts
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawn = self.viable() + self.unviable;
        let tenths = self.noticed() * 1000 / self.viable().max(1);
        writeln!(f, "drawn  unviable  viable  caught  timeouts  missed  noticed")?;
        writeln!(
            f,
            "{drawn:>5}  {:>8}  {:>6}  {:>6}  {:>8}  {:>6}  {:>5}.{} %",
            self.unviable,
            self.viable(),
            self.caught,
            self.timeouts,
            self.missed.len(),
            tenths / 10,
            tenths % 10
        )?;
        self.missed.iter().try_for_each(|name| writeln!(f, "missed: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, summary: &str) -> String {
        format!(r#"{{"scenario":{{"Mutant":{{"name":"{name}"}}}},"summary":"{summary}"}}"#)
    }

    fn tally(caught: usize, missed: &[&str], timeouts: usize, unviable: usize) -> Tally {
        Tally {
            caught,
            missed: missed.iter().map(|&name| name.to_owned()).collect(),
            timeouts,
            unviable,
        }
    }

    #[test]
    fn outcomes_are_counted() {
        let baseline = r#"{"scenario":"Baseline","summary":"Success"}"#.to_owned();
        let ends = ["CaughtMutant", "Timeout", "MissedMutant", "Unviable"];
        let outcomes = ends.map(|end| outcome(end, end)).join(",");
        let other = outcome("not drawn", "MissedMutant");
        let text = format!(r#"{{"outcomes":[{baseline},{outcomes},{other}]}}"#);
        let read = Tally::of(&text, &ends.map(str::to_owned)).unwrap();
        assert_eq!(read, tally(1, &["MissedMutant"], 1, 1));
        assert!(Tally::of("{}", &[]).is_err());
        let unknown = format!(r#"{{"outcomes":[{}]}}"#, outcome("a", "Success"));
        assert!(Tally::of(&unknown, &["a".to_owned()]).is_err());
    }

    #[test]
    fn a_timeout_is_noticed_too() {
        assert!(!tally(18, &["a"], 0, 0).is_enough() && tally(18, &["a"], 1, 0).is_enough());
    }

    #[test]
    fn what_the_second_tests_catch_is_missed_no_more() {
        let both = tally(5, &["a", "b", "c"], 0, 1).then(tally(1, &["c"], 1, 0));
        assert_eq!(both, tally(6, &["c"], 1, 1));
    }

    #[test]
    fn the_table_has_the_ratio_and_what_is_missed() {
        assert_eq!(
            tally(5, &["a"], 1, 3).to_string(),
            "drawn  unviable  viable  caught  timeouts  missed  noticed\n   10         3       7       5         1       1     85.7 %\n\
             missed: a\n"
        );
        assert!(tally(0, &[], 0, 0).to_string().contains(" 0.0 %"));
    }
}
