//! The way of a copy to the disk: at its start, and later if the disk could not be used then.

use std::time::Duration;

use jiff::Timestamp;
use misp_mirror::{Sleep, Store};

use super::disk::{MemoryStore, Opening, START_PATIENCE};
use super::keeper::{Keeper, Life};
use super::tries::Tries;
use crate::{FeedError, blocking_work};

impl Keeper {
    /// Opens the store on disk, or one in memory if that is not possible.
    pub(super) async fn open_store(
        &self,
        left: Option<MemoryStore>,
    ) -> Result<(Store, Option<MemoryStore>), FeedError> {
        let opening = self.opening();
        let open = move || {
            let (why, left) = match left {
                // The disk did not take what this one holds.
                Some(left) => (left.why.clone(), Some(left)),
                None => match opening.on_disk(START_PATIENCE) {
                    Ok(store) => return Ok((store, None)),
                    Err(why) => (why, None),
                },
            };
            let memory = opening.in_memory(why, left)?;
            Ok((memory.store.clone(), Some(memory)))
        };
        blocking_work::run("opening a mirror", open).await?
    }

    /// Says that a copy is in memory only, and plans the next try where there is a directory.
    pub(super) fn plan_disk_try(&self, life: &mut Life, tries: &mut Tries) {
        let has_folder = self.roster.folder().is_some();
        let pause = life.memory.as_ref().filter(|_| has_folder).map(|_| tries.disk.next());
        life.disk_try = pause.map(|pause| tries.clock.sleep(pause));
        let why = life.memory.as_ref().map(|memory| memory.why.clone());
        self.roster
            .put_memory(&self.id, why, pause.map(|pause| tries.at(pause)));
    }

    /// Tries to move a copy in memory to the disk, and returns whether its life ends for that: the next one opens the
    /// store on disk.
    pub(super) async fn try_disk(&self, life: &mut Life, tries: &mut Tries) -> bool {
        life.disk_try = None;
        let Some(memory) = life.memory.as_mut() else {
            return false;
        };
        let opening = self.opening();
        let opened = blocking_work::run("opening a mirror", move || opening.on_disk(Duration::ZERO)).await;
        match opened.unwrap_or_else(|error| Err(error.chain())) {
            Ok(disk) => {
                self.move_to(disk, life, tries).await;
                true
            }
            Err(why) => {
                memory.why = why;
                self.plan_disk_try(life, tries);
                false
            }
        }
    }

    /// Ends the life of a copy in memory, and writes what it holds to the disk.
    async fn move_to(&self, disk: Store, life: &mut Life, tries: &mut Tries) {
        life.copy.mirror.stop();
        while life.changes.next().await.is_some() {}
        let Some(mut memory) = life.memory.take() else {
            return;
        };
        let site = self.upstream.name();
        if !life.copy.snapshot().is_complete() {
            tracing::info!(site, "the disk can be used: the mirror is read into a file from now on");
            tries.disk.reset();
            return;
        }
        let held = memory.store.clone();
        let copied = blocking_work::run("writing a mirror to the disk", move || held.copy_into(&disk)).await;
        memory.why = match copied {
            Ok(Ok(())) => {
                tracing::info!(
                    site,
                    "the disk can be used: the mirror has moved from memory into a file"
                );
                tries.disk.reset();
                return;
            }
            Ok(Err(error)) => service_kit::chain(&error),
            Err(error) => error.chain(),
        };
        tries.left = Some(memory);
    }

    fn opening(&self) -> Opening {
        let used_at = self.roster.used_at(&self.id).unwrap_or_else(Timestamp::now);
        Opening {
            folder: self.roster.folder(),
            upstream: self.upstream.clone(),
            used_at: used_at.as_second(),
            max_bytes: self.settings.max_store_bytes(),
        }
    }
}

/// Waits until the disk is to be tried again, if it is.
pub(super) async fn due(disk_try: &mut Option<Sleep>) {
    match disk_try {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}
