//! Notices that the files have changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::Tls;
use crate::App;

/// How often the files are looked at. Their directories are not watched: what a name like `live/fullchain.pem` leads to is elsewhere.
const LOOK: Duration = Duration::from_secs(1);

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
        let files = tls.into_iter().flat_map(|tls| {
            let client_ca = tls.client_ca.iter();
            [&tls.certificate, &tls.key].into_iter().chain(client_ca)
        });
        Self {
            named: tls.cloned(),
            files: files.map(|file| state(&file.path)).collect(),
        }
    }
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
    let mut last = None;
    let mut is_switched = false;
    loop {
        sleep(LOOK).await;
        let loaded = app.config().current();
        let wants = loaded.core.tls.is_some();
        if wants != app.tls().is_some() {
            // A reload that lost a few lines must not have tokens sent in the clear.
            if !std::mem::replace(&mut is_switched, true) {
                tracing::warn!(
                    wants,
                    "`tls` came into the core file or went from it: that counts from the next start on"
                );
            }
            continue;
        }
        is_switched = false;
        if !wants {
            continue;
        }
        let theirs = Arc::clone(&app);
        last = spawn_blocking(move || look(&theirs, last)).await.unwrap_or_default();
    }
}

/// Reads the files if they have changed and then stood still for one look: a certificate and its key are two files. Returns the look.
fn look(app: &App, last: Option<Look>) -> Option<Look> {
    let loaded = app.config().current();
    let (named, serving): (_, &Tls) = (loaded.core.tls.as_ref()?, app.tls()?);
    let look = Look::at(Some(named));
    if serving.is_news(&look) && last.as_ref() == Some(&look) {
        serving.was_read(look.clone());
        serving.read_again(&app.config().paths().config, named);
    }
    Some(look)
}
