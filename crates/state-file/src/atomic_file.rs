//! Files that are replaced whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::folder::folder_of;
use crate::owner::{give_to_folder_owner, keep_owner};

/// Begins the name of every temporary file.
const PREFIX: &str = ".cratos-";

/// A temporary file beside the file that it will replace. Dropping it removes the temporary file and leaves the old
/// one.
#[derive(Debug)]
pub struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

/// A file that has taken its place; a power cut may still undo that until [`sync`](Self::sync) returns.
#[derive(Debug)]
pub struct Placed {
    file: File,
    folder: File,
}

impl Staged {
    /// Creates an empty temporary file beside `path`; write to it through [`Write`].
    ///
    /// Its mode is `mode`, else that of the file at `path`, else 0644. Its owner is that of the file at `path`; if
    /// there is none and root creates the file, the owner of the folder.
    ///
    /// # Errors
    /// If the file cannot be created, or not be given its owner or mode.
    pub fn create(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        let before = fs::metadata(path).ok();
        let kept = before.as_ref().map(|before| before.mode() & 0o7777);
        let temporary = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder_of(path))?;
        let file = temporary.as_file();
        match &before {
            Some(before) => keep_owner(file, before)?,
            None => give_to_folder_owner(file, path)?,
        }
        // After the owner: the system takes some bits away when that changes.
        file.set_permissions(Permissions::from_mode(mode.or(kept).unwrap_or(0o644)))?;
        let path = path.to_owned();
        Ok(Self { temporary, path })
    }

    /// Creates a temporary file that holds `bytes`, as [`create`](Self::create) does, and returns when they are on the
    /// disk. A caller that stages several files before it commits the first one learns of a full disk in time.
    ///
    /// # Errors
    /// If the file cannot be created or written.
    pub fn write(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<Self> {
        let mut staged = Self::create(path, mode)?;
        staged.write_all(bytes)?;
        staged.temporary.as_file().sync_all()?;
        Ok(staged)
    }

    /// Returns the path of the temporary file, for example for a program that checks it.
    #[must_use]
    pub fn candidate(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts the file into its place, and returns when it outlives a power cut.
    ///
    /// # Errors
    /// If the file cannot be written to the disk or renamed: then the old file is still there.
    pub fn commit(self) -> io::Result<()> {
        self.place()?.sync()
    }

    /// Puts the file into its place without waiting for the folder, for callers that go on writing to the file.
    ///
    /// # Errors
    /// If the file cannot be written to the disk or renamed: then the old file is still there.
    pub fn place(self) -> io::Result<Placed> {
        self.temporary.as_file().sync_all()?;
        // Opened before the rename: afterwards there may be no descriptor left for it.
        let folder = File::open(folder_of(&self.path))?;
        let file = self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(Placed { file, folder })
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

impl Placed {
    /// Returns when the new name outlives a power cut.
    ///
    /// # Errors
    /// If the system cannot write the folder; the new file is in its place nevertheless.
    pub fn sync(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    /// Returns the file, open for reading and writing, behind the last byte that was written.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

/// Writes a file whole, or leaves the old one; see [`Staged`] for its mode and owner.
///
/// # Errors
/// If the file cannot be written.
pub fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    Staged::write(path, bytes, mode)?.commit()
}

/// Removes temporary files from `folder` that a killed process left there. Only the holder of the folder's lock may
/// call it: otherwise it takes the file that another process is writing.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn mode_and_owner_stay_and_nothing_else_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.txt");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let owner = |path: &Path| fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap();
        // Only root can give files away; every user can keep its own.
        let _ = std::os::unix::fs::chown(&path, Some(12), Some(34));
        let before = owner(&path);
        replace(&path, b"after", None).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(owner(&path), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert!(replace(&dir.path().join("missing/list.txt"), b"x", None).is_err());
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert!(
            replace(&dir.path().join("folder"), b"x", None).is_err(),
            "a folder is no file"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_root_creates_belongs_to_the_owner_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(dir.path(), Some(12), Some(34)).is_err() {
            eprintln!("skipped: only root can give folders away");
            return;
        }
        let path = dir.path().join("new.txt");
        replace(&path, b"x", None).unwrap();
        let made = fs::metadata(&path).unwrap();
        assert_eq!((made.uid(), made.gid()), (12, 34));
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_placed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, "old").unwrap();
        let mut staged = Staged::create(&path, Some(0o600)).unwrap();
        staged.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read(staged.candidate()).unwrap(), b"new");
        let placed = staged.place().unwrap();
        placed.sync().unwrap();
        let mut file = placed.into_file();
        file.write_all(b"er").unwrap();
        let mut text = String::new();
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "newer", "the returned file is the one in place");
    }

    #[test]
    fn temporary_files_of_a_killed_process_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("journal"), "kept").unwrap();
        fs::write(dir.path().join(".cratos-killed"), "half").unwrap();
        remove_leftovers(dir.path()).unwrap();
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["journal"]);
    }
}
