//! The task that keeps one copy: it opens the files, follows MISP, and takes changes into the catalogue.
//!
//! It runs on the threads that ask MISP; disk and catalogue work on blocking threads beside them. What cannot go on is
//! tried again, after pauses that grow: the catalogue, MISP, and the disk.

use std::sync::Arc;
use std::time::Duration;

use catalogue::CatalogueError;
use feed_classification::Tlp;
use misp_mirror::{Batch, Changes, Mirror, Sleep, Store};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::disk::MemoryStore;
use super::places::Wish;
use super::tries::{Ended, Tries};
use super::{Roster, disk_tries, withdrawn_events};
use crate::mirror::folder::Name;
use crate::mirror::local_copy::LocalCopy;
use crate::mirror::misp_turns::MispTurns;
use crate::mirror::registration::Registration;
use crate::mirror::settings::Settings;
use crate::mirror::shared_peers::SharedPeers;
use crate::mirror::stored_model::StoredModel;
use crate::upstream::UpstreamId;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, Upstream, blocking_work};

/// How often the time of the last use is written down, and an unused copy ends.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// Does what `wish` says until the copy has ended and its place is free.
pub(super) async fn keep(roster: Arc<Roster>, id: UpstreamId, mut wish: watch::Receiver<Wish>) {
    let mut tries = Tries::new(roster.clock());
    loop {
        let wanted = wish.borrow_and_update().clone();
        match wanted {
            Wish::Follow(upstream, settings) => {
                let keeper = Keeper {
                    roster: Arc::clone(&roster),
                    id: id.clone(),
                    upstream,
                    settings: *settings,
                };
                let ended = keeper.run(&mut tries, &mut wish).await;
                let pause = tries.pause_after(&ended);
                let next_try = (!pause.is_zero()).then(|| tries.at(pause));
                roster.take_away(&id, ended.reason(), next_try);
                tokio::select! {
                    _ = wish.changed() => tries.copy.reset(),
                    () = tries.clock.sleep(pause) => {}
                }
            }
            Wish::End { forget } => {
                if forget {
                    remove(&roster, &id).await;
                }
                if roster.free(&id) {
                    return;
                }
            }
        }
    }
}

async fn remove(roster: &Roster, id: &UpstreamId) {
    if let Some((folder, name)) = roster.folder().zip(Name::of(id)) {
        let _ = blocking_work::run("deleting a mirror", move || folder.remove(&name)).await;
    }
}

/// One life of a copy under the same settings.
pub(super) struct Keeper {
    pub(super) roster: Arc<Roster>,
    pub(super) id: UpstreamId,
    pub(super) upstream: Upstream,
    pub(super) settings: Settings,
}

/// A copy that has begun.
pub(super) struct Life {
    pub(super) copy: Arc<LocalCopy>,
    pub(super) changes: Changes,
    /// Its store, where that is in memory.
    pub(super) memory: Option<MemoryStore>,
    /// When the disk is tried again; never for a store that is on disk, or has no directory.
    pub(super) disk_try: Option<Sleep>,
}

impl Keeper {
    /// Follows MISP until the wish changes or the copy cannot go on.
    async fn run(self, tries: &mut Tries, wish: &mut watch::Receiver<Wish>) -> Ended {
        let mut life = match self.begin(tries.left.take()).await {
            Ok(life) => life,
            Err(error) => {
                let site = self.upstream.name();
                tracing::error!(site, error = error.chain(), "a mirror cannot begin; it is tried again");
                return Ended::Failed;
            }
        };
        self.roster.put(&self.id, Arc::clone(&life.copy));
        self.plan_disk_try(&mut life, tries);
        let ended = self.follow(&mut life, tries, wish).await;
        life.copy.mirror.stop();
        self.write_down_use().await;
        ended
    }

