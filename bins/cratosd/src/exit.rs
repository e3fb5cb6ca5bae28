//! The failure of a command: its exit code and its message.

use std::io::{self, Write as _};

pub use service_kit::Exit;
pub(crate) use service_kit::chain;

/// The failure of a command: the exit code, and one line for each problem.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    lines: Vec<String>,
}

impl Failure {
    /// Returns a failure caused by the command line.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Usage, what)
    }

    /// Returns a failure caused by configuration files. The lines are printed as they are, since they begin with a
    /// place.
    pub fn configuration(problems: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            exit: Exit::Usage,
            lines: problems.into_iter().map(|problem| problem.to_string()).collect(),
        }
    }

    /// Returns a failure of MISP or of the connection to it.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Unavailable, what)
    }

    /// Returns any other failure.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::with_message(Exit::Failed, what)
    }

    /// Returns a failure whose messages are already written.
    #[must_use]
    pub fn said(exit: Exit) -> Self {
        Self {
            exit,
            lines: Vec::new(),
        }
    }

    /// Returns the exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the lines for standard error.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Writes the lines to standard error and returns the exit code.
    pub(crate) fn say(self) -> Exit {
        let mut stderr = io::stderr().lock();
        for line in &self.lines {
            // If standard error is closed, the exit code remains.
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

/// An output that cannot be written. Without a message when its reader has left, for example in `cratosd … | head`.
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
    fn a_reader_that_has_left_causes_no_message() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit(), failure.lines().len()), (Exit::Failed, 0));
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.lines().len(), 1);
    }
}
