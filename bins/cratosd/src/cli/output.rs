//! Standard output, written whole or not at all.

use std::io::{self, Write as _};

use crate::exit::Failure;

/// Writes all bytes to standard output and flushes them.
///
/// # Errors
/// When nobody takes them: quietly if the reader has left, else with a message.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes.as_ref())?;
    stdout.flush()?;
    Ok(())
}

/// Writes to standard error what accompanies an answer; nothing depends on somebody reading it.
pub(super) fn remark(text: impl AsRef<str>) {
    let _ = io::stderr().lock().write_all(text.as_ref().as_bytes());
}
