//! Reloads when a file changes.

mod places;

#[cfg(target_os = "linux")]
#[path = "watch/inotify.rs"]
mod notices;
#[cfg(not(target_os = "linux"))]
#[path = "watch/unheard.rs"]
mod notices;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::notices::{Bell, Notices};
use self::places::Places;
use crate::store::{ConfigStore, ReloadOutcome};

/// Quiet time after the last change, so that a file is read after its editor has finished.
const QUIET: Duration = Duration::from_millis(200);
/// Longest wait for that quiet, where another program never stops writing.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between two looks at the files where the system does not report every change, for example on network file
/// systems.
const LOOK: Duration = Duration::from_secs(10);
/// How often the places are followed again in a row, while what leads to the files changes under the watch.
const ATTEMPTS: usize = 5;

/// Keeps the watching alive; dropping it ends it.
#[derive(Debug)]
#[must_use = "the files are watched for as long as this lives"]
pub struct Watch {
    stopped: Arc<AtomicBool>,
    bell: Bell,
}

/// The files cannot be watched; [`ConfigStore::reload`] still works.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the configuration files")]
#[non_exhaustive]
pub struct WatchError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Something happened at one of the places.
    Change,
    /// The bell was rung: the watch ends, or looks at once.
    Bell,
    /// Nothing, for as long as the wait was allowed to take.
    Nothing,
}

impl ConfigStore {
    /// Watches the files in a thread of its own, reloads when one has changed, and then calls `on_change` with the
    /// outcome.
    ///
    /// Every directory and every symbolic link on the way to a file is watched, not only the file. So the watch sees
    /// editors that replace a file, new and removed site files, a directory that is replaced, and a link that is moved
    /// to another target (Kubernetes). Lines that are written to another file there, such as a log, do not wake the
    /// thread. Changes within 200 ms are one reload.
    ///
    /// Where the system reports all changes, the thread sleeps until there is one. Elsewhere (network file systems,
    /// systems other than Linux) it looks at the files every 10 s. Other files that these name (a secret, a
    /// certificate) are not watched: call [`ConfigStore::reload`] after changing one.
    ///
    /// # Errors
    /// The system refuses to watch (out of inotify instances, for one), or the thread cannot be started.
    pub fn watch(&self, mut on_change: impl FnMut(ReloadOutcome) + Send + 'static) -> Result<Watch, WatchError> {
        let (store, theirs) = (self.clone(), self.clone());
        Watch::start(
            move || Places::of_configuration(store.paths()),
            move || {
                if let Some(outcome) = theirs.reload_if_changed() {
                    on_change(outcome);
                }
            },
        )
    }
}

impl Watch {
    /// Watches the files that `files` returns, in a thread of its own, and calls `look` when something happened to one
    /// of them.
    ///
    /// `look` is also called at the beginning, after [`Watch::look_again`], and every 10 s where the system does not
    /// report all changes: it has to find out by itself whether a file is another one. `files` is called again after
    /// each of these.
    ///
    /// # Errors
    /// As [`ConfigStore::watch`].
    pub fn files(
        mut files: impl FnMut() -> Vec<PathBuf> + Send + 'static,
        look: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        Self::start(move || Places::of_files(&files()), look)
    }

    /// Makes the thread look at the files now.
    pub fn look_again(&self) {
        self.bell.ring();
    }

    fn start(
        places: impl FnMut() -> Places + Send + 'static,
        look: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let (notices, bell) = notices::open().map_err(|source| WatchError { source: source.into() })?;
        let stopped = Arc::new(AtomicBool::new(false));
        let watching = Watching {
            notices,
            stopped: Arc::clone(&stopped),
            places,
            look,
        };
        thread::Builder::new()
            .name("site-config".to_owned())
            .spawn(move || watching.run())
            .map_err(|source| WatchError { source: source.into() })?;
        Ok(Self { stopped, bell })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        self.bell.ring();
    }
}

struct Watching<P, L> {
    notices: Notices,
    stopped: Arc<AtomicBool>,
    places: P,
    look: L,
}

impl<P: FnMut() -> Places, L: FnMut()> Watching<P, L> {
    fn run(mut self) {
        while !self.stopped.load(Ordering::Acquire) {
            let is_told = self.follow();
            // After the watch begins: an earlier change is seen now, and the system reports a later one.
            (self.look)();
            match self.notices.wait((!is_told).then_some(LOOK)) {
                Heard::Change => self.settle(),
                Heard::Bell | Heard::Nothing => {}
            }
        }
    }

    /// Watches the places that lead to the files now. Returns whether the system will report every change there.
    fn follow(&mut self) -> bool {
        let mut places = (self.places)();
        for _ in 0..ATTEMPTS {
            let is_told = self.notices.watch(&places);
            let now = (self.places)();
            if now == places {
                return is_told;
            }
            // A link was moved between looking and watching.
            places = now;
        }
        false
    }

    /// Waits until nothing has happened for a while.
    fn settle(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && self.notices.wait(Some(QUIET)) == Heard::Change {}
    }
}
