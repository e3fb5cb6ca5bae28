//! Notices that the files have changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use site_config::Watch;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::Tls;
use crate::App;
use crate::exit::chain;

/// How long changed files must stand still before they are read.
const LOOK: Duration = Duration::from_secs(1);

/// How often the files are looked at where they cannot be watched.
const UNWATCHED_LOOK: Duration = Duration::from_secs(10);

/// Which files are named, and the state of each at one moment. Reading a file does not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    named: Option<site_config::Tls>,
    files: Vec<Option<State>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    identity: (u64, i64, i64),
}

impl Look {
    /// Looks at the files. To be called before they are read: what changes meanwhile is then seen as a change later. Blocks.
    pub(super) fn at(tls: Option<&site_config::Tls>) -> Self {
        Self {
            named: tls.cloned(),
            files: tls.into_iter().flat_map(files_of).map(state).collect(),
        }
    }
}

fn files_of(tls: &site_config::Tls) -> impl Iterator<Item = &Path> {
    let named = [&tls.certificate, &tls.key].into_iter().chain(&tls.client_ca);
    named.map(|file| file.path.as_path())
}

fn state(path: &Path) -> Option<State> {
    let metadata = fs::metadata(path).ok()?;
    Some(State {
        length: metadata.len(),
        modified: metadata.modified().ok(),
        identity: identity(&metadata),
    })
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

/// Reads the files again when they have changed, until it is dropped.
pub(crate) struct Following(JoinHandle<()>);

impl Following {
    /// Begins to look at the files, and at what the core file says about them.
    pub(crate) fn begin(app: &Arc<App>) -> Self {
        Self(tokio::spawn(follow(Arc::clone(app))))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(app: Arc<App>) {
    let mut changes = app.configuration().changes();
    let touched = Arc::new(Notify::new());
    let watch = app.tls().and_then(|_| watch(&app, &touched));
    let mut is_switched = false;
    loop {
        changes.borrow_and_update();
        let wants = app.config().current().core.tls.is_some();
        if wants != app.tls().is_some() {
            // A reload that lost a few lines must not have tokens sent in the clear.
            if !std::mem::replace(&mut is_switched, true) {
                tracing::warn!(
                    wants,
                    "`tls` came into the core file or went from it: that counts from the next start on"
                );
            }
        } else {
            is_switched = false;
            if wants {
                read_what_stands_still(&app).await;
            }
        }
        tokio::select! {
            changed = changes.changed() => match changed {
                // It may name other files now.
                Ok(()) => if let Some(watch) = &watch { watch.look_again() },
                Err(_) => return,
            },
            () = touched.notified() => {}
            () = sleep(UNWATCHED_LOOK), if wants && watch.is_none() => {}
        }
    }
}

/// Watches the files that the core file names, and where their names lead to: `live/fullchain.pem` is a link at most certificate
/// authorities' clients.
fn watch(app: &Arc<App>, touched: &Arc<Notify>) -> Option<Watch> {
    let (app, touched) = (Arc::downgrade(app), Arc::clone(touched));
    let files = move || match app.upgrade().and_then(|app| app.config().current().core.tls.clone()) {
        Some(tls) => files_of(&tls).map(Path::to_owned).collect(),
        None => Vec::new(),
    };
    Watch::files(files, move || touched.notify_one())
        .inspect_err(|error| {
            tracing::warn!(
                error = chain(error),
                "the files of `tls` are not watched; they are looked at now and then"
            )
        })
        .ok()
}

/// Reads the files if they have changed and then stood still for one look: a certificate and its key are two files.
async fn read_what_stands_still(app: &Arc<App>) {
    let mut last = None;
    loop {
        let theirs = Arc::clone(app);
        match spawn_blocking(move || look(&theirs, last)).await {
            Ok(Some(moving)) => last = Some(moving),
            Ok(None) | Err(_) => return,
        }
        sleep(LOOK).await;
    }
}

/// Looks at the files, and reads them if they have changed and are as they were at the last look. Returns the look if they have to be
/// looked at once more.
fn look(app: &App, last: Option<Look>) -> Option<Look> {
    let loaded = app.config().current();
    let (named, serving): (_, &Tls) = (loaded.core.tls.as_ref()?, app.tls()?);
    let look = Look::at(Some(named));
    if !serving.is_news(&look) {
        return None;
    }
    if last.as_ref() != Some(&look) {
        return Some(look);
    }
    serving.was_read(look);
    serving.read_again(&app.config().paths().config, named);
    None
}
