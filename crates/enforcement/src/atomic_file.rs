//! Files that are there whole or as they were before.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that lies beside the one whose place it will take, written and synced.
#[derive(Debug)]
pub(crate) struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Writes a temporary file beside `path`. The mode is `mode`, else that of the file there, else 0644; the owner stays if it may.
    pub(crate) fn write(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<Self> {
        let before = fs::metadata(path).ok();
        let kept = before.as_ref().map(|before| before.mode() & 0o7777);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut temporary = tempfile::Builder::new()
            .prefix(".cratos-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        temporary.write_all(bytes)?;
        let file = temporary.as_file();
        match &before {
            Some(before) => keep_owner(file, before)?,
            None => belong_to_folder(file, path)?,
        }
        // After the owner: the system takes some bits away when that changes.
        file.set_permissions(Permissions::from_mode(mode.or(kept).unwrap_or(0o644)))?;
        file.sync_all()?;
        let path = path.to_owned();
        Ok(Self { temporary, path })
    }

    /// Returns where the temporary file is.
    pub(crate) fn candidate(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts the file into its place.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(&self.path)
    }
}

/// Writes a file whole, or leaves what was there.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    Staged::write(path, bytes, mode)?.commit()
}

/// Makes a rename in the file's folder outlive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What root makes new in somebody's folder is that one's, so that a command typed by root leaves nothing that the service cannot use.
pub(crate) fn belong_to_folder(file: &File, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")))?;
    if file.metadata()?.uid() == 0 && folder.uid() != 0 {
        return std::os::unix::fs::fchown(file, Some(folder.uid()), Some(folder.gid()));
    }
    Ok(())
}

/// An agent that is not root cannot give files away: then the file is its own, as long as it was so before.
fn keep_owner(file: &File, before: &fs::Metadata) -> io::Result<()> {
    let ours = file.metadata()?;
    if (ours.uid(), ours.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_owner_stay_and_nothing_else_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.txt");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let owner = |path: &Path| fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap();
        // Only root can give files away; anybody can keep what is its own.
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
    fn what_root_makes_belongs_to_whom_the_folder_belongs() {
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
}
