//! The folder with the files of copies: `NAME.key`, which is a sealed registration, and `NAME.redb`, the copy itself.
//!
//! The name is derived from site, address and MISP key, and does not reveal them. Everything here blocks. A mirror that
//! ends may still write while its successor, perhaps in another process, deletes: so each change of a file locks the
//! folder.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::folder_lock::FolderLock;
use super::keys::MirrorKeys;
use super::registration::Registration;
use crate::upstream::UpstreamId;

/// What the seal of a registration is bound to, beside its name: an entry does not open under another copy's name.
const CONTEXT: &[u8] = b"cratos/mirror/registration/1/";

/// No registration is longer.
const MAX_BYTES: u64 = 64 * 1024;

/// Registrations that are read; a folder with more is not ours.
const MAX_FILES: usize = 4_096;

const REGISTRATION: &str = "key";
const COPY: &str = "redb";

/// A folder, and the keys for what lies in it.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keys: MirrorKeys,
}

/// The name of one copy's files.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Name(String);

/// Why a registration cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// No key of the configuration opens it.
    #[error(
        "{} opens with no encryption key of this configuration: put the old key back as a later entry of `encryption_keys`, or delete the file and the `.redb` file beside it",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Name {
    /// Returns the name for an upstream with a MISP.
    pub(super) fn of(upstream: &UpstreamId) -> Option<Self> {
        let fingerprint = upstream.fingerprint()?;
        Some(Self(
            fingerprint.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        ))
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf, keys: MirrorKeys) -> Self {
        Self { path, keys }
    }

    /// Returns the file of the copy, which may not exist.
    pub(super) fn copy(&self, name: &Name) -> PathBuf {
        self.file(name, COPY)
    }

    /// Returns every registration that opens, and an error for each other one.
    pub(super) fn registrations(&self) -> Vec<(Name, Result<Registration, ReadError>)> {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Vec::new();
        };
        let names = entries.flatten().filter_map(|entry| {
            let path = entry.path();
            let stem = path.file_stem()?.to_str()?.to_owned();
            path.extension()
                .is_some_and(|extension| extension == REGISTRATION)
                .then_some(Name(stem))
        });
        let read = |name: Name| Some((name.clone(), self.read(&name).transpose()?));
        names.take(MAX_FILES).filter_map(read).collect()
    }

    /// Reads a registration; nothing if there is none. One that another key than the first opened is sealed anew.
    pub(super) fn read(&self, name: &Name) -> Result<Option<Registration>, ReadError> {
        let _lock = FolderLock::of(&self.path);
        self.read_locked(name)
    }

    fn read_locked(&self, name: &Name) -> Result<Option<Registration>, ReadError> {
        let path = self.file(name, REGISTRATION);
        let sealed = match read_bounded(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ReadError::Unreadable { path, source }),
        };
        let opened = self.keys.open(&sealed, &context(name));
        let entry = opened.and_then(|opened| Some((Registration::read(&opened.text)?, opened.is_current)));
        let Some((entry, is_current)) = entry else {
            return Err(ReadError::Foreign { path });
        };
        if !is_current && let Err(error) = self.write_locked(name, &entry) {
            tracing::warn!(file = %path.display(), %error, "a mirror cannot be sealed with the new encryption key: keep the old key in `encryption_keys`");
        }
        Ok(Some(entry))
    }

    /// Writes a registration, whole or not at all.
    pub(super) fn write(&self, name: &Name, entry: &Registration) -> io::Result<()> {
        state_file::make_folder(&self.path)?;
        let _lock = FolderLock::of(&self.path);
        self.write_locked(name, entry)
    }

    fn write_locked(&self, name: &Name, entry: &Registration) -> io::Result<()> {
        let sealed = self.keys.seal(&entry.written(), &context(name));
        let sealed = sealed.ok_or_else(|| io::Error::other("the system gives no random bytes"))?;
        state_file::replace(&self.file(name, REGISTRATION), &sealed, Some(0o600))
    }

    /// Replaces a registration by what `change` makes of it. Writes nothing if there is none that opens.
    pub(super) fn update(&self, name: &Name, change: impl FnOnce(Registration) -> Registration) -> io::Result<()> {
        let _lock = FolderLock::of(&self.path);
        match self.read_locked(name) {
            Ok(Some(entry)) => self.write_locked(name, &change(entry)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Deletes the files of a copy: the registration first, since only that opens the copy.
    pub(super) fn remove(&self, name: &Name) {
        let _lock = FolderLock::of(&self.path);
        for extension in [REGISTRATION, COPY, "redb.broken"] {
            let path = self.file(name, extension);
            if let Err(error) = state_file::remove(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(file = %path.display(), %error, "a file of a mirror that has ended cannot be deleted");
            }
        }
    }

    fn file(&self, name: &Name, extension: &str) -> PathBuf {
        self.path.join(format!("{}.{extension}", name.0))
    }
}

fn context(name: &Name) -> Vec<u8> {
    [CONTEXT, name.0.as_bytes()].concat()
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    state_file::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use misp_client::Protocol;
    use secrecy::ExposeSecret as _;
    use site_config::Site;

    use super::*;
    use crate::Upstream;

    fn upstream(key: &str) -> Upstream {
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        let key = key.repeat(40).into();
        Upstream::new(Arc::new(site), Arc::default(), Protocol::Https, 443, key)
    }

    fn folder(path: &Path, keys: &[u8]) -> Folder {
        let keys: Vec<[u8; 32]> = keys.iter().map(|byte| [*byte; 32]).collect();
        Folder::new(path.join("mirrors"), MirrorKeys::new(&keys).unwrap())
    }

    fn written(folder: &Folder, key: &str) -> Name {
        let name = Name::of(&upstream(key).id()).unwrap();
        let entry = Registration::drawn(&upstream(key), 7).unwrap();
        folder.write(&name, &entry).unwrap();
        name
    }

    #[test]
    fn a_registration_comes_back_and_shows_no_key() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(directory.path(), &[1]);
        assert!(folder.registrations().is_empty());
        let name = written(&folder, "k");
        let entry = folder.read(&name).unwrap().unwrap();
        assert_eq!(entry.auth_key.expose_secret(), "k".repeat(40));
        let file = fs::read(folder.file(&name, REGISTRATION)).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("kkkk"));
        assert_ne!(Name::of(&upstream("k").id()), Name::of(&upstream("m").id()));
        assert_eq!(folder.registrations().len(), 1);
    }

    #[test]
    fn a_new_encryption_key_seals_the_registration_anew() {
        let directory = tempfile::tempdir().unwrap();
        let before = written(&folder(directory.path(), &[1]), "k");
        let drawn = folder(directory.path(), &[1]).read(&before).unwrap().unwrap().store_key;
        folder(directory.path(), &[2, 1]).read(&before).unwrap().unwrap();
        let entry = folder(directory.path(), &[2]).read(&before).unwrap().unwrap();
        assert_eq!(entry.store_key, drawn, "the copy stays readable");
    }

    #[test]
    fn a_registration_of_another_configuration_or_another_copy_is_an_error_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let ours = folder(directory.path(), &[1]);
        let (name, other) = (written(&ours, "k"), written(&ours, "m"));
        let theirs = folder(directory.path(), &[2]).read(&name).unwrap_err();
        assert!(theirs.to_string().contains("encryption_keys"), "{theirs}");
        fs::copy(ours.file(&name, REGISTRATION), ours.file(&other, REGISTRATION)).unwrap();
        assert!(matches!(ours.read(&other), Err(ReadError::Foreign { .. })));
        let (good, bad): (Vec<_>, Vec<_>) = ours.registrations().into_iter().partition(|(_, entry)| entry.is_ok());
        assert_eq!((good.len(), bad.len()), (1, 1));
    }

    #[test]
    fn a_mirror_that_ends_while_its_files_are_deleted_brings_none_back() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(directory.path(), &[1]);
        let name = written(&folder, "k");
        let (deleted, wait) = mpsc::channel();
        let deleting = {
            let (folder, name) = (folder.clone(), name.clone());
            move || {
                folder.remove(&name);
                let _ = deleted.send(());
            }
        };
        let mut other = None;
        folder
            .update(&name, |entry| {
                other = Some(thread::spawn(deleting));
                // Without the lock the files are gone by now, and the update would write the registration again.
                let _ = wait.recv_timeout(Duration::from_millis(200));
                Registration { used_at: 8, ..entry }
            })
            .unwrap();
        other.unwrap().join().unwrap();
        assert_eq!(fs::read_dir(directory.path().join("mirrors")).unwrap().count(), 0);
    }

    #[test]
    fn a_copy_that_has_ended_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(directory.path(), &[1]);
        let name = written(&folder, "k");
        fs::write(folder.copy(&name), "rows").unwrap();
        folder.remove(&name);
        folder.remove(&name);
        assert_eq!(fs::read_dir(directory.path().join("mirrors")).unwrap().count(), 0);
    }
}
