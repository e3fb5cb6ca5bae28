//! Everything that an earlier life of the mirror left in the store.

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Follower;
use crate::error::FollowError;
use crate::memory::{self, Memory};
use crate::{Batch, Change, EventRecord, StoreError, Update};

/// Events in one batch.
const BATCH_EVENTS: usize = 500;
/// Threads that decode records.
const THREADS: usize = 2;

impl Follower {
    /// Reads the store and delivers its events.
    pub(super) async fn open(&mut self) -> Result<(), FollowError> {
        self.memory = self.remembered().await?;
        let scope = self.scope();
        if self.memory.scope != scope {
            self.begin_anew(scope).await?;
        }
        self.restore_warninglists().await?;
        if self.memory.loaded && self.marks.matcher().is_none() {
            tracing::warn!(
                "the warninglists in the mirror's store are damaged or missing, so feeds come from MISP directly until \
                 the mirror has read the lists again"
            );
        }
        self.deliver_stored().await?;
        if !self.store.is_whole() {
            tracing::warn!("the list of events in the mirror's store was damaged; MISP is read again");
            self.memory.loaded = false;
        }
        for (id, second) in &self.memory.vanished {
            if let Some(event) = self.held.get_mut(*id) {
                event.vanished_at = Timestamp::from_second(*second).ok();
            }
        }
        self.note_damaged();
        if self.memory.position.is_none() {
            self.take_up_unread();
        }
        self.show_unexplained(self.memory.unexplained_ms);
        self.progress.as_of(self.as_of());
        self.report();
        self.deliver(self.as_of(), self.is_complete()).await;
        Ok(())
    }

    /// Reports the events whose records do not open, and has them read again.
    fn note_damaged(&mut self) {
        let damaged = self.store.damaged_summaries();
        if damaged.is_empty() {
            return;
        }
        tracing::warn!(
            events = damaged.len(),
            "records of the mirror do not open; they are read from MISP again"
        );
        self.backlog.extend(damaged.iter().map(|(id, _)| *id));
        let missing = damaged.into_iter().map(|(id, summary)| Change::Missing { id, summary });
        self.changes.extend(missing);
    }

    async fn remembered(&self) -> Result<Memory, FollowError> {
        self.with_store(|store| match store.meta(memory::NAME) {
            Ok(bytes) => Ok(Memory::read(bytes.as_deref())),
            Err(StoreError::DamagedMeta { .. }) => Ok(Memory::default()),
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// Returns the question that the records answer, as one text to compare.
    fn scope(&self) -> String {
        let mut types = self.options.attribute_types.clone();
        types.sort_unstable();
        types.dedup();
        format!("types {} sightings {}", types.join(" "), self.options.sightings)
    }

    /// Forgets records that were read with another question.
    async fn begin_anew(&mut self, scope: String) -> Result<(), FollowError> {
        if !self.store.is_empty() {
            tracing::info!("the mirror has other attribute types than before; MISP is read again");
        }
        let mut withdrawn = std::mem::take(&mut self.memory.withdrawn);
        withdrawn.extend(self.store.withdrawals());
        self.memory = Memory {
            scope,
            withdrawn,
            ..Memory::default()
        };
        let bytes = self.memory.bytes();
        self.with_store(move |store| Ok(store.write(Update::new().clear().meta(memory::NAME, &bytes))?))
            .await
    }

    async fn deliver_stored(&mut self) -> Result<(), FollowError> {
        let (sender, mut records) = mpsc::channel::<Vec<EventRecord>>(1);
        let reading = self.with_store(move |store| {
            let mut some = Vec::with_capacity(BATCH_EVENTS);
            store.read_all(THREADS, |record| {
                some.push(record);
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
        let mut taken = Vec::new();
        let delivering = async {
            while let Some(some) = records.recv().await {
                taken.extend(
                    some.iter()
                        .map(|record| (record.current.event.id, self.held.entry_of(record))),
                );
                let batch = Batch {
                    changes: some
                        .into_iter()
                        .map(|record| self.marks.change(record.into()))
                        .collect(),
                    as_of: self.as_of(),
                    is_complete: false,
                };
                // Without a receiver the task is ending.
                let _ = self.batches.send(batch).await;
            }
        };
        let (outcome, ()) = tokio::join!(reading, delivering);
        outcome?;
        for (id, event) in taken {
            self.held.put(id, event);
        }
        Ok(())
    }
}
