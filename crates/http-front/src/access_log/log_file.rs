//! A file that is appended to, and rotated by size with the names that Python's `RotatingFileHandler` gives: `.1` is
//! the newest.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The pause before a failed rotation is tried again, and between two looks whether the file was moved away.
const PAUSE: Duration = Duration::from_secs(1);

/// A log file under a name that stays.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    rotations: u32,
    open: Option<Open>,
    /// The file ends inside a line, since the disk was full.
    is_torn: bool,
    looked_at: Instant,
    /// When a rotation last failed.
    failed_at: Option<Instant>,
}

/// The number of lines that were not written, and the error of the last of them.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) lines: u64,
    pub(super) error: Option<io::Error>,
}

impl Lost {
    fn count(&mut self, lines: u64, error: io::Error) {
        self.lines += lines;
        self.error = Some(error);
    }
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    /// Device and inode: the name may lead to another file by now.
    id: (u64, u64),
    /// Pipes and terminals are not rotated.
    is_regular: bool,
}

impl LogFile {
    /// Returns the log at this path, not opened yet. It is rotated before a line would reach `max_bytes`; with 0
    /// rotations it grows.
    pub(super) fn new(path: PathBuf, max_bytes: u64, rotations: u32) -> Self {
        Self {
            path,
            max_bytes,
            rotations,
            open: None,
            is_torn: false,
            looked_at: Instant::now(),
            failed_at: None,
        }
    }

    /// Opens the file if it is not open.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.open.is_none() {
            self.open = Some(Open::at(&self.path)?);
        }
        Ok(())
    }

    /// Appends lines, each with its line end, in as few pieces as rotation allows: one at a time costs ten times as
    /// much.
    pub(super) fn write(&mut self, lines: &[impl AsRef<[u8]>]) -> Lost {
        if self.looked_at.elapsed() >= PAUSE {
            self.look();
        }
        let (mut lost, mut piece) = (Lost::default(), Vec::new());
        for line in lines.iter().map(AsRef::as_ref) {
            if let Err(error) = self.open() {
                lost.count(1, error);
                continue;
            }
            if self.is_full(piece.len(), line.len()) {
                self.append(&std::mem::take(&mut piece), &mut lost);
                if self.is_full(0, line.len())
                    && let Err(error) = self.rotate()
                {
                    lost.count(1, error);
                    continue;
                }
            }
            piece.extend_from_slice(line);
        }
        self.append(&piece, &mut lost);
        lost
    }

    /// Appends whole lines to the file that is open.
    fn append(&mut self, lines: &[u8], lost: &mut Lost) {
        let Some(open) = self.open.as_mut().filter(|_| !lines.is_empty()) else {
            return;
        };
        let bytes = if self.is_torn {
            Cow::Owned([b"\n", lines].concat())
        } else {
            Cow::Borrowed(lines)
        };
        let Err(error) = open.file.write_all(&bytes) else {
            open.bytes += bytes.len() as u64;
            self.is_torn = false;
            return;
        };
        let now = open.file.metadata().map_or(open.bytes, |found| found.len());
        let written = usize::try_from(now.saturating_sub(open.bytes)).unwrap_or(usize::MAX);
        let (there, missing) = bytes.split_at(written.min(bytes.len()));
        open.bytes = now;
        self.is_torn = there.last().map_or(self.is_torn, |last| *last != b'\n');
        lost.count(missing.iter().filter(|byte| **byte == b'\n').count() as u64, error);
    }

    /// Closes the file if it was moved away or removed, as logrotate does; the next line opens it again.
    pub(super) fn look(&mut self) {
        self.looked_at = Instant::now();
        let is_there = |open: &Open| fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == open.id);
        if self.open.as_ref().is_some_and(|open| !is_there(open)) {
            self.open = None;
            self.is_torn = false;
        }
    }

    /// Returns whether the file, with `pending` bytes that are about to be appended, is too large for `more` bytes.
    fn is_full(&self, pending: usize, more: usize) -> bool {
        let full = |open: &Open| {
            let bytes = open.bytes + pending as u64;
            open.is_regular && bytes > 0 && bytes + more as u64 >= self.max_bytes
        };
        let may_try = self.failed_at.is_none_or(|at| at.elapsed() >= PAUSE);
        self.rotations > 0 && may_try && self.open.as_ref().is_some_and(full)
    }

    /// Renames the files. Where a name cannot be changed the file grows on, and this is tried again later.
    fn rotate(&mut self) -> io::Result<()> {
        // Up to the first name that is free: a rotation that fails again and again must not push the older files out.
        let is_free = |number: &u32| fs::symlink_metadata(numbered(&self.path, *number)).is_err();
        let free = (1..self.rotations).find(is_free).unwrap_or(self.rotations);
        for number in (2..=free).rev() {
            // A file that cannot be moved stays, and the next one fails in its place.
            let _ = renumber(&self.path, number);
        }
        if renumber(&self.path, 1).is_err() {
            self.failed_at = Some(Instant::now());
            return Ok(());
        }
        self.is_torn = false;
        self.open = None;
        self.open()
    }
}

