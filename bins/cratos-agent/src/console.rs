//! Lines on standard output and standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Writes a line to standard error. If that fails, the exit code still reports the problem.
pub(crate) fn complain(problem: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{problem}");
}

/// Writes to standard output; returns false if the reader has gone away, for example in `cratos-agent status | head`.
pub(crate) fn print(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}
