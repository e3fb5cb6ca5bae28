//! Reading files with a bound, and saying in plain words why one cannot be read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::problem::Wrong;

/// No file of ours comes near it.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a whole file as text, wiped from memory when dropped; a byte order mark is left out.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, Wrong> {
    let bytes = read_bytes(path)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(Wrong::new(
            format!("is not UTF-8 text at byte {}", error.valid_up_to()),
            "save it as UTF-8",
        )),
    }
}

fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(Wrong::new("is not a file", "put a file there"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(metadata.len()).unwrap_or(0) + 1,
    ));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> Wrong {
    Wrong::new("is larger than 1 MiB", "look whether it is the right file")
}

/// Why a file or directory cannot be read.
pub(crate) fn unreadable(error: &io::Error) -> Wrong {
    match error.kind() {
        io::ErrorKind::NotFound => Wrong::new(
            "is not there",
            "create it (the example files show how), or correct the path",
        ),
        io::ErrorKind::PermissionDenied => Wrong::new(
            "may not be read by this user",
            "give the user that runs this program read permission",
        ),
        kind => Wrong::new(
            format!("cannot be read ({kind})"),
            "look at the file and its disk",
        ),
    }
}

/// The path as meant in a file: relative to the directory of that file.
pub(crate) fn beside(file: &Path, path: &str) -> PathBuf {
    match file.parent() {
        Some(directory) => directory.join(path),
        None => PathBuf::from(path),
    }
}

/// Says so if every user of this machine may read a file that holds a secret.
#[cfg(unix)]
pub(crate) fn readable_by_everybody(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then_some("every user of this machine may read this secret; chmod 600")
}

/// Permissions of this system are not looked at.
#[cfg(not(unix))]
pub(crate) fn readable_by_everybody(_: &Path) -> Option<&'static str> {
    None
}
