//! Reloads when a file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::load::Paths;
use crate::store::{ConfigStore, ReloadOutcome};

/// Quiet time after the last change, so that a file is read after its editor has finished.
const QUIET: Duration = Duration::from_millis(200);
/// Longest wait for that quiet, in a directory where something else never stops writing.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the files are looked at without being told: network file systems tell nothing.
const LOOK: Duration = Duration::from_secs(10);

/// Keeps the watching alive; dropping it ends it.
#[derive(Debug)]
#[must_use = "the files are watched for as long as this lives"]
pub struct Watch {
    stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

/// The files cannot be watched; [`ConfigStore::reload`] still works.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the configuration files")]
#[non_exhaustive]
pub struct WatchError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ConfigStore {
    /// Watches the files in a thread of its own, reloads when one has changed, and then tells `on_change` what came of it.
    ///
    /// The directories are watched, not the files, so editors that replace a file are seen, as are new and removed site files.
    /// Changes within 200 ms are one reload. Every 10 s the files are looked at all the same. Other files that these name (a
    /// secret, a certificate) are not watched: call [`ConfigStore::reload`] after changing one.
    ///
    /// # Errors
    /// The system refuses to watch (out of inotify instances, for one), or the thread cannot be started.
    pub fn watch(&self, on_change: impl FnMut(ReloadOutcome) + Send + 'static) -> Result<Watch, WatchError> {
        let (wake, woken) = sync_channel(1);
        let tell = wake.clone();
        // A full channel means that the thread is about to look anyway.
        let notifier = notify::recommended_watcher(move |_| {
            let _ = tell.try_send(());
        })
        .map_err(|source| WatchError { source: source.into() })?;
        let stopped = Arc::new(AtomicBool::new(false));
        let mut watching = Watching {
            store: self.clone(),
            notifier,
            stopped: Arc::clone(&stopped),
            on_change,
        };
        watching.attach();
        // What changed between reading the files and watching them is seen at once.
        let _ = wake.try_send(());
        thread::Builder::new()
            .name("site-config".to_owned())
            .spawn(move || watching.run(&woken))
            .map_err(|source| WatchError { source: source.into() })?;
        Ok(Watch { stopped, wake })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        let _ = self.wake.try_send(());
    }
}

struct Watching<F> {
    store: ConfigStore,
    notifier: RecommendedWatcher,
    stopped: Arc<AtomicBool>,
    on_change: F,
}

impl<F: FnMut(ReloadOutcome)> Watching<F> {
    fn run(mut self, woken: &Receiver<()>) {
        loop {
            match woken.recv_timeout(LOOK) {
                Ok(()) => settle(woken),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            self.attach();
            if let Some(outcome) = self.store.reload_if_changed() {
                (self.on_change)(outcome);
            }
        }
    }

    /// Watches the directories; again each time, since one may have been replaced by another of the same name. A directory that
    /// is not there now is looked for again later.
    fn attach(&mut self) {
        for directory in directories(self.store.paths()) {
            let _ = self.notifier.unwatch(&directory);
            let _ = self.notifier.watch(&directory, RecursiveMode::NonRecursive);
        }
    }
}

/// Waits until nothing has happened for a while.
fn settle(woken: &Receiver<()>) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && woken.recv_timeout(QUIET).is_ok() {}
}

/// The directories of the files, the one of the sites, and its parent, where it would be replaced.
fn directories(paths: &Paths) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut directories = vec![
        parent(&paths.config),
        parent(&paths.mappings),
        parent(&paths.sites),
        paths.sites.clone(),
    ];
    directories.sort();
    directories.dedup();
    directories
}
