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

/// Returns a note for each way in which users other than root and the owner `trusted` may change a file: the file
/// itself, and the folders above it, in which they could put another file in its place.
#[must_use]
#[cfg(unix)]
pub fn changeable_by_others(path: &Path, trusted: u32) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let Ok(whole) = fs::canonicalize(path) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    for place in whole.ancestors() {
        let Ok(found) = fs::metadata(place) else { continue };
        let (mode, owner, shown) = (found.mode(), found.uid(), place.display());
        // In a folder such as /tmp, users may change only their own files.
        let is_shared = found.is_dir() && mode & STICKY != 0;
        if mode & 0o002 != 0 && !is_shared {
            notes.push(format!("{shown}: every user of this machine may change it; chmod o-w"));
        } else if mode & 0o020 != 0 && found.gid() != 0 && !is_shared {
            let group = found.gid();
            notes.push(format!(
                "{shown}: every user of the group {group} may change it; chmod g-w"
            ));
        }
        if owner != 0 && owner != trusted {
            notes.push(format!("{shown}: its owner (uid {owner}) may change it; chown root"));
        }
    }
    notes
}

/// Returns nothing: permissions are checked on Unix only.
#[must_use]
#[cfg(not(unix))]
pub fn changeable_by_others(_: &Path, _: u32) -> Vec<String> {
    Vec::new()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn each_way_to_change_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let whole = fs::canonicalize(dir.path()).unwrap();
        let (folder, file) = (whole.join("etc"), whole.join("etc/agent.yaml"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "x").unwrap();
        let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let owner = fs::metadata(&file).unwrap().uid();
        // The test judges only the folders that it made itself.
        let notes = |trusted| {
            let mut notes = changeable_by_others(&file, trusted);
            notes.retain(|note| note.starts_with(&*whole.to_string_lossy()));
            notes
        };
        let every = |path: &Path| {
            format!(
                "{}: every user of this machine may change it; chmod o-w",
                path.display()
            )
        };
        for (of_folder, of_file, expected) in [
            (0o755, 0o640, vec![]),
            (0o755, 0o646, vec![every(&file)]),
            (0o777, 0o644, vec![every(&folder)]),
            (0o777, 0o666, vec![every(&file), every(&folder)]),
            (0o1777, 0o644, vec![]),
        ] {
            chmod(&folder, of_folder);
            chmod(&file, of_file);
            assert_eq!(notes(owner), expected, "{of_folder:o} {of_file:o}");
        }
        if std::os::unix::fs::chown(&file, Some(12), Some(34)).is_err() {
            eprintln!("skipped: only root can give files away");
            return;
        }
        let of_owner = format!("{}: its owner (uid 12) may change it; chown root", file.display());
        assert_eq!(notes(owner), [of_owner]);
        assert!(notes(12).is_empty());
        chmod(&file, 0o664);
        let of_group = format!(
            "{}: every user of the group 34 may change it; chmod g-w",
            file.display()
        );
        assert_eq!(notes(12), [of_group]);
    }
}
