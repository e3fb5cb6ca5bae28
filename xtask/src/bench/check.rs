//! `cargo xtask bench --check`: whether an answer or a part of it needs more processor instructions than before.
//!
//! Two benches of cratosd count with valgrind's callgrind, so a busy machine gives the same figures. They are built
//! without link-time optimisation, which halves the time. Counts depend on the compiler and a few other settings; the
//! baseline names them, and is compared with the same settings only.

mod baseline;
mod settings;

use std::fmt::Write as _;

use anyhow::{Context as _, bail};

use super::section::{Aim, Bound, Section};
use crate::cargo;
use baseline::{Baseline, Count};
use settings::{PROFILE, Settings};

/// A bench with arguments.
struct Bench {
    name: &'static str,
    words: &'static [&'static str],
    /// The growth in per cent that its counts may have.
    most_growth: f64,
}

const BENCHES: [Bench; 2] = [
    Bench {
        name: "hit_cost",
        words: &["15 kB", "304", "look-up"],
        most_growth: 3.0,
    },
    Bench {
        name: "parts",
        words: &[],
        most_growth: 5.0,
    },
];

/// The answers with an aim.
const HITS: [&str; 2] = ["15 kB", "15 kB, changing requests"];

/// Counts, and compares with the baseline.
pub(super) fn run() -> anyhow::Result<()> {
    let baseline = Baseline::read()?;
    let settings = Settings::here()?;
    if let Some(difference) = baseline.settings.difference(&settings) {
        bail!(
            "{difference}: these counts cannot be compared; `cargo xtask bench --check --write` makes a new baseline"
        );
    }
    let mut grown = Vec::new();
    for bench in &BENCHES {
        for count in bench.counts()? {
            let verdict = Verdict::of(&count, baseline.count(&count.name), bench.most_growth);
            println!("{:<28} {:>8}  {}", count.name, count.instructions, verdict.text);
            if verdict.is_a_fault {
                grown.push(count.name);
            }
        }
    }
    if !grown.is_empty() {
        bail!("not within the baseline: {}", grown.join("; "));
    }
    Ok(())
}

/// Counts, and writes the baseline.
pub(super) fn write() -> anyhow::Result<()> {
    let settings = Settings::here()?;
    let counts = BENCHES.iter().map(Bench::counts).collect::<anyhow::Result<Vec<_>>>()?;
    let baseline = Baseline {
        settings,
        counts: counts.concat(),
    };
    print!("{}", baseline.written());
    baseline.write()
}

/// Counts for the page, without a comparison.
pub(super) fn section(_: Option<&str>) -> anyhow::Result<Section> {
    let settings = Settings::here()?;
    let mut text = format!("{}.\n\n| what | instructions |\n| --- | --- |\n", settings.in_words());
    let mut aims = Vec::new();
    for count in BENCHES
        .iter()
        .map(Bench::counts)
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat()
    {
        let _ = writeln!(text, "| {} | {} |", count.name, count.instructions);
        if HITS.contains(&&*count.name) {
            aims.push(Aim {
                what: format!("{} out of memory, in thousands of instructions", count.name),
                aim: Bound::AtMost(40.0),
                measured: count.instructions as f64 / 1e3,
                unit: "",
            });
        }
    }
    Ok(Section { text, aims })
}

impl Bench {
    fn counts(&self) -> anyhow::Result<Vec<Count>> {
        let mut command = cargo::cargo(&["bench", "-p", "cratosd", "--bench", self.name, "--"]);
        command.args(self.words).envs(PROFILE);
        let printed = cargo::output_of(&mut command)?;
        let counts = printed.lines().filter_map(|line| line.strip_suffix(" instructions"));
        let counts: Option<Vec<Count>> = counts.map(Count::parse).collect();
        counts
            .filter(|counts| !counts.is_empty())
            .with_context(|| format!("no counts in {printed}"))
    }
}

/// What the comparison of one count says.
struct Verdict {
    text: String,
    is_a_fault: bool,
}

impl Verdict {
    fn of(count: &Count, before: Option<u64>, most_growth: f64) -> Self {
        let Some(before) = before else {
            return Self {
                text: "not in the baseline".to_owned(),
                is_a_fault: true,
            };
        };
        let growth = (count.instructions as f64 / before.max(1) as f64 - 1.0) * 100.0;
        let is_a_fault = growth > most_growth;
        let text = if is_a_fault {
            format!("{growth:+.1} %, at most {most_growth} %")
        } else if growth < -most_growth {
            format!("{growth:+.1} %: a new baseline would keep that")
        } else {
            format!("{growth:+.1} %")
        };
        Self { text, is_a_fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_a_fault(instructions: u64, before: Option<u64>) -> bool {
        let name = "304".to_owned();
        Verdict::of(&Count { name, instructions }, before, 3.0).is_a_fault
    }

    #[test]
    fn growth_beyond_the_limit_is_a_fault() {
        assert!(is_a_fault(103_100, Some(100_000)));
        assert!(!is_a_fault(102_900, Some(100_000)));
        assert!(!is_a_fault(40_000, Some(100_000)));
    }

    #[test]
    fn a_count_without_a_baseline_is_a_fault() {
        assert!(is_a_fault(1, None));
    }
}
