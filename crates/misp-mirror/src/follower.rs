//! The task of a mirror: it opens the store, loads MISP once, and then follows what changes.

mod asked_lists;
mod catching_up;
mod event_reading;
mod first_load;
mod former_rows;
mod index_check;
mod leading;
mod list_sample;
mod look;
mod lost_rows;
mod opening;
mod orders;
mod reading_ahead;
mod replacing;
mod resync;
mod round;
mod sharing;
#[cfg(test)]
mod store_faults;
mod tag_counts;
mod tag_texts;
mod tag_walk;
mod trace_plan;
mod traces;
mod trouble;
mod unexplained;
mod vanishing;
mod warninglists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use self::asked_lists::Asking;
use self::index_check::KnownIndex;
pub(crate) use self::orders::Orders;
use self::sharing::Sharing;
use self::traces::Traces;
use crate::distrust::Distrust;
use crate::error::FollowError;
use crate::held::HeldEvents;
use crate::marks::Marks;
use crate::memory::{self, Memory};
use crate::options::Options;
use crate::progress::Progress;
use crate::questions::Questions;
use crate::troubles::Troubles;
use crate::{Batch, Change, EventRecord, Phase, Status, Store};

/// Looks by hints are at least so far apart: on a busy MISP there are several hints a second.
const BETWEEN_HINTS: Duration = Duration::from_millis(250);
/// One change brings several hints at once, and one look answers them all.
const HINTS_AT_ONCE: Duration = Duration::from_millis(20);
/// The memory is written down this often while nothing changes.
const SAVE_EVERY: Duration = Duration::from_secs(300);
/// After a refused key the mirror waits this many times longer: MISP counts refused keys against their address.
const REFUSED_KEY_WAITS: u32 = 4;

/// The task of a mirror.
pub(crate) struct Follower {
    options: Options,
    questions: Arc<Questions>,
    store: Store,
    held: HeldEvents,
    memory: Memory,
    /// Events to be read again: they changed in the second in which they were read.
    again: BTreeSet<u64>,
    /// Events to be read again as soon as possible.
    backlog: BTreeSet<u64>,
    /// The backlog has what a resync still has to read.
    is_queued: bool,
    /// Events whose record may be stored although writing it failed. Their change is not delivered yet.
    unsure: BTreeSet<u64>,
    /// Doubts about lists of all events.
    distrust: Distrust,
    /// Doubts about answers on events that were asked for by number.
    asked: Distrust,
    /// Doubts about events that have lost their rows.
    lost_rows: BTreeMap<u64, Distrust>,
    troubles: Troubles,
    /// When the present look began, or the last one.
    began: Timestamp,
    index: KnownIndex,
    traces: Traces,
    /// The events that are being read are those of the slow round.
    comparing: bool,
    marks: Marks,
    asking: Asking,
    /// The marks for handles of the mirror.
    shown_marks: watch::Sender<Marks>,
    sharing: Sharing,
    /// When the last complete look at MISP began.
    looked_at: Option<Timestamp>,
    /// When the look began that the last delivered batch confirms.
    confirmed_at: Option<Timestamp>,
    /// When the memory was last written down.
    saved_at: Option<Timestamp>,
    /// The changes that are not delivered yet.
    changes: Vec<Change>,
    orders: Arc<Orders>,
    progress: Progress,
    batches: mpsc::Sender<Batch>,
}

impl Follower {
    pub(crate) fn new(
        options: Options,
        questions: Questions,
        store: Store,
        orders: Arc<Orders>,
        status: watch::Sender<Status>,
        batches: mpsc::Sender<Batch>,
    ) -> Self {
        Self {
            traces: Traces::new(&options),
            distrust: Distrust::new(options.poll),
            asked: Distrust::new(options.poll),
            began: options.clock.now(),
            held: HeldEvents::new(options.watched_tags.clone(), options.watched_namespaces.clone()),
            progress: Progress::new(status, Arc::clone(&options.clock), questions.client().traffic()),
            options,
            questions: Arc::new(questions),
            store,
            memory: Memory::default(),
            again: BTreeSet::new(),
            backlog: BTreeSet::new(),
            is_queued: false,
            unsure: BTreeSet::new(),
            lost_rows: BTreeMap::new(),
            troubles: Troubles::default(),
            index: KnownIndex::default(),
            comparing: false,
            marks: Marks::default(),
            asking: Asking::default(),
            shown_marks: watch::Sender::new(Marks::default()),
            sharing: Sharing::default(),
            looked_at: None,
            confirmed_at: None,
            saved_at: None,
            changes: Vec::new(),
            orders,
            batches,
        }
    }

    /// Runs until it is stopped, its changes are not read any more, or MISP has too much.
    pub(crate) async fn run_until(mut self, stop: Arc<Notify>) {
        let batches = self.batches.clone();
        let has_ended = tokio::select! {
            () = stop.notified() => false,
            () = batches.closed() => false,
            () = self.run() => true,
        };
        if !has_ended {
            self.progress.phase(Phase::Stopped);
        }
        self.resign().await;
    }

