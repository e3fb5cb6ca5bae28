//! Files that are replaced whole.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::folder::Folder;
use crate::owner::keep_owner;

/// Begins the name of every temporary file.
const PREFIX: &str = ".cratos-";

/// The permissions of a file without the bits that give a program the rights of the file's owner.
const PERMISSIONS: u32 = 0o777;

/// A temporary file beside the file that it will replace. Dropping it removes the temporary file and leaves the old
/// one.
#[derive(Debug)]
pub struct Staged {
    temporary: Temporary,
    file: File,
    name: OsString,
    candidate: PathBuf,
}

/// The name of a temporary file, which goes unless it has become the name of the file.
#[derive(Debug)]
struct Temporary {
    folder: Folder,
    name: OsString,
    is_placed: bool,
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
    /// Its mode is `mode`, else that of the regular file at `path`, else 0644; setuid, setgid and sticky bits are never
    /// set. Its owner is that of the regular file at `path`; if there is none and root creates the file, the owner of
    /// the folder.
    ///
    /// # Errors
    /// If the file cannot be created, or not be given its owner or mode, or the way to it leads over a symbolic link of
    /// another user.
    pub fn create(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        let (folder, name) = Folder::of(path)?;
        let before = folder.regular(&name)?;
        let kept = before.as_ref().map(|before| before.mode());
        let (temporary, file) = Temporary::create(folder)?;
        match &before {
            Some(before) => keep_owner(&file, before)?,
            None => temporary.folder.give(&file)?,
        }
        // After the owner: the system takes some bits away when that changes.
        let mode = mode.or(kept).unwrap_or(0o644) & PERMISSIONS;
        file.set_permissions(Permissions::from_mode(mode))?;
        let candidate = temporary.folder.shown(&temporary.name);
        Ok(Self {
            temporary,
            file,
            name,
            candidate,
        })
    }

    /// Creates a temporary file that holds `bytes`, as [`create`](Self::create) does, and returns when they are on the
    /// disk. A caller that stages several files before it commits the first one learns of a full disk in time.
    ///
    /// # Errors
    /// If the file cannot be created or written.
    pub fn write(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<Self> {
        let mut staged = Self::create(path, mode)?;
        staged.write_all(bytes)?;
        staged.file.sync_all()?;
        Ok(staged)
    }

    /// Returns the path of the temporary file, for example for a program that checks it.
    #[must_use]
    pub fn candidate(&self) -> &Path {
        &self.candidate
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
    pub fn place(mut self) -> io::Result<Placed> {
        self.file.sync_all()?;
        // Opened before the rename: afterwards there may be no descriptor left for it.
        let folder = self.temporary.folder.readable()?;
        self.temporary.place(&self.name)?;
        Ok(Placed {
            file: self.file,
            folder,
        })
    }
}

impl Temporary {
    /// Creates a file under a name that no file has.
    fn create(folder: Folder) -> io::Result<(Self, File)> {
        loop {
            let mut drawn = [0; 8];
            rustix::rand::getrandom(&mut drawn, rustix::rand::GetRandomFlags::empty())?;
            let name = OsString::from(format!("{PREFIX}{:016x}", u64::from_ne_bytes(drawn)));
            match folder.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => {
                    let file = created?;
                    let is_placed = false;
                    return Ok((
                        Self {
                            folder,
                            name,
                            is_placed,
                        },
                        file,
                    ));
                }
            }
        }
    }

    fn place(&mut self, name: &OsStr) -> io::Result<()> {
        self.folder.rename(&self.name, name)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_placed {
            // A file that stays is removed by `remove_leftovers`.
            let _ = self.folder.remove(&self.name);
        }
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
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
    let folder = Folder::open(folder)?;
    for name in folder.names(PREFIX.as_bytes())? {
        folder.remove(&name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
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
