//! The folder with one sealed file for each feed, bounded in bytes and number.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use service_kit::LogLimit;
use sha2::{Digest as _, Sha256};

/// The most bytes of all files; beyond them the files go that were written the longest ago.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The most files.
const MAX_FILES: usize = 4_096;

static FAILED: LogLimit = LogLimit::once_a_minute();

/// The files. Only one is written at a time.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    max_bytes: u64,
    writing: Mutex<()>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            max_bytes: MAX_BYTES,
            writing: Mutex::default(),
        }
    }

    /// Returns the bytes of the file of this name.
    pub(super) fn read(&self, name: &[u8]) -> Option<Vec<u8>> {
        let path = self.file(name);
        let mut bytes = Vec::new();
        let reading = state_file::open(&path).and_then(|file| file.take(self.max_bytes).read_to_end(&mut bytes));
        match reading {
            Ok(_) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                log(&path, &error, "the last good set of a feed cannot be read");
                None
            }
        }
    }

    /// Writes the file of this name, whole or not at all; returns whether it is there.
    pub(super) fn write(&self, name: &[u8], bytes: &[u8]) -> bool {
        let path = self.file(name);
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let written = state_file::make_folder(&self.path)
            .and_then(|()| self.make_room(bytes.len() as u64))
            .and_then(|()| state_file::replace(&path, bytes, Some(0o600)));
        if let Err(error) = &written {
            log(
                &path,
                error,
                "the last good set of a feed cannot be written: after a restart MISP is believed at once",
            );
        }
        written.is_ok()
    }

    pub(super) fn remove(&self, name: &[u8]) {
        let path = self.file(name);
        if let Err(error) = state_file::remove(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            log(&path, &error, "the last good set of a feed cannot be removed");
        }
    }

    /// Removes the oldest files until so many more bytes fit.
    fn make_room(&self, more: u64) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_file() {
                files.push((about.modified()?, about.len(), entry.path()));
            }
        }
        files.sort();
        let mut bytes = files.iter().map(|(_, bytes, _)| bytes).sum::<u64>() + more;
        let mut number = files.len() + 1;
        for (_, freed, path) in files {
            if bytes <= self.max_bytes && number <= MAX_FILES {
                break;
            }
            state_file::remove(&path)?;
            (bytes, number) = (bytes - freed, number - 1);
        }
        Ok(())
    }

    /// Returns the file, whose name stands for the feed and does not show it.
    fn file(&self, name: &[u8]) -> PathBuf {
        let digest = Sha256::digest(name);
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.path.join(format!("{hex}.set"))
    }
}

fn log(path: &std::path::Path, error: &io::Error, what: &str) {
    FAILED.say(|more| tracing::warn!(file = %path.display(), %error, more, "{what}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_were_written_the_longest_ago_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder {
            max_bytes: 1_000,
            ..Folder::new(directory.path().join("sets"))
        };
        for number in 0..10_u8 {
            assert!(folder.write(&[number], &[number; 300]));
            let file = fs::File::options().write(true).open(folder.file(&[number])).unwrap();
            let written = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number.into());
            file.set_modified(written).unwrap();
        }
        let kept: Vec<u8> = (0..10).filter(|number| folder.read(&[*number]).is_some()).collect();
        assert_eq!(kept, [7, 8, 9]);
    }
}
