//! Where no system is asked for reports: the files are looked at now and then.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::places::Places;
use super::{Heard, LOOK};

/// Reports that never come, but for the bell.
#[derive(Debug)]
pub(super) struct Notices(Receiver<()>);

/// Ends a wait from another thread.
#[derive(Debug, Clone)]
pub(super) struct Bell(SyncSender<()>);

impl Bell {
    pub(super) fn ring(&self) {
        // A full channel means that it rings already.
        let _ = self.0.try_send(());
    }
}

/// Returns reports about no place yet.
pub(super) fn open() -> io::Result<(Notices, Bell)> {
    let (bell, rung) = sync_channel(1);
    Ok((Notices(rung), Bell(bell)))
}

impl Notices {
    /// Returns that no change will be reported.
    pub(super) fn watch(&mut self, _: &Places) -> bool {
        false
    }

    /// Waits for the bell.
    pub(super) fn wait(&mut self, patience: Option<Duration>) -> Heard {
        match self.0.recv_timeout(patience.unwrap_or(LOOK)) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Heard::Bell,
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
        }
    }
}
