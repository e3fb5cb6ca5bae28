//! The first line of files in which `#` begins a comment.

use std::io::{self, Write};

/// Writes the line.
///
/// An empty feed is this line. Some programs that fetch lists take a file without any byte for a failed transfer and
/// keep their old list.
pub(super) fn write(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"# Written by cratosd. The next fetch replaces this file.\n")
}
