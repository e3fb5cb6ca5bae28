//! Problems and notes about a file, each with its place.

use std::fmt;
use std::path::{Path, PathBuf};

/// One problem that keeps a file from being used, with its place and its cure.
///
/// Its text is one line, `file:line:column: key: problem: cure`, which editors and terminals turn into a link. For
/// example `agent.yaml:4:38: feeds[0].type: "domains" is not an indicator type: did you mean "domain"?`, with backticks
/// for the quotes. It never contains a secret: values of secret keys are not echoed, and no source line is quoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// The file as its path was given.
    pub file: PathBuf,
    /// Line, from 1; 1 for a problem of the whole file.
    pub line: u32,
    /// Column in characters, from 1; 1 for a problem of the whole file.
    pub column: u32,
    /// Path of the key (`token_minting.allowed_ips[2]`); empty for a problem of the whole file.
    pub key: String,
    /// The problem, a lower-case fragment.
    pub what: String,
    /// The cure, a lower-case fragment: for example `write True or False`.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column, &self.key)?;
        write!(f, "{}: {}", self.what, self.instead)
    }
}

impl std::error::Error for Problem {}

/// All problems that keep a file, or several files, from being used, in the order of their places. As an error, its
/// text is one line for each.
///
/// ```
/// fn check(text: &str) -> Result<(), Box<dyn std::error::Error>> {
///     let mut report = config_file::Report::new("service.yaml".as_ref());
///     let node = config_file::read_text(text, &mut report);
///     node.map(drop).ok_or_else(|| config_file::Problems::from(report.sorted()))?;
///     Ok(())
/// }
/// assert!(check("name: x").is_ok());
/// assert_eq!(check("name: [").unwrap_err().to_string(), "service.yaml:1:7: a list or map in brackets does not end: add the closing bracket");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let line_end = if place > 0 { "\n" } else { "" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

impl std::ops::Deref for Problems {
    type Target = [Problem];

    fn deref(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl From<Problems> for Vec<Problem> {
    fn from(problems: Problems) -> Self {
        problems.0
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A remark for the operator about a file that can be used, for example in `cratosd check` and in the log.
///
/// Its text is `file:line:column: key: what`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note {
    /// The file as its path was given.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Path of the key; empty for a problem of the whole file.
    pub key: String,
    /// The remark, a lower-case fragment.
    pub what: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column, &self.key)?;
        f.write_str(&self.what)
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, file: &Path, line: u32, column: u32, key: &str) -> fmt::Result {
    // A file name may hold anything; the line must stay one line.
    for c in file.to_string_lossy().chars() {
        write!(f, "{}", if c.is_control() { '?' } else { c })?;
    }
    write!(f, ":{line}:{column}: ")?;
    if key.is_empty() { Ok(()) } else { write!(f, "{key}: ") }
}

/// A line and a column of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of problems of a whole file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// The two halves of a [`Problem`] that the reader of one value knows.
#[derive(Debug)]
pub struct Wrong {
    /// The problem.
    pub what: String,
    /// The cure.
    pub instead: String,
}

impl Wrong {
    /// Returns a problem and its cure.
    pub fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            instead: instead.into(),
        }
    }
}

/// The most problems and the most notes that a report keeps of one file. A file with more is not a configuration.
const MAX_FINDINGS: usize = 500;

/// Collects the problems and notes of one file.
#[derive(Debug)]
pub struct Report {
    file: PathBuf,
    /// The problems so far, in the order in which the keys were read.
    pub problems: Vec<Problem>,
    /// The notes so far.
    pub notes: Vec<Note>,
    /// The keys that mean something else than in Cratos FastAPI.
    pub differences: Vec<Note>,
    /// There were more problems, and the last one says so.
    is_cut: bool,
}

impl Report {
    /// Returns an empty report about this file.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            problems: Vec::new(),
            notes: Vec::new(),
            differences: Vec::new(),
            is_cut: false,
        }
    }

    /// Returns whether further problems would help no reader any more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.problems.len() >= MAX_FINDINGS || self.notes.len() >= MAX_FINDINGS
    }

    /// Returns the problems from top to bottom.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Problem> {
        let last = self.problems.pop_if(|_| self.is_cut);
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.extend(last);
        self.problems
    }

    /// Returns the file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Adds a problem.
    pub fn problem(&mut self, place: Place, key: impl Into<String>, wrong: Wrong) {
        if self.is_cut {
            return;
        }
        self.is_cut = self.problems.len() == MAX_FINDINGS;
        let wrong = if self.is_cut {
            let what = format!("has more problems than these {MAX_FINDINGS}");
            Wrong::new(what, "repair these first")
        } else {
            wrong
        };
        self.problems.push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            key: key.into(),
            what: wrong.what,
            instead: wrong.instead,
        });
    }

    /// Adds a note.
    pub fn note(&mut self, place: Place, key: impl Into<String>, what: impl Into<String>) {
        if self.notes.len() >= MAX_FINDINGS {
            return;
        }
        let note = self.about(place, key, what);
        self.notes.push(note);
    }

    /// Adds a key that means something else than in Cratos FastAPI.
    pub fn difference(&mut self, place: Place, key: impl Into<String>, what: impl Into<String>) {
        let note = self.about(place, key, what);
        self.differences.push(note);
    }

    fn about(&self, place: Place, key: impl Into<String>, what: impl Into<String>) -> Note {
        Note {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            key: key.into(),
            what: what.into(),
        }
    }
}