    async fn begin(&self, left: Option<MemoryStore>) -> Result<Life, FeedError> {
        let client = self.roster.misp.client(&self.upstream)?;
        let (store, memory) = self.open_store(left).await?;
        let model = self.restore_model(store.clone()).await?;
        let settings = &self.settings;
        let (mirror, changes) = Mirror::builder(client, store)
            .attribute_types(settings.attribute_types.iter().cloned())
            .watched_tags(settings.tags.iter().cloned())
            .watched_namespaces([Tlp::NAMESPACE])
            .poll(settings.poll)
            .trace_interval(settings.trace_interval)
            .round(settings.round)
            .vanished_grace(settings.vanished_grace)
            .max_attributes(settings.max_attributes)
            .sightings(settings.sightings)
            .page_size(settings.page_size)
            .peers(Arc::new(SharedPeers::new(
                self.roster.shared_place(),
                &self.id,
                settings,
            )))
            .turns(Arc::new(MispTurns(self.roster.misp.line(&self.upstream))))
            .clock(self.roster.clock())
            .start()
            .map_err(|error| FeedError::Unaskable(Arc::new(error)))?;
        Ok(Life {
            copy: Arc::new(LocalCopy::new(mirror, model, settings.clone())),
            changes,
            memory,
            disk_try: None,
        })
    }

    /// Takes the decaying model from the store of the copy.
    async fn restore_model(&self, store: Store) -> Result<StoredModel, FeedError> {
        let reading = blocking_work::run("reading a decaying model", move || {
            let stored = StoredModel::within(store);
            (stored.read(), stored)
        });
        let (written, stored) = reading.await?;
        if let Some(written) = written {
            self.roster.misp.restore_model(&self.upstream, written);
        }
        Ok(stored)
    }

    /// Returns why the life of the copy ended.
    async fn follow(&self, life: &mut Life, tries: &mut Tries, wish: &mut watch::Receiver<Wish>) -> Ended {
        let remembered = self.roster.misp.withdrawals(&self.upstream);
        let mut states = life.copy.mirror.status_changes();
        let mut hourly = interval_at(Instant::now() + HOUSEKEEPING, HOUSEKEEPING);
        hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = wish.changed() => return Ended::Changed,
                batch = life.changes.next() => {
                    let Some(batch) = batch else {
                        return Ended::of_mirror(&life.copy.mirror.status());
                    };
                    if let Err(error) = self.take(&life.copy, batch, &remembered).await {
                        return Ended::of_catalogue(error);
                    }
                }
                Ok(()) = states.changed() => self.roster.note_way(&self.upstream, &life.copy),
                () = disk_tries::due(&mut life.disk_try) => {
                    if self.try_disk(life, tries).await {
                        return Ended::Changed;
                    }
                }
                _ = hourly.tick() => {
                    self.write_down_use().await;
                    self.roster.end_idle(&self.id);
                    // It has gone on for so long that a failure would be another one.
                    tries.copy.reset();
                }
            }
        }
    }

    async fn take(
        &self,
        copy: &Arc<LocalCopy>,
        mut batch: Batch,
        remembered: &UpstreamMemory,
    ) -> Result<(), CatalogueError> {
        withdrawn_events::share(&mut batch, remembered).await;
        let taking = Arc::clone(copy);
        let taken = blocking_work::run("taking changes of MISP", move || taking.take(&batch)).await;
        self.roster.note_way(&self.upstream, copy);
        match taken {
            Ok(Ok(Some(changed))) => self.roster.announce(&self.upstream, &changed),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let (site, error_text) = (self.upstream.name(), service_kit::chain(&error));
                tracing::error!(
                    site,
                    error = error_text,
                    "a mirror cannot take its rows; it is tried again"
                );
                return Err(error);
            }
            Err(error) => {
                tracing::error!(
                    error = error.chain(),
                    "changes of MISP cannot be taken; the mirror begins again"
                );
                return Err(CatalogueError::Interrupted);
            }
        }
        Ok(())
    }

    async fn write_down_use(&self) {
        let (folder, name) = (self.roster.folder(), Name::of(&self.id));
        let Some(((folder, name), used_at)) = folder.zip(name).zip(self.roster.used_at(&self.id)) else {
            return;
        };
        let written = blocking_work::run("writing down the use of a mirror", move || {
            let used_at = used_at.as_second();
            folder.update(&name, |entry| Registration { used_at, ..entry })
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(site = self.upstream.name(), %error, "the use of a mirror cannot be written down");
        }
    }
}
