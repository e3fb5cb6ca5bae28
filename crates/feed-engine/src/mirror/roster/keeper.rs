//! The task that keeps one copy: it opens the files, follows MISP, and takes changes into the catalogue.
//!
//! It runs on the threads that ask MISP; disk and catalogue work on blocking threads beside them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use misp_client::EventMetadata;
use misp_mirror::{Batch, Change, Changes, LastPublished, Mirror, Phase, Store, StoreError, StoreKey};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{Roster, Wish};
use crate::mirror::folder::{Folder, Name};
use crate::mirror::local_copy::LocalCopy;
use crate::mirror::misp_turns::MispTurns;
use crate::mirror::registration::Registration;
use crate::mirror::settings::Settings;
use crate::mirror::shared_peers::SharedPeers;
use crate::upstream::UpstreamId;
use crate::withdrawals::UpstreamMemory;
use crate::{DirectReason, FeedError, Upstream, blocking_work};

/// How often the time of the last use is written down, and an unused copy ends.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// The pause after a copy could not begin.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The pause after MISP had too many attributes.
const TRY_TOO_LARGE_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// How long a file may still be in use by the copy before this one, or by a daemon that ends.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
const FILE_PAUSE: Duration = Duration::from_millis(50);

/// Does what `wish` says until the copy has ended and its place is free.
pub(super) async fn keep(roster: Arc<Roster>, id: UpstreamId, mut wish: watch::Receiver<Wish>) {
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
                let pause = keeper.run(&mut wish).await;
                tokio::select! {
                    _ = wish.changed() => {}
                    () = sleep(pause) => {}
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
struct Keeper {
    roster: Arc<Roster>,
    id: UpstreamId,
    upstream: Upstream,
    settings: Settings,
}

impl Keeper {
    /// Follows MISP until the wish changes or it cannot go on, and returns how long to wait before the next try.
    async fn run(self, wish: &mut watch::Receiver<Wish>) -> Duration {
        let begun = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => {
                let site = self.upstream.name();
                tracing::error!(site, error = error.chain(), "a mirror cannot begin; it is tried again");
                self.roster.put(&self.id, Err(DirectReason::Failed), None);
                return TRY_AGAIN;
            }
        };
        let Begun {
            copy,
            changes,
            in_memory,
        } = begun;
        if let Some(why) = &in_memory {
            self.roster.warn_of_memory(why);
        }
        self.roster.put(&self.id, Ok(Arc::clone(&copy)), in_memory);
        let (reason, pause) = self.follow(&copy, changes, wish).await;
        copy.mirror.stop();
        self.roster.put(&self.id, Err(reason), None);
        self.write_down_use().await;
        pause
    }

    async fn begin(&self) -> Result<Begun, FeedError> {
        let client = self.roster.misp.client(&self.upstream)?;
        let (store, in_memory) = self.open_store().await?;
        let settings = &self.settings;
        let (mirror, changes) = Mirror::builder(client, store)
            .attribute_types(settings.attribute_types.iter().cloned())
            .watched_tags(settings.tags.iter().cloned())
            .poll(settings.poll)
            .trace_interval(settings.trace_interval)
            .round(settings.round)
            .vanished_grace(settings.vanished_grace)
            .max_attributes(settings.max_attributes)
            .sightings(settings.sightings)
            .peers(Arc::new(SharedPeers::new(self.roster.place(), &self.id, settings)))
            .turns(Arc::new(MispTurns(self.roster.misp.turns(&self.upstream))))
            .clock(self.roster.clock())
            .start()
            .map_err(|error| FeedError::Unaskable(Arc::new(error)))?;
        Ok(Begun {
            copy: Arc::new(LocalCopy::new(mirror, settings.clone())),
            changes,
            in_memory,
        })
    }

    async fn open_store(&self) -> Result<(Store, Option<String>), FeedError> {
        let (folder, upstream) = (self.roster.folder(), self.upstream.clone());
        let used_at = self.roster.used_at(&self.id).unwrap_or_else(Timestamp::now);
        let max_bytes = self.settings.max_store_bytes();
        blocking_work::run("opening a mirror", move || {
            open_store(folder.as_ref(), &upstream, used_at.as_second(), max_bytes)
        })
        .await?
    }

    /// Returns why it ended, and how long to wait before the next try.
    async fn follow(
        &self,
        copy: &Arc<LocalCopy>,
        mut changes: Changes,
        wish: &mut watch::Receiver<Wish>,
    ) -> (DirectReason, Duration) {
        let remembered = self.roster.misp.withdrawals(&self.upstream);
        let mut states = copy.mirror.status_changes();
        let mut hourly = interval_at(Instant::now() + HOUSEKEEPING, HOUSEKEEPING);
        hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = wish.changed() => return (DirectReason::Opening, Duration::ZERO),
                batch = changes.next() => match batch {
                    Some(batch) => self.take(copy, batch, &remembered).await,
                    None => return ended(copy),
                },
                Ok(()) = states.changed() => self.roster.tell(&self.upstream, &copy.way()),
                _ = hourly.tick() => {
                    self.write_down_use().await;
                    self.roster.end_idle(&self.id);
                }
            }
        }
    }

    async fn take(&self, copy: &Arc<LocalCopy>, mut batch: Batch, remembered: &UpstreamMemory) {
        share_withdrawals(&mut batch, remembered).await;
        let taking = Arc::clone(copy);
        let changed = blocking_work::run("taking changes of MISP", move || taking.take(&batch)).await;
        self.roster.tell(&self.upstream, &copy.way());
        match changed {
            Ok(Some(changed)) => self.roster.announce(&self.upstream, &changed),
            Ok(None) => {}
            Err(error) => tracing::error!(error = error.chain(), "changes of MISP cannot be taken"),
        }
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

/// A copy that has begun.
struct Begun {
    copy: Arc<LocalCopy>,
    changes: Changes,
    in_memory: Option<String>,
}

fn ended(copy: &LocalCopy) -> (DirectReason, Duration) {
    match copy.mirror.status().phase {
        Phase::TooLarge { limit } => (DirectReason::TooManyAttributes { limit }, TRY_TOO_LARGE_AGAIN),
        _ => (DirectReason::Failed, TRY_AGAIN),
    }
}

/// Both ways share their memory of withdrawn events: what one of them saw withdrawn stays so in the other until MISP
/// shows a later publication. The direct way may have seen a withdrawal before the copy began.
async fn share_withdrawals(batch: &mut Batch, remembered: &UpstreamMemory) {
    if batch.as_of.is_some() {
        remembered.note_look();
    }
    let records = batch.changes.iter().filter_map(|change| match change {
        Change::Replaced { record, .. } => Some(record),
        _ => None,
    });
    let unpublished = records.filter_map(|record| {
        let event = &record.current.event;
        let times = record
            .withdrawn_at
            .map_or((event.timestamp, event.publish_timestamp), |at| (at, at));
        (!event.published).then(|| EventMetadata::unpublished(event.id, times.0, times.1))
    });
    let unpublished: Vec<EventMetadata> = unpublished.collect();
    if unpublished.is_empty() {
        return;
    }
    let withdrawn = remembered.observe(&unpublished).await;
    for change in &mut batch.changes {
        let Change::Replaced {
            record,
            warned_published,
            ..
        } = change
        else {
            continue;
        };
        let event = &record.current.event;
        let is_block = matches!(record.last_published, LastPublished::Block(_));
        let at = withdrawn.get(&event.id).filter(|at| **at >= event.publish_timestamp);
        if let (true, Some(at)) = (is_block, at) {
            let record = Arc::make_mut(record);
            (record.last_published, record.withdrawn_at) = (LastPublished::Nothing, Some(*at));
            warned_published.clear();
        }
    }
}

/// Opens the store of a copy, in memory where the disk cannot be used: then with the reason. It blocks.
fn open_store(
    folder: Option<&Folder>,
    upstream: &Upstream,
    used_at: i64,
    max_bytes: u64,
) -> Result<(Store, Option<String>), FeedError> {
    let fails = |error| FeedError::internal("opening a mirror", error);
    let no_random = || FeedError::Internal {
        step: "drawing the key of a mirror",
        source: None,
    };
    let why = match folder {
        None => "there is no state directory".to_owned(),
        Some(folder) => match open_on_disk(folder, upstream, used_at, max_bytes) {
            Ok(store) => return Ok((store, None)),
            Err(why) => why,
        },
    };
    let entry = Registration::drawn(upstream, used_at).ok_or_else(no_random)?;
    let binding = upstream.id().fingerprint().unwrap_or_default();
    let store = Store::in_memory(&StoreKey::new(*entry.store_key), &binding, max_bytes).map_err(fails)?;
    Ok((store, Some(why)))
}

fn open_on_disk(folder: &Folder, upstream: &Upstream, used_at: i64, max_bytes: u64) -> Result<Store, String> {
    let name = Name::of(&upstream.id()).ok_or("the upstream has no MISP")?;
    let entry = match folder.read(&name).map_err(|error| service_kit::chain(&error))? {
        Some(entry) => entry,
        None => {
            let drawn = Registration::drawn(upstream, used_at).ok_or("the system gives no random bytes")?;
            folder
                .write(&name, &drawn)
                .map_err(|error| format!("the state directory cannot be written: {error}"))?;
            drawn
        }
    };
    let (path, key) = (folder.copy(&name), StoreKey::new(*entry.store_key));
    let binding = upstream.id().fingerprint().unwrap_or_default();
    let opened = open_when_free(&path, &key, &binding, max_bytes);
    match opened {
        Ok(store) => Ok(store),
        // Only the registration has the key, and the file does not open with it: its content is lost.
        Err(error @ (StoreError::Broken { .. } | StoreError::OtherKey { .. })) => {
            tracing::error!(
                site = upstream.name(),
                error = service_kit::chain(&error),
                "a mirror on disk is moved aside, and MISP is read again"
            );
            Store::recreate(&path, &key, &binding, max_bytes).map_err(|error| service_kit::chain(&error))
        }
        Err(error) => Err(service_kit::chain(&error)),
    }
}

fn open_when_free(path: &Path, key: &StoreKey, binding: &[u8], max_bytes: u64) -> Result<Store, StoreError> {
    let give_up = std::time::Instant::now() + FILE_PATIENCE;
    loop {
        match Store::open(path, key, binding, max_bytes) {
            Err(StoreError::InUse { .. }) if std::time::Instant::now() < give_up => std::thread::sleep(FILE_PAUSE),
            outcome => return outcome.map(|(store, _)| store),
        }
    }
}
