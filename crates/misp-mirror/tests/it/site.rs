//! A stand-in, a mirror of it, and what the mirror has reported; time moves by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use misp_client::{AuthKey, Client};
use misp_mirror::{
    Batch, Block, Change, Changes, Clock as _, EventRecord, LastPublished, ManualClock, Mirror, MirrorBuilder, Store,
    StoreKey,
};
use misp_sim::{Attribute, Clock, Event, EventView, Moment, RunningSim, Sim, SimBuilder};
use tokio::time::timeout;

pub(crate) const BLOCK: &str = "example:incident-classification=block";
pub(crate) const ALERT: &str = "example:incident-classification=alert";
pub(crate) const TYPES: [&str; 4] = ["domain", "ip-dst", "url", "domain|ip"];
pub(crate) const POLL: Duration = Duration::from_secs(15);
/// The stand-in's clock at its start, in unix seconds.
pub(crate) const START: i64 = 1_790_000_000;
/// Longer than any look takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stand-in with a mirror.
pub(crate) struct Site {
    pub(crate) sim: RunningSim,
    pub(crate) clock: ManualClock,
    pub(crate) store: Store,
    pub(crate) mirror: Mirror,
    pub(crate) changes: Changes,
    /// What the mirror has reported.
    pub(crate) reported: BTreeMap<u64, Arc<EventRecord>>,
    set_up: fn(MirrorBuilder) -> MirrorBuilder,
}

/// Some rows of an event, comparable.
pub(crate) type Rows = Vec<(u64, String, String, bool, i64, Vec<String>)>;

/// What of an event can be compared with the stand-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) info: String,
    pub(crate) timestamp: i64,
    pub(crate) publish_timestamp: i64,
    pub(crate) published: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) rows: Rows,
}

pub(crate) fn empty_store() -> Store {
    Store::in_memory(&StoreKey::new([7; 32]), b"a site and a key", 1 << 30).unwrap()
}

pub(crate) fn sim(with: impl FnOnce(SimBuilder) -> SimBuilder) -> RunningSim {
    with(Sim::builder().clock(Clock::fixed(START))).start_now().unwrap()
}

/// An event that was published a day ago, with a domain of this name.
pub(crate) fn event(name: &str) -> Event {
    Event::new(name)
        .changed(Moment::At(START - 86_400))
        .tag("tlp:green")
        .attribute(Attribute::new("domain", format!("{name}.example.com")))
}

impl Site {
    /// Starts a mirror of this stand-in, and waits for its first load.
    pub(crate) async fn load(sim: RunningSim) -> Self {
        Self::load_with(sim, |mirror| mirror).await
    }

    pub(crate) async fn load_with(sim: RunningSim, set_up: fn(MirrorBuilder) -> MirrorBuilder) -> Self {
        let mut site = Self::start(sim, empty_store(), set_up);
        site.until_complete().await;
        site
    }

