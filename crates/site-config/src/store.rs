//! The configuration in force, replaced as a whole.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::load::{self, Loaded, Paths};
use crate::seen::Seen;
use config_file::{Problem, Problems};

/// Holds the configuration in force; a clone is a handle to the same one.
///
/// A request that takes [`ConfigStore::current`] once never sees half of a reload.
#[derive(Clone, Debug)]
pub struct ConfigStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    paths: Paths,
    credentials: Option<PathBuf>,
    current: ArcSwap<Loaded>,
    /// The problems of the files, as long as their content is not in force.
    refused: ArcSwapOption<Vec<Problem>>,
    /// The state of the files when they were last read. Held while reading: one reload at a time, so that an older
    /// reading never replaces a newer one.
    read: Mutex<Seen>,
    listeners: Listeners,
}

/// The function to call when other files are in force.
#[derive(Default)]
struct Listeners(Mutex<Vec<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listeners")
    }
}

/// The result of a reload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReloadOutcome {
    /// The files are in force now. Sites whose file went bad are in [`Loaded::kept`] (as they were) or
    /// [`Loaded::disabled`] (new ones).
    Applied(Arc<Loaded>),
    /// The core file, the mappings or the directory of sites is bad: nothing changed. The problems of all files.
    Refused(Vec<Problem>),
}

impl ConfigStore {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As [`load()`](crate::load()).
    pub fn open(paths: Paths) -> Result<Self, Problems> {
        Ok(Self::open_with(paths, load::credentials())?)
    }

    pub(crate) fn open_with(paths: Paths, credentials: Option<PathBuf>) -> Result<Self, Vec<Problem>> {
        let seen = Seen::now(&paths);
        let loaded = load::load_with(&paths, credentials.as_deref(), None)?;
        Ok(Self {
            inner: Arc::new(Inner {
                paths,
                credentials,
                current: ArcSwap::from_pointee(loaded),
                refused: ArcSwapOption::empty(),
                read: Mutex::new(seen),
                listeners: Listeners::default(),
            }),
        })
    }

    /// Returns the configuration in force. Costs no lock; take it once per request.
    #[must_use]
    pub fn current(&self) -> Arc<Loaded> {
        self.inner.current.load_full()
    }

    /// Returns the problems for which the last reload was refused; `None` once the files are in force again.
    #[must_use]
    pub fn refused(&self) -> Option<Arc<Vec<Problem>>> {
        self.inner.refused.load_full()
    }

    /// Returns where the files are.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.inner.paths
    }

    /// Sets a function that the reloading thread calls after each reload that puts the files in force. It should only
    /// wake another thread.
    pub fn on_applied(&self, told: impl Fn() + Send + Sync + 'static) {
        let listeners = self.inner.listeners.0.lock();
        listeners.unwrap_or_else(PoisonError::into_inner).push(Box::new(told));
    }

    /// Reads all files again and puts them in force together, or not at all; a bad site file leaves that site as it
    /// was.
    ///
    /// Reads files, so it blocks: not for an async worker thread.
    pub fn reload(&self) -> ReloadOutcome {
        let mut read = self.last_read();
        self.read_again(&mut read, Seen::now(self.paths()))
    }

    /// As [`ConfigStore::reload`], but only if a file is another one than when it was last read.
    #[cfg(feature = "watch")]
    pub(crate) fn reload_if_changed(&self) -> Option<ReloadOutcome> {
        let mut read = self.last_read();
        let now = Seen::now(self.paths());
        (*read != now).then(|| self.read_again(&mut read, now))
    }

    fn last_read(&self) -> MutexGuard<'_, Seen> {
        let read = self.inner.read.lock();
        read.unwrap_or_else(PoisonError::into_inner)
    }

    fn read_again(&self, read: &mut Seen, now: Seen) -> ReloadOutcome {
        let inner = &*self.inner;
        *read = now;
        let previous = inner.current.load_full();
        match load::load_with(&inner.paths, inner.credentials.as_deref(), Some(&previous)) {
            Ok(loaded) => {
                let loaded = Arc::new(loaded);
                inner.current.store(Arc::clone(&loaded));
                inner.refused.store(None);
                let listeners = inner.listeners.0.lock();
                listeners
                    .unwrap_or_else(PoisonError::into_inner)
                    .iter()
                    .for_each(|told| told());
                ReloadOutcome::Applied(loaded)
            }
            Err(problems) => {
                inner.refused.store(Some(Arc::new(problems.clone())));
                ReloadOutcome::Refused(problems)
            }
        }
    }
}
