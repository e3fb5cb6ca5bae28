//! Reads the rows of the next group of events while the one before is stored.
//!
//! Reading waits for MISP, and storing for the disk. The answer counts only for the very events that it was asked for,
//! and is judged like any other when its turn comes.

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber as _;

use crate::error::FollowError;
use crate::questions::{Questions, Rows};

/// The group of events that is being read ahead, if any. It ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct ReadingAhead {
    ids: Vec<u64>,
    task: JoinSet<Result<Rows, FollowError>>,
}

impl ReadingAhead {
    /// Begins to read these events, in place of any others.
    pub(super) fn begin(&mut self, questions: &Arc<Questions>, ids: Vec<u64>) {
        if self.ids == ids && !self.task.is_empty() {
            return;
        }
        self.task = JoinSet::new();
        if !ids.is_empty() {
            let (questions, asked) = (Arc::clone(questions), ids.clone());
            let reading = async move { Ok(questions.rows(asked).await?) };
            self.task.spawn(reading.with_current_subscriber());
        }
        self.ids = ids;
    }

    /// Returns the rows of exactly these events, if they were asked for ahead.
    pub(super) async fn finish(&mut self, ids: &[u64]) -> Option<Result<Rows, FollowError>> {
        if self.ids != ids {
            return None;
        }
        let rows = self.task.join_next().await?;
        Some(rows.unwrap_or(Err(FollowError::Cancelled)))
    }
}
