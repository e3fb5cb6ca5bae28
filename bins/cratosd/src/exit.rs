//! How the process ends, and what it says when that is early.

use std::io::{self, Write as _};

pub use service_kit::Exit;
pub(crate) use service_kit::chain;

/// Why a command ends early: the exit code, and one line for each thing that is wrong.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    lines: Vec<String>,
}

impl Failure {
    /// Returns a failure that was caused by what was typed.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Usage, what)
    }

    /// Returns a failure that was caused by configuration files; the lines are printed as they are, since they begin with a place.
    pub fn configuration(problems: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            exit: Exit::Usage,
            lines: problems.into_iter().map(|problem| problem.to_string()).collect(),
        }
    }

    /// Returns a failure of MISP or of the way to it.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Unavailable, what)
    }

    /// Returns any other failure.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Failed, what)
    }

    /// Returns a failure about which everything has been said already.
    #[must_use]
    pub fn said(exit: Exit) -> Self {
        Self {
            exit,
            lines: Vec::new(),
        }
    }

    /// Returns how the process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the lines that are said on standard error.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Writes the lines to standard error and returns the exit code.
    pub(crate) fn say(self) -> Exit {
        let mut stderr = io::stderr().lock();
        for line in &self.lines {
            // With nobody left to tell, the exit code still tells it.
            let _ = writeln!(stderr, "{line}");
        }
        self.exit
    }

    fn with_message(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            lines: vec![format!("error: {}", what.into())],
        }
    }
}

/// Standard output or standard error cannot be written: quietly when nobody reads any more (`cratosd … | head`), else said.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::said(Exit::Failed),
            _ => Self::failed(format!("the output cannot be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_left_is_not_worth_a_message() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit(), failure.lines().len()), (Exit::Failed, 0));
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.lines().len(), 1);
    }
}
