//! Losses for which MISP shows no reason: a program that serves what the mirror holds may hold them back for a while.

use jiff::Timestamp;
use misp_client::ErrorKind;

use super::Follower;
use crate::error::FollowError;

impl Follower {
    /// Notes that the present look loses rows, or tags of rows, and that MISP does not show why.
    pub(super) fn note_unexplained(&mut self) {
        // After the look began, so that what the look before confirmed is older.
        let at = self.began.as_millisecond().saturating_add(1);
        self.memory.unexplained_ms = self.memory.unexplained_ms.max(Some(at));
        self.show_unexplained(self.memory.unexplained_ms);
    }

    /// Shows a time that the memory has, or that of the leader.
    pub(super) fn show_unexplained(&self, milliseconds: Option<i64>) {
        let at = milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok());
        self.progress.unexplained(at);
    }

    /// Returns whether events are read again because the key got other rights.
    pub(super) fn has_other_rights(&self) -> bool {
        self.memory.resync.is_some_and(|resync| resync.by_rights)
    }

    /// Learns the rights of the key once in a look, before the mirror believes that events are gone: a key with other
    /// rights does not see them either.
    pub(super) async fn learn_rights(&mut self) -> Result<(), FollowError> {
        match self.check_rights().await {
            // The check is done in its time too, and says then that it fails.
            Err(FollowError::Misp(error)) if error.kind() != ErrorKind::KeyRefused => {
                tracing::debug!("the rights of the key are not known before events are removed: {error}");
                Ok(())
            }
            outcome => outcome,
        }
    }
}
