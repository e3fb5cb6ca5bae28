//! The task that reads changed files.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::Certificates;
use super::file_states::FileStates;

/// How long changed files must stay the same before they are read.
const PAUSE: Duration = Duration::from_secs(1);

/// The time between two looks at the files, where they are polled.
const POLL: Duration = Duration::from_secs(10);

/// The task; dropping this ends it.
pub(crate) struct Reload(JoinHandle<()>);

impl Reload {
    pub(super) fn start(certificates: Certificates) -> Self {
        Self(tokio::spawn(async move {
            loop {
                read_when_settled(&certificates).await;
                let is_polled = certificates.0.is_polled.load(Ordering::Relaxed);
                tokio::select! {
                    () = certificates.0.touched.notified() => {}
                    () = sleep(POLL), if is_polled => {}
                }
            }
        }))
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads the files if they have changed, after they have stayed the same for one pause.
async fn read_when_settled(certificates: &Certificates) {
    let mut last = None;
    loop {
        let theirs = certificates.clone();
        match spawn_blocking(move || look(&theirs, last)).await {
            Ok(Some(unsettled)) => last = Some(unsettled),
            Ok(None) | Err(_) => return,
        }
        sleep(PAUSE).await;
    }
}

/// Looks at the files, and reads them if they have changed and are as they were at the last look. Returns their states
/// if they must be looked at once more.
fn look(certificates: &Certificates, last: Option<FileStates>) -> Option<FileStates> {
    let files = certificates.state().files.clone();
    let states = FileStates::of(&files);
    if certificates.state().read == states {
        return None;
    }
    if last.as_ref() != Some(&states) {
        return Some(states);
    }
    certificates.state().read = states;
    certificates.read_again();
    None
}
