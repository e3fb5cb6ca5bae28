//! The file with the counts of before.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use super::settings::Settings;
use crate::cargo;

const FIRST_LINE: &str =
    "# Processor instructions for one more of each, written by `cargo xtask bench --check --write`.";

/// What one more of something needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Count {
    pub(super) name: String,
    pub(super) instructions: u64,
}

impl Count {
    /// Reads a name and, behind blanks, a number.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, number) = line.trim().rsplit_once(' ')?;
        Some(Self {
            name: name.trim().to_owned(),
            instructions: number.parse().ok()?,
        })
    }
}

pub(super) struct Baseline {
    pub(super) settings: Settings,
    pub(super) counts: Vec<Count>,
}

impl Baseline {
    pub(super) fn read() -> anyhow::Result<Self> {
        let file = path();
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read: `--check --write` makes it", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no baseline", file.display()))
    }

    pub(super) fn write(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(path(), self.written())?)
    }

    /// Returns the text of the file: settings, an empty line, counts.
    pub(super) fn written(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n{}\n", self.settings.written());
        for count in &self.counts {
            let _ = writeln!(text, "{:<28} {:>8}", count.name, count.instructions);
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, counts) = text.split_once("\n\n")?;
        Some(Self {
            settings: Settings::parse(head),
            counts: counts.lines().map(Count::parse).collect::<Option<_>>()?,
        })
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        let found = self.counts.iter().find(|count| count.name == name);
        found.map(|count| count.instructions)
    }
}

fn path() -> PathBuf {
    cargo::root().join("bins/cratosd/benches/instructions.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let count = |name: &str, instructions| Count {
            name: name.to_owned(),
            instructions,
        };
        let baseline = Baseline {
            settings: Settings::parse("compiler: rustc 1.95.0\nprofile: lto off"),
            counts: vec![count("15 kB, without logs", 73_000), count("304", 104_000)],
        };
        let read = Baseline::parse(&baseline.written()).unwrap();
        assert_eq!(read.counts, baseline.counts);
        assert!(read.settings.difference(&baseline.settings).is_none());
        assert_eq!(read.count("304"), Some(104_000));
    }

    #[test]
    fn a_file_with_another_form_is_refused() {
        assert!(Baseline::parse("304 104000").is_none());
        assert!(Baseline::parse("compiler: a\n\n304 many").is_none());
    }
}