    /// Starts a mirror without waiting for anything.
    pub(crate) fn start(sim: RunningSim, store: Store, set_up: fn(MirrorBuilder) -> MirrorBuilder) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(sim.clock().now()).unwrap());
        let (mirror, changes) = builder(&sim, &clock, &store, set_up).start().unwrap();
        Self {
            sim,
            clock,
            store,
            mirror,
            changes,
            reported: BTreeMap::new(),
            set_up,
        }
    }

    /// Kills the mirror and starts another one with the same store.
    pub(crate) fn restart(&mut self) {
        let (mirror, changes) = builder(&self.sim, &self.clock, &self.store, self.set_up)
            .start()
            .unwrap();
        (self.mirror, self.changes) = (mirror, changes);
        self.reported.clear();
    }

    /// Kills the mirror and starts another one, with the same store and other settings.
    pub(crate) fn restart_with(&mut self, set_up: fn(MirrorBuilder) -> MirrorBuilder) {
        self.set_up = set_up;
        self.restart();
    }

    /// Moves both clocks.
    pub(crate) fn wait(&self, time: Duration) {
        self.sim.clock().advance(i64::try_from(time.as_secs()).unwrap());
        self.clock.advance(time);
    }

    /// Takes the next batch.
    pub(crate) async fn next(&mut self) -> Batch {
        let batch = timeout(PATIENCE, self.changes.next()).await;
        let batch = batch.expect("no batch came").expect("the mirror has stopped");
        for change in &batch.changes {
            match change {
                Change::Replaced { record, .. } => {
                    self.reported.insert(record.current.event.id, Arc::clone(record));
                }
                Change::Removed { id } => {
                    self.reported.remove(id);
                }
                Change::Missing { .. } => {}
            }
        }
        batch
    }

    pub(crate) async fn until_complete(&mut self) -> Batch {
        loop {
            let batch = self.next().await;
            if batch.is_complete {
                return batch;
            }
        }
    }

    /// Lets the time of one poll pass and takes what that look brings; the ids that it replaced or removed.
    pub(crate) async fn look(&mut self) -> Vec<u64> {
        self.wait(POLL);
        self.take_look().await
    }

    /// Takes batches until one is of a look that began now.
    pub(crate) async fn take_look(&mut self) -> Vec<u64> {
        let now = self.clock.now();
        let mut ids = Vec::new();
        loop {
            let batch = self.next().await;
            ids.extend(batch.changes.iter().map(id_of));
            if batch.as_of.is_some_and(|as_of| as_of >= now) {
                ids.sort_unstable();
                ids.dedup();
                return ids;
            }
        }
    }

    /// Lets the time of one poll pass and waits until that look has failed; returns the error.
    pub(crate) async fn look_fails(&mut self) -> String {
        let mut status = self.mirror.status_changes();
        status.borrow_and_update();
        self.wait(POLL);
        let failed = async {
            loop {
                status.changed().await.unwrap();
                // Every failure is shown again, the same one too.
                if let Some((_, error)) = &status.borrow_and_update().failing {
                    return error.clone();
                }
            }
        };
        timeout(PATIENCE, failed).await.expect("the look did not fail")
    }

    /// Compares every event that was reported with the stand-in.
    pub(crate) fn assert_same(&self) {
        let there = self.there();
        let here: BTreeMap<u64, Picture> = self.here();
        assert_eq!(here, there);
        let held = there.keys().map(|id| (*id, self.mirror.record(*id)));
        for (id, record) in held {
            assert_eq!(
                record.as_ref(),
                self.reported.get(&id).map(AsRef::as_ref),
                "stored and reported"
            );
        }
    }

    /// What the mirror has reported.
    pub(crate) fn here(&self) -> BTreeMap<u64, Picture> {
        let pictures = self.reported.iter().map(|(id, record)| (*id, picture(&record.current)));
        pictures.collect()
    }

    /// What the stand-in has.
    pub(crate) fn there(&self) -> BTreeMap<u64, Picture> {
        self.sim
            .with_store(|store| store.events().map(|event| (event.id(), sim_picture(event))).collect())
    }

    /// The values that count as published in this event.
    pub(crate) fn published(&self, id: u64) -> Vec<String> {
        let rows = self.reported.get(&id).and_then(|record| published_block(record));
        let rows = rows.map_or(&[][..], |block| &block.rows);
        rows.iter().map(|row| row.value.clone()).collect()
    }

    pub(crate) fn event(&self, name: &str) -> u64 {
        self.sim.with_store(|store| store.find_event(name)).unwrap()
    }

    pub(crate) fn attribute(&self, value: &str) -> u64 {
        self.sim.with_store(|store| store.find(value)).unwrap()
    }
}

fn builder(
    sim: &RunningSim,
    clock: &ManualClock,
    store: &Store,
    set_up: fn(MirrorBuilder) -> MirrorBuilder,
) -> MirrorBuilder {
    let key = AuthKey::new(Sim::READER_KEY).unwrap();
    let client = Client::builder(sim.url().parse().unwrap(), key)
        .max_retries(0)
        .build()
        .unwrap();
    set_up(
        Mirror::builder(client, store.clone())
            .attribute_types(TYPES)
            .watched_tags([BLOCK, ALERT])
            .poll(POLL)
            .clock(Arc::new(clock.clone())),
    )
}

fn id_of(change: &Change) -> u64 {
    match change {
        Change::Replaced { record, .. } => record.current.event.id,
        Change::Removed { id } | Change::Missing { id, .. } => *id,
    }
}

pub(crate) fn published_block(record: &EventRecord) -> Option<&Block> {
    match &record.last_published {
        LastPublished::Current => Some(&record.current),
        LastPublished::Block(block) => Some(block),
        LastPublished::Nothing => None,
    }
}

pub(crate) fn picture(block: &Block) -> Picture {
    let rows = block.rows.iter().map(|row| {
        (
            row.id,
            row.kind.to_string(),
            row.value.clone(),
            row.to_ids,
            row.timestamp,
            sorted(row.tags.iter().map(|tag| tag.name.as_str())),
        )
    });
    Picture {
        info: block.event.info.clone(),
        timestamp: block.event.timestamp,
        publish_timestamp: block.event.publish_timestamp,
        published: block.event.published,
        tags: sorted(block.event.tags.iter().map(|tag| tag.name.as_str())),
        rows: rows.collect(),
    }
}

pub(crate) fn sim_picture(event: EventView<'_>) -> Picture {
    let rows = event
        .attributes()
        .filter(|row| !row.deleted() && TYPES.contains(&row.kind()));
    let mut rows: Rows = rows
        .map(|row| {
            (
                row.id(),
                row.kind().to_owned(),
                row.value().to_owned(),
                row.to_ids(),
                row.timestamp(),
                sorted(row.tags()),
            )
        })
        .collect();
    rows.sort();
    Picture {
        info: event.info().to_owned(),
        timestamp: event.timestamp(),
        publish_timestamp: event.publish_timestamp(),
        published: event.published(),
        tags: sorted(event.tags()),
        rows,
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    // The stand-in may have a tag twice.
    names.dedup();
    names
}

/// What this thread logs.
pub(crate) struct Log {
    file: tempfile::NamedTempFile,
    heard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn begin() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = std::sync::Mutex::new(file.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        let heard = tracing::subscriber::set_default(subscriber);
        Self { file, heard }
    }

    pub(crate) fn end(self) -> String {
        drop(self.heard);
        std::fs::read_to_string(self.file.path()).unwrap()
    }
}
