//! Text files of at most 1 MiB, and the reasons in plain words why one cannot be read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{Place, Wrong};

/// The largest file, in bytes. No configuration comes near it, but a wrong path may name anything.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a whole file as text, which is wiped from memory when dropped. It leaves out a byte order mark.
///
/// # Errors
/// If the file is missing, unreadable, larger than 1 MiB or not UTF-8, with the place in that file.
pub fn read_text(path: &Path) -> Result<Zeroizing<String>, (Place, Wrong)> {
    let bytes = read_bytes(path).map_err(|wrong| (Place::START, wrong))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let wrong = Wrong::new("is not UTF-8 text from here on", "save it as UTF-8");
            Err((place_after(good), wrong))
        }
    }
}

fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    // Before opening it: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(Wrong::new("is not a file", "put a file there"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Line and column of the character that follows `text`, which is UTF-8.
fn place_after(text: &[u8]) -> Place {
    let (lines, line) = match text.iter().rposition(|b| *b == b'\n') {
        Some(end) => (
            text.iter().filter(|b| **b == b'\n').count(),
            text.get(end + 1..).unwrap_or_default(),
        ),
        None => (0, text),
    };
    // Every character has one byte that does not continue another.
    let characters = line.iter().filter(|b| **b & 0xc0 != 0x80).count();
    let from_one = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
    Place {
        line: from_one(lines),
        column: from_one(characters),
    }
}

fn too_large() -> Wrong {
    Wrong::new("is larger than 1 MiB", "look whether it is the right file")
}

/// Returns the reason in plain words why a file or directory cannot be read.
#[must_use]
pub fn unreadable(error: &io::Error) -> Wrong {
    match error.kind() {
        io::ErrorKind::NotFound => Wrong::new("is not there", "create it, or correct the path"),
        io::ErrorKind::PermissionDenied => Wrong::new(
            "may not be read by this user",
            "give the user that runs this program read permission",
        ),
        kind => Wrong::new(format!("cannot be read ({kind})"), "look at the file and its disk"),
    }
}

/// Returns a path that `file` names, relative to the directory of `file`.
#[must_use]
pub fn beside(file: &Path, path: &str) -> PathBuf {
    match file.parent() {
        Some(directory) => directory.join(path),
        None => PathBuf::from(path),
    }
}

/// Returns a note if every user of this machine may read a file that holds a secret.
#[must_use]
#[cfg(unix)]
pub fn readable_by_everybody(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then_some("every user of this machine may read this secret; chmod 600")
}

/// Returns nothing: permissions are checked on Unix only.
#[must_use]
#[cfg(not(unix))]
pub fn readable_by_everybody(_: &Path) -> Option<&'static str> {
    None
}
