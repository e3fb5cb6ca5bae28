//! The state that outlives a restart: the last good values of each feed, and the values and the progress of each
//! target.
//!
//! A file is one line with a mark, a version and the SHA-256 of the rest, and then JSON. It is replaced as a whole. The
//! agent logs a file that is torn, foreign or of another version, and does not use it.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use state_file::LockFile;

use crate::error::StateError;

mod record;

pub use crate::error::LockError;
pub use record::{Enforced, FeedProgress, LastGood, Progress};

const MARK: &str = "cratos-agent-state 1 ";

/// The longest wait for the change of another process.
const CHANGE_PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes that are read of a state file.
const MAX_BYTES: u64 = 512 << 20;

/// The directory that holds the state.
#[derive(Clone, Debug)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// Returns the state in this directory, for reading. It creates nothing; a missing directory holds no state.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Opens the directory, and creates it if it is missing (mode 0700).
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(root: &Path) -> Result<Self, StateError> {
        let state = Self::at(root);
        state.make()?;
        Ok(state)
    }

    /// Creates the directory if it is missing (mode 0700), before the first lock or file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(&self) -> Result<(), StateError> {
        for folder in [self.root.clone(), self.root.join("feeds"), self.root.join("targets")] {
            state_file::make_folder(&folder).map_err(|source| StateError::Directory { path: folder, source })?;
        }
        Ok(())
    }

    /// Checks that the state can be read. A directory that does not exist yet is not an error.
    ///
    /// # Errors
    /// If this user may not read the directory, or it is not a directory.
    pub fn readable(&self) -> Result<(), StateError> {
        match fs::read_dir(self.root.join("targets")) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let path = self.root.clone();
                Err(StateError::Unreadable { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Takes the lock that keeps a second agent from running on the same state, without waiting.
    ///
    /// # Errors
    /// If another agent has it, or the file cannot be made.
    pub fn lock_agent(&self) -> Result<LockFile, LockError> {
        LockFile::try_take(&self.root.join("agent.lock")).map_err(|error| self.lock_error(error))
    }

    /// Takes the lock for one change, so that `apply` and a running agent take turns.
    ///
    /// # Errors
    /// If another process holds it for more than a minute, or the file cannot be made.
    pub fn lock_change(&self) -> Result<LockFile, LockError> {
        LockFile::wait(&self.root.join("change.lock"), CHANGE_PATIENCE).map_err(|error| self.lock_error(error))
    }

    /// Returns the last good values of a feed.
    #[must_use]
    pub fn last_good(&self, feed: &str) -> Option<LastGood> {
        self.load(&self.path("feeds", feed, "values"))
    }

    /// Keeps the last good values of a feed.
    ///
    /// # Errors
    /// If they cannot be written; the earlier ones stay then.
    pub fn keep_last_good(&self, feed: &str, good: &LastGood) -> Result<(), StateError> {
        save(&self.path("feeds", feed, "values"), good)
    }

    /// Returns the values that a target got last.
    #[must_use]
    pub fn enforced(&self, target: &str) -> Option<Enforced> {
        self.load(&self.path("targets", target, "values"))
    }

    /// Keeps the values of a target.
    ///
    /// # Errors
    /// As [`StateDir::keep_last_good`].
    pub fn keep_enforced(&self, target: &str, enforced: &Enforced) -> Result<(), StateError> {
        save(&self.path("targets", target, "values"), enforced)
    }

    /// Returns the progress of a target.
    #[must_use]
    pub fn progress(&self, target: &str) -> Option<Progress> {
        self.load(&self.path("targets", target, "progress"))
    }

    /// Keeps the progress of a target.
    ///
    /// # Errors
    /// As [`StateDir::keep_last_good`].
    pub fn keep_progress(&self, target: &str, progress: &Progress) -> Result<(), StateError> {
        save(&self.path("targets", target, "progress"), progress)
    }

    fn lock_error(&self, error: state_file::LockError) -> LockError {
        match error {
            state_file::LockError::Taken { .. } => LockError::Taken {
                directory: self.root.clone(),
            },
            error => LockError::File(error),
        }
    }

    fn path(&self, folder: &str, name: &str, ending: &str) -> PathBuf {
        self.root.join(folder).join(format!("{name}.{ending}"))
    }

    fn load<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        match load(path) {
            Ok(value) => Some(value),
            Err(StateError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), error = service_kit::chain(&error), "a state file is not used");
                None
            }
        }
    }
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StateError> {
    let failed = |source| StateError::File {
        path: path.to_owned(),
        source,
    };
    let json = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    let mut bytes = format!("{MARK}{}\n", checksum(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    state_file::replace(path, &bytes, Some(0o600)).map_err(failed)
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    let failed = |source| StateError::File {
        path: path.to_owned(),
        source,
    };
    let foreign = || StateError::Foreign { path: path.to_owned() };
    let file = state_file::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let rest = bytes.strip_prefix(MARK.as_bytes()).ok_or_else(foreign)?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(foreign)?;
    let (sum, json) = rest.split_at(end);
    let json = json.get(1..).unwrap_or_default();
    if sum != checksum(json).as_bytes() {
        return Err(StateError::Torn { path: path.to_owned() });
    }
    serde_json::from_slice(json).map_err(|_| foreign())
}

/// Returns a SHA-256 in hexadecimal.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorSet, IndicatorType};
    use proptest::prelude::*;

    use super::*;
    use crate::{Moment, Values};

    fn enforced() -> Enforced {
        let set = IndicatorSet::of(IndicatorType::Ipv4, ["192.0.2.1", "192.0.2.2"]);
        Enforced {
            values: [set].into_iter().collect::<Values>(),
            digest: "d".to_owned(),
            at: Moment::now(),
            feeds: ["block".to_owned()].into(),
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert!(state.enforced("firewall").is_none());
        state.keep_enforced("firewall", &enforced()).unwrap();
        let back = StateDir::open(dir.path()).unwrap().enforced("firewall").unwrap();
        assert_eq!(back.values, enforced().values);
    }

    #[test]
    fn a_second_agent_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let first = state.lock_agent().unwrap();
        let refused = state.lock_agent().unwrap_err().to_string();
        assert!(
            refused.starts_with("another cratos-agent works with the state in "),
            "{refused}"
        );
        drop(first);
        state.lock_agent().unwrap();
    }

    #[test]
    fn torn_and_foreign_files_are_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.keep_enforced("firewall", &enforced()).unwrap();
        let path = dir.path().join("targets/firewall.values");
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(state.enforced("firewall").is_none(), "cut at {cut}");
        }
        let changed = String::from_utf8(whole).unwrap().replace("192.0.2.2", "192.0.2.3");
        fs::write(&path, changed).unwrap();
        assert!(matches!(load::<Enforced>(&path), Err(StateError::Torn { .. })));
        fs::write(&path, "# a list\n192.0.2.1\n").unwrap();
        assert!(matches!(load::<Enforced>(&path), Err(StateError::Foreign { .. })));
    }

    #[test]
    fn a_folder_that_is_not_there_yet_can_be_read_and_a_file_in_its_place_cannot() {
        let dir = tempfile::tempdir().unwrap();
        StateDir::at(&dir.path().join("none")).readable().unwrap();
        StateDir::open(dir.path()).unwrap().readable().unwrap();
        fs::remove_dir(dir.path().join("targets")).unwrap();
        fs::write(dir.path().join("targets"), "a file").unwrap();
        let refused = StateDir::at(dir.path()).readable();
        assert!(matches!(refused, Err(StateError::Unreadable { .. })), "{refused:?}");
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        fs::remove_dir(dir.path().join("targets")).unwrap();
        fs::write(dir.path().join("targets"), "a file where the folder was").unwrap();
        assert!(matches!(
            state.keep_enforced("x", &enforced()),
            Err(StateError::File { .. })
        ));
        assert!(StateDir::open(dir.path()).is_err());
    }

    proptest! {
        #[test]
        fn no_file_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), marked in any::<bool>()) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x");
            let mut content = if marked { MARK.as_bytes().to_vec() } else { Vec::new() };
            content.extend(bytes);
            fs::write(&path, content).unwrap();
            prop_assert!(load::<Enforced>(&path).is_err());
        }
    }
}
