//! MISP's warninglists: read once and when they change, and judged over the rows in memory.

use std::collections::HashMap;

use misp_client::warninglist::WarninglistMatcher;
use tokio::sync::mpsc;

use super::Follower;
use crate::asked_lists::{AskedLists, version_of};
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
            self.set_marks(Marks::new(matcher, &self.memory));
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

    pub(super) async fn read_warninglists(&mut self) -> Result<(), FollowError> {
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
        tracing::info!(lists = count, "the mirror has read MISP's warninglists");
        self.forget_differing(&matcher);
        let asked = AskedLists::of(&matcher, &self.memory.differing_lists);
        if !asked.is_empty() {
            let lists = asked.names();
            tracing::warn!("some warninglists cannot be judged here, so MISP is asked about their values: {lists}");
        }
        self.begin_asking_at_arrival(&asked);
        let marks = Marks::new(matcher, &self.memory);
        self.change_marks(marks).await
    }

    /// Forgets how MISP judged by lists that have another version now.
    fn forget_differing(&mut self, matcher: &WarninglistMatcher) {
        let versions: HashMap<u64, String> = matcher.lists().iter().map(|list| (list.id, version_of(list))).collect();
        let differing = &mut self.memory.differing_lists;
        differing.retain(|id, version| versions.get(id) == Some(version));
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
        let marks = Marks::new(matcher, &self.memory);
        self.change_marks(marks).await?;
        Ok(true)
    }

    /// Delivers the events whose marks are others now.
    pub(super) async fn change_marks(&mut self, new: Marks) -> Result<(), FollowError> {
        // Changes with marks of the earlier lists must not come after those with the new ones.
        self.deliver_early().await;
        let was_complete = self.is_complete();
        let old = self.set_marks(new.clone());
        if self.held.len() == 0 {
            return Ok(());
        }
        if old.matcher().is_some() {
            // The list may be a wrong one, and the events do not show that it came.
            self.note_unexplained();
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
            self.set_marks(before);
        }
        outcome
    }
}
