//! How the process ends: the same codes as `cratosd`.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Done,
    /// 1: something is not enforced as it should be.
    Failed,
    /// 64 (`EX_USAGE`): what was typed or configured cannot be used.
    Usage,
    /// 69 (`EX_UNAVAILABLE`): cratosd has no answer.
    Unavailable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 64,
            Exit::Unavailable => 69,
        })
    }
}

/// Writes a line to standard error. With nobody left to tell, the exit code still tells it.
pub(crate) fn complain(what: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{what}");
}

/// Writes to standard output; false if nobody takes it.
pub(crate) fn print(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}
