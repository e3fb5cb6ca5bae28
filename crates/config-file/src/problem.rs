//! What is wrong with a configuration file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Spanned;

/// One thing that is wrong: `file:line:column: key: what is wrong: what to write`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// The key, empty where there is none.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write, empty where that is clear.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)?;
        for part in [&self.key, &self.what, &self.instead] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        Ok(())
    }
}

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    line: u64,
    column: u64,
}

impl Place {
    /// Where the file begins: the place of a key that is missing.
    pub const START: Self = Self { line: 1, column: 1 };

    pub(crate) fn new(line: u64, column: u64) -> Self {
        Self {
            line: line.max(1),
            column: column.max(1),
        }
    }

    pub(crate) const fn line(self) -> u64 {
        self.line
    }

    pub(crate) const fn column(self) -> u64 {
        self.column
    }
}

/// Returns where a value stands.
#[must_use]
pub const fn place<T>(value: &Spanned<T>) -> Place {
    value.place
}

/// Collects what is wrong with one file.
#[derive(Debug)]
pub struct Report {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Report {
    /// Returns a report about this file in which nothing is wrong yet.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            problems: Vec::new(),
        }
    }

    /// Returns the file that it is about.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Notes what is wrong with a key, and what to write instead; either may be empty.
    pub fn wrong(&mut self, place: Place, key: &str, what: impl Into<String>, instead: impl Into<String>) {
        self.problems.push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            key: key.to_owned(),
            what: what.into(),
            instead: instead.into(),
        });
    }

    /// Returns the value if nothing was wrong.
    ///
    /// # Errors
    /// All problems, in the order of the file.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                self.problems.sort_by_key(|problem| (problem.line, problem.column));
                Err(self.problems)
            }
        }
    }
}
