//! What is wrong (or only worth knowing) about a file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that keeps a file from being used, with its place and what to write instead.
///
/// Its text is one line, `file:line:column: key: what is wrong: what to write`, which editors and terminals turn into a link.
/// A secret never stands in it: values of secret keys are not echoed, and no source line is quoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// The file as its path was given.
    pub file: PathBuf,
    /// Line, from 1; 1 for what concerns the whole file.
    pub line: u32,
    /// Column in characters, from 1; 1 for what concerns the whole file.
    pub column: u32,
    /// Path of the key (`token_minting.allowed_ips[2]`); empty for what concerns the whole file.
    pub key: String,
    /// What is wrong, a lower-case fragment.
    pub what: String,
    /// What to write instead, a lower-case fragment.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line, self.column, &self.key)?;
        write!(f, "{}: {}", self.what, self.instead)
    }
}

impl std::error::Error for Problem {}

/// All problems that keep a file, or several files, from being used, in order of their places; an error whose text is one line for each.
///
/// ```
/// fn tag() -> Result<String, Box<dyn std::error::Error>> {
///     let site = site_config::Site::from_yaml("misp.example.net".parse()?, "tag: example")?;
///     Ok(site.tag)
/// }
/// assert_eq!(tag().unwrap(), "example");
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

/// Something that an operator should know about a file that is used all the same, for `cratosd check` and the log.
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
    /// Path of the key; empty for what concerns the whole file.
    pub key: String,
    /// What is worth knowing, a lower-case fragment.
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

/// Line and column of something in a file, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// Where problems of a whole file are shown.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// What one value is found to be wrong with: the two halves of a [`Problem`] that its reader knows.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) instead: String,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            instead: instead.into(),
        }
    }
}

/// Problems, and notes, that are kept of one file; a file with more is another kind of file.
const MAX_FINDINGS: usize = 500;

/// Collects everything that is found in one file.
#[derive(Debug)]
pub(crate) struct Report {
    file: PathBuf,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
    /// What is meant otherwise than in Cratos FastAPI.
    pub(crate) differences: Vec<Note>,
    /// There were more problems, and the last one says so.
    is_cut: bool,
}

impl Report {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            problems: Vec::new(),
            notes: Vec::new(),
            differences: Vec::new(),
            is_cut: false,
        }
    }

    /// Whether so much is found in this file that more would help nobody.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_FINDINGS || self.notes.len() >= MAX_FINDINGS
    }

    /// The problems from top to bottom, whatever the order in which the keys were read.
    pub(crate) fn sorted(mut self) -> Vec<Problem> {
        let last = self.problems.pop_if(|_| self.is_cut);
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.extend(last);
        self.problems
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn problem(&mut self, place: Place, key: impl Into<String>, wrong: Wrong) {
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

    pub(crate) fn note(&mut self, place: Place, key: impl Into<String>, what: impl Into<String>) {
        if self.notes.len() >= MAX_FINDINGS {
            return;
        }
        let note = self.about(place, key, what);
        self.notes.push(note);
    }

    pub(crate) fn difference(&mut self, place: Place, key: impl Into<String>, what: impl Into<String>) {
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