    async fn run(&mut self) {
        while let Err(error) = self.open().await {
            self.failed(&error);
            self.options.clock.sleep(self.options.poll).await;
        }
        loop {
            let began = self.begin_look();
            let outcome = if self.memory.loaded {
                self.take_turn().await
            } else {
                match self.first_load().await {
                    Ok(()) => Ok(self.first_pause().await),
                    Err(error) => Err(error),
                }
            };
            let mut pause = self.options.poll;
            let mut is_refused = false;
            self.report();
            match outcome {
                Ok(until_next) => {
                    self.progress.succeeded();
                    pause = until_next;
                }
                Err(error @ FollowError::TooLarge { limit }) => {
                    tracing::error!("{}", error.chain());
                    self.progress.phase(Phase::TooLarge { limit });
                    return;
                }
                Err(error) => {
                    self.failed(&error);
                    is_refused = error.is_refused_key();
                    self.deliver_early().await;
                }
            }
            let spent = self.now().duration_since(began).unsigned_abs();
            if is_refused {
                let pause = pause.saturating_mul(REFUSED_KEY_WAITS);
                self.pause_for_refused_key(pause.saturating_sub(spent)).await;
            } else {
                self.pause(pause.saturating_sub(spent), began).await;
            }
        }
    }

    /// Notes that a look begins, and returns the time.
    fn begin_look(&mut self) -> Timestamp {
        self.began = self.now();
        self.traces.begin_look();
        self.began
    }

    /// Waits for the next look, after one that began then.
    async fn pause(&mut self, time: Duration, began: Timestamp) {
        let is_failing = self.progress.is_failing();
        let waits = |id: &u64| self.troubles.waits(*id, self.began);
        if !is_failing && !self.backlog.iter().all(waits) {
            return;
        }
        let orders = Arc::clone(&self.orders);
        let mut time_is_over = self.options.clock.sleep(time);
        loop {
            tokio::select! {
                () = &mut time_is_over => return,
                () = self.sharing.hold_lease(&self.options) => return,
                () = orders.came() => {}
            }
            if !orders.take(self.confirmed_at) {
                // A look that ended meanwhile has done it.
                continue;
            }
            let passed = self.now().duration_since(began).unsigned_abs();
            tokio::time::sleep(BETWEEN_HINTS.saturating_sub(passed).max(HINTS_AT_ONCE)).await;
            // Orders that came meanwhile are done by the same look.
            orders.take(None);
            return self.pass_hint().await;
        }
    }

    /// Waits this long whatever hints there are: MISP counts refused keys against their address.
    async fn pause_for_refused_key(&mut self, time: Duration) {
        let mut wait = self.options.clock.sleep(time);
        loop {
            tokio::select! {
                () = &mut wait => return,
                // It also ends with a hint of another mirror.
                () = self.sharing.hold_lease(&self.options) => {}
            }
        }
    }

    fn failed(&self, error: &FollowError) {
        self.progress.failed(self.now(), error);
    }

    fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    fn as_of(&self) -> Option<Timestamp> {
        self.memory.as_of.and_then(|second| Timestamp::from_second(second).ok())
    }

    /// Returns the marks as they are now, and shows every later state.
    pub(crate) fn marks(&self) -> watch::Receiver<Marks> {
        self.shown_marks.subscribe()
    }

    fn set_marks(&mut self, marks: Marks) -> Marks {
        self.shown_marks.send_replace(marks.clone());
        std::mem::replace(&mut self.marks, marks)
    }

    /// Returns whether every event was reported, with marks. Without the warninglists rows have no marks, and feeds
    /// would have values that MISP leaves out.
    fn is_complete(&self) -> bool {
        self.memory.loaded && self.marks.matcher().is_some()
    }

    /// Notes a change for the next batch.
    fn note(&mut self, record: EventRecord) {
        self.changes.push(self.marks.change(Arc::new(record)));
    }

    /// Delivers the changes so far, with this time.
    async fn deliver(&mut self, as_of: Option<Timestamp>, is_complete: bool) {
        let changes = std::mem::take(&mut self.changes);
        if changes.iter().any(|change| !matches!(change, Change::Missing { .. })) {
            self.progress.changed(self.now());
        }
        if is_complete {
            self.confirmed_at = self.confirmed_at.max(as_of);
        }
        let for_log = self.sharing.for_log(&changes);
        let batch = Batch {
            changes,
            as_of,
            is_complete,
        };
        // Without a receiver the task is ending.
        let _ = self.batches.send(batch).await;
        self.log_changes(for_log).await;
    }

    /// Delivers the changes of a look that is not complete, if there are any, with the time of the look before.
    async fn deliver_early(&mut self) {
        if !self.changes.is_empty() {
            self.deliver(self.as_of(), self.is_complete()).await;
        }
    }

    /// Writes the memory down.
    async fn save_memory(&mut self) -> Result<(), FollowError> {
        let bytes = self.memory.bytes();
        self.with_store(move |store| Ok(store.put_meta(memory::NAME, &bytes)?))
            .await?;
        self.saved_at = Some(self.now());
        Ok(())
    }

    /// Writes it down after a look with changes, and otherwise now and then.
    async fn save_memory_when_due(&mut self) -> Result<(), FollowError> {
        let now = self.now();
        let is_old = |at: Timestamp| now.duration_since(at).unsigned_abs() >= SAVE_EVERY;
        let has_news = self.note_unread() || !self.changes.is_empty();
        if !has_news && !self.saved_at.is_none_or(is_old) {
            return Ok(());
        }
        self.save_memory().await
    }

    /// Runs work with the store, which blocks, on a thread of its own.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, FollowError> + Send + 'static,
    ) -> Result<T, FollowError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || work(&store));
        task.await.map_err(|_| FollowError::Cancelled)?
    }

    /// Shows the numbers of events and attributes.
    fn report(&self) {
        self.progress
            .held(&self.held, &self.store, self.questions.client().traffic());
        self.progress.troubled(self.troubles.len() as u64);
    }
}
