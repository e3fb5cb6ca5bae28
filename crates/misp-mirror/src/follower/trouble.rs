//! Events that cannot be read, while MISP answers for others: the look goes on without them.

use misp_client::ErrorKind;

use super::Follower;
use super::event_reading::Tries;
use crate::error::FollowError;

/// With so many events in one group that cannot be read, no more of the group are tried in this look.
pub(super) const MAX_FAILED: usize = 8;

impl Follower {
    /// Notes these events as troubled where MISP answers for others, and fails where it does not.
    pub(super) async fn judge_failed(
        &mut self,
        failed: Vec<(u64, FollowError)>,
        tries: &mut Tries,
    ) -> Result<(), FollowError> {
        for (id, error) in failed {
            if !tries.has_read && !self.answers_for_another(id).await {
                return Err(error);
            }
            tries.has_read = true;
            self.note_trouble(id, &error);
        }
        Ok(())
    }

    /// Asks for the rows of another event, a small one that is held.
    async fn answers_for_another(&self, id: u64) -> bool {
        let others = self.held.shown().filter(|(other, _)| *other != id);
        let sound = others.filter(|(other, _)| !self.troubles.contains(*other));
        let Some((other, _)) = sound.min_by_key(|(_, event)| event.rows()) else {
            return false;
        };
        self.questions.rows([other]).await.is_ok()
    }

    /// Keeps the held version of an event that could not be read, and tries again later.
    pub(super) fn note_trouble(&mut self, id: u64, error: &FollowError) {
        let (poll, interval) = (self.options.poll, self.options.trace_interval);
        self.forget_queues(id);
        if self.troubles.note(id, self.began, poll, interval) {
            let error = error.chain();
            tracing::warn!(
                event = id,
                "the mirror cannot read an event, and keeps what it has of it: {error}"
            );
        }
    }

    /// Reads an event again, not before the next poll.
    pub(super) fn put_off(&mut self, id: u64) {
        self.forget_queues(id);
        self.troubles.note(id, self.began, self.options.poll, self.options.poll);
    }

    /// From now on its own time decides when the event is read.
    fn forget_queues(&mut self, id: u64) {
        self.backlog.remove(&id);
        self.again.remove(&id);
    }
}

/// Returns whether MISP may answer other questions for rows all the same.
pub(super) fn may_concern_one_event(error: &FollowError) -> bool {
    let FollowError::Misp(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::MispError
            | ErrorKind::CutShort
            | ErrorKind::NotJson
            | ErrorKind::Timeout
            | ErrorKind::TooLarge
            | ErrorKind::UnexpectedAnswer
            | ErrorKind::Unfiltered
    )
}
