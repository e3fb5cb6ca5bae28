//! MISP's warninglists: read once and when they change, and judged over the rows in memory.

use tokio::sync::mpsc;

use super::Follower;
use crate::error::FollowError;
use crate::marks::Marks;
use crate::{Batch, Change, StoreError, stored_lists};

/// Events in one batch.
const BATCH_EVENTS: usize = 500;
/// Threads that decode records.
const THREADS: usize = 2;

impl Follower {
    /// Takes the lists from the store, as they were read last.
    pub(super) async fn restore_warninglists(&mut self) -> Result<(), FollowError> {
        let matcher = self.with_store(|store| match store.meta(stored_lists::NAME) {
            Ok(bytes) => Ok(bytes.and_then(|bytes| stored_lists::matcher(&bytes))),
            Err(StoreError::DamagedMeta { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        });
        if let Some(matcher) = matcher.await? {
            self.marks = Marks::by(matcher);
        }
        Ok(())
    }

    /// Reads the lists where there are none yet.
    pub(super) async fn need_warninglists(&mut self) -> Result<(), FollowError> {
        if self.marks.matcher().is_some() {
            return Ok(());
        }
        self.read_warninglists().await
    }

    /// Reads the lists again when one was switched on or off, or has another version.
    pub(super) async fn check_warninglists(&mut self) -> Result<(), FollowError> {
        let digest = self.questions.warninglist_digest().await?;
        let known = self.marks.matcher().map(|matcher| matcher.digest());
        if known == Some(digest) {
            return Ok(());
        }
        self.read_warninglists().await
    }

    async fn read_warninglists(&mut self) -> Result<(), FollowError> {
        let lists = self.questions.warninglists().await?;
        let count = lists.len();
        let matcher = self.with_store(move |store| {
            let Some(bytes) = stored_lists::to_bytes(lists) else {
                return Ok(None);
            };
            store.put_meta(stored_lists::NAME, &bytes)?;
            Ok(stored_lists::matcher(&bytes))
        });
        let Some(matcher) = matcher.await? else {
            return Ok(());
        };
        let unjudged = matcher.unjudged().count();
        if unjudged > 0 {
            tracing::warn!(
                unjudged,
                "some entries of MISP's warninglists cannot be judged and mark nothing"
            );
        }
        tracing::info!(lists = count, "the mirror has read MISP's warninglists");
        self.change_marks(Marks::by(matcher)).await
    }

    /// Takes the lists that another mirror has read; returns whether they can be read.
    pub(super) async fn take_warninglists(&mut self, bytes: Vec<u8>) -> Result<bool, FollowError> {
        let matcher = self.with_store(move |store| {
            let matcher = stored_lists::matcher(&bytes);
            if matcher.is_some() {
                store.put_meta(stored_lists::NAME, &bytes)?;
            }
            Ok(matcher)
        });
        let Some(matcher) = matcher.await? else {
            return Ok(false);
        };
        self.change_marks(Marks::by(matcher)).await?;
        Ok(true)
    }

    /// Delivers the events whose marks are others now.
    async fn change_marks(&mut self, new: Marks) -> Result<(), FollowError> {
        // Changes with marks of the earlier lists must not come after those with the new ones.
        self.deliver_early().await;
        let was_complete = self.is_complete();
        let old = std::mem::replace(&mut self.marks, new.clone());
        if self.held.len() == 0 {
            return Ok(());
        }
        let before = old.clone();
        let (sender, mut changes) = mpsc::channel::<Vec<Change>>(1);
        let reading = self.with_store(move |store| {
            let mut some = Vec::new();
            store.read_all(THREADS, |record| {
                if old.of_record(&record) != new.of_record(&record) {
                    some.push(new.change(record.into()));
                }
                if some.len() == BATCH_EVENTS {
                    // Without a receiver the task is ending.
                    let _ = sender.blocking_send(std::mem::take(&mut some));
                }
            })?;
            if !some.is_empty() {
                let _ = sender.blocking_send(some);
            }
            Ok(())
        });
        let delivering = async {
            while let Some(changes) = changes.recv().await {
                let batch = Batch {
                    changes,
                    as_of: self.as_of(),
                    // Until all of them are delivered, some events have no marks where there were no lists before.
                    is_complete: was_complete,
                };
                // Without a receiver the task is ending.
                let _ = self.batches.send(batch).await;
            }
        };
        let (outcome, ()) = tokio::join!(reading, delivering);
        if outcome.is_err() {
            // Some events are not delivered with the new marks. With the old lists the next look does all this again.
            self.marks = before;
        }
        outcome
    }
}
