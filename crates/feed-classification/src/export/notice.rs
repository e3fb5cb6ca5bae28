//! The first line of files in which `#` begins a comment.

/// The line.
///
/// An empty feed is this line. Some programs that fetch lists take a file without any byte for a failed transfer and
/// keep their old list.
pub(super) const LINE: &str = "# Written by cratosd. The next fetch replaces this file.\n";