/// Makes the file, and its directory where that is missing.
pub(super) fn make_writable(path: &Path) -> io::Result<()> {
    Open::at(path).map(drop)
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = state_file::open_log(path)?;
        let found = file.metadata()?;
        Ok(Self {
            bytes: found.len(),
            id: (found.dev(), found.ino()),
            is_regular: found.is_file(),
            file,
        })
    }
}

/// Gives a log file the next number.
fn renumber(path: &Path, number: u32) -> io::Result<()> {
    let new = numbered(path, number);
    let old = number.checked_sub(1).filter(|old| *old > 0);
    let old = old.map_or_else(|| path.to_owned(), |old| numbered(path, old));
    state_file::rename(&old, new.file_name().unwrap_or_default())
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        (folder, path)
    }

    fn write(log: &mut LogFile, line: &[u8]) {
        let lost = log.write(&[line]);
        assert!(lost.error.is_none(), "{lost:?}");
    }

    fn read(path: &Path, number: u32) -> Option<String> {
        let path = if number == 0 {
            path.to_owned()
        } else {
            numbered(path, number)
        };
        fs::read_to_string(path).ok()
    }

    /// `RotatingFileHandler(maxBytes=20, backupCount=2)` of Python 3.11 leaves these files behind after the same lines.
    #[test]
    fn files_are_numbered_and_cut_as_python_does() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 20, 2);
        for line in 1..=7 {
            write(&mut log, format!("line {line}\n").as_bytes());
        }
        let texts: Vec<_> = (0..4).map(|number| read(&path, number)).collect();
        let expected = ["line 7\n", "line 5\nline 6\n", "line 3\nline 4\n"].map(|text| Some(text.to_owned()));
        assert_eq!(texts.get(..3).unwrap(), expected);
        assert_eq!(texts.get(3), Some(&None), "the oldest is gone");
    }

    #[test]
    fn many_lines_at_once_are_cut_as_one_after_the_other() {
        let lines: Vec<String> = (1..=60).map(|n| format!("line {}\n", "x".repeat(n % 17))).collect();
        let texts = |at_once: usize| {
            let (_folder, path) = folder();
            let mut log = LogFile::new(path.clone(), 40, 20);
            for some in lines.chunks(at_once) {
                assert!(log.write(some).error.is_none());
            }
            (0..21).map(|number| read(&path, number)).collect::<Vec<_>>()
        };
        let expected = texts(1);
        for at_once in [2, 3, 7, 59, 60] {
            assert_eq!(texts(at_once), expected, "{at_once}");
        }
    }

    #[test]
    fn a_line_longer_than_the_bound_is_written_and_no_empty_file_is_kept() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 4, 2);
        write(&mut log, b"first line\n");
        write(&mut log, b"second line\n");
        assert_eq!(read(&path, 0).as_deref(), Some("second line\n"));
        assert_eq!(read(&path, 1).as_deref(), Some("first line\n"));
        assert_eq!(read(&path, 2), None);
    }

    #[test]
    fn without_rotations_the_file_grows() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 4, 0);
        write(&mut log, b"one\n");
        write(&mut log, b"two\n");
        assert_eq!(read(&path, 0).as_deref(), Some("one\ntwo\n"));
    }

    #[test]
    fn an_existing_file_is_continued_and_a_new_one_is_for_owner_and_group() {
        let (_folder, path) = folder();
        write(&mut LogFile::new(path.clone(), 99, 1), b"before\n");
        write(&mut LogFile::new(path.clone(), 99, 1), b"after\n");
        assert_eq!(read(&path, 0).as_deref(), Some("before\nafter\n"));
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & !0o640, 0, "{mode:o}");
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 99, 1);
        write(&mut log, b"before\n");
        fs::rename(&path, path.with_extension("old")).unwrap();
        log.look();
        write(&mut log, b"after\n");
        assert_eq!(read(&path, 0).as_deref(), Some("after\n"));
    }

    #[test]
    fn a_file_that_cannot_be_rotated_grows_and_loses_no_line() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 8, 1);
        write(&mut log, b"line 1\n");
        // A folder that is not empty is in the way.
        fs::create_dir_all(numbered(&path, 1).join("x")).unwrap();
        write(&mut log, b"line 2\n");
        assert_eq!(read(&path, 0).as_deref(), Some("line 1\nline 2\n"));
    }

    #[test]
    fn a_rotation_that_keeps_failing_loses_no_older_file() {
        let (_folder, path) = folder();
        let mut log = LogFile::new(path.clone(), 8, 3);
        for line in 1..=3 {
            write(&mut log, format!("line {line}\n").as_bytes());
        }
        fs::remove_file(&path).unwrap();
        for _ in 0..5 {
            log.rotate().unwrap();
        }
        let texts: Vec<_> = (1..=3).filter_map(|number| read(&path, number)).collect();
        assert_eq!(texts, ["line 2\n", "line 1\n"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let mut log = LogFile::new("/dev/full".into(), 99, 1);
        assert_eq!(
            log.write(&[b"line\n"]).error.unwrap().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(
            log.write(&[b"line\n"]).error.unwrap().kind(),
            io::ErrorKind::StorageFull
        );
    }
}
