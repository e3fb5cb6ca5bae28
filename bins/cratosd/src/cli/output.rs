//! Standard output and standard error of a command.

use std::io::{self, Write as _};

use crate::exit::Failure;

/// Writes all bytes to standard output and flushes them.
///
/// # Errors
/// When they cannot be written: without a message if the reader has left, for example `head`, else with one.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes.as_ref())?;
    stdout.flush()?;
    Ok(())
}

/// Writes a remark beside the result to standard error. A failure to write it is ignored.
pub(super) fn remark(text: impl AsRef<str>) {
    let _ = io::stderr().lock().write_all(text.as_ref().as_bytes());
}
