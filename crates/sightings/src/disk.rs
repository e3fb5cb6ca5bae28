//! The file operations of the journal, as a trait: tests implement it with a disk that fails.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};

/// A file that is written at its end.
pub(crate) trait Disk: Send {
    /// Writes at this place and further, and cuts off whatever stood behind.
    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all written bytes outlive a power cut.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file off.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(place))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}
