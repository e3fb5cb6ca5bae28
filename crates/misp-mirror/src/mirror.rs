//! The handle of a mirror, and the stream of what changes.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use misp_client::{Client, Error, EventIndex};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::Clock;
use crate::follower::{Follower, Orders};
use crate::marks::Marks;
use crate::options::Options;
use crate::peers::Peers;
use crate::questions::Questions;
use crate::turns::Turns;
use crate::{Batch, EventRecord, MirrorRow, Status, Store};

/// Batches that may lie unread before the mirror waits.
const UNREAD_BATCHES: usize = 2;

/// A mirror that runs: its state, and a few orders. Cheap to clone; it goes on when all handles are dropped, and stops
/// when its [`Changes`] are.
#[derive(Clone)]
pub struct Mirror {
    store: Store,
    status: watch::Receiver<Status>,
    marks: watch::Receiver<Marks>,
    orders: Arc<Orders>,
    stop: Arc<Notify>,
}

impl Mirror {
    /// Returns a builder of a mirror of what this client's key may see, held in this store.
    pub fn builder(client: Client, store: Store) -> MirrorBuilder {
        MirrorBuilder {
            client,
            store,
            options: Options::default(),
        }
    }

    /// Returns its state now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns a receiver that shows every new state.
    #[must_use]
    pub fn status_changes(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Makes it look at MISP now, for example because MISP's ZeroMQ publisher told of a change. Several hints before a
    /// look are one.
    pub fn hint(&self) {
        self.orders.hint();
    }

    /// Makes it look at MISP now, unless a look that began at `since` or later has ended or is under way. All callers
    /// who wait for the same look are one. [`Batch::as_of`] says when a look began.
    pub fn confirm(&self, since: Timestamp) {
        self.orders.confirm(since);
    }

    /// Makes it read every event again. What it holds stays until an event that differs is replaced.
    pub fn resync(&self) {
        self.orders.resync();
    }

    /// Returns an event with its rows, or none when it is not held or its record does not open. This reads the disk.
    #[must_use]
    pub fn record(&self, event_id: u64) -> Option<EventRecord> {
        self.store.get(event_id).ok().flatten()
    }

    /// Returns the names of the enabled warninglists that mark a row, in order.
    #[must_use]
    pub fn warninglists_of(&self, row: &MirrorRow) -> Vec<String> {
        self.marks.borrow().names(row)
    }

    /// Stops it. [`Changes::next`] returns none afterwards; the store keeps what it has.
    pub fn stop(&self) {
        self.stop.notify_one();
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}

/// What changes in a mirror, in batches. The mirror waits while [`next`](Self::next) is not called, and stops when
/// this is dropped.
#[derive(Debug)]
pub struct Changes(mpsc::Receiver<Batch>);

impl Changes {
    /// Returns the next batch; none after the mirror stopped. No batch is lost when the future of this call is dropped.
    ///
    /// First come all events of the store, in batches without a time. Then comes one batch for each successful look at
    /// MISP, also when nothing changed. A look with very many changes, or one that failed after it had replaced some
    /// events, gives further batches with the time of an earlier look.
    pub async fn next(&mut self) -> Option<Batch> {
        self.0.recv().await
    }
}

/// Sets up a [`Mirror`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MirrorBuilder {
    client: Client,
    store: Store,
    options: Options,
}

impl MirrorBuilder {
    /// Sets the attribute types that are mirrored, such as `ip-dst` or `domain|ip`. At least one is needed. With other
    /// types than the last time, everything is read again.
    pub fn attribute_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.options.attribute_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the tags whose local use is looked for every [`trace_interval`](Self::trace_interval): a local tag leaves
    /// no other mark in MISP. Default: none.
    pub fn watched_tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.options.watched_tags = tags.into_iter().map(Into::into).collect();
        self.options.watched_tags.sort_unstable();
        self.options.watched_tags.dedup();
        self
    }

    /// Sets beginnings of tags, such as `tlp:`, whose local use is looked for as that of
    /// [`watched_tags`](Self::watched_tags) is. Case and white space around a tag do not count. Default: none.
    pub fn watched_namespaces<S: Into<String>>(mut self, beginnings: impl IntoIterator<Item = S>) -> Self {
        let beginnings = beginnings.into_iter().map(|text| text.into().to_ascii_lowercase());
        self.options.watched_namespaces = beginnings.collect();
        self
    }

    /// Sets how often the mirror looks at MISP (default 15 s).
    pub fn poll(mut self, every: Duration) -> Self {
        self.options.poll = every.max(Duration::from_millis(100));
        self
    }

    /// Sets how late the mirror may notice what leaves no trace in an event (default 5 minutes): local tags among the
    /// watched ones, sightings, counts that drift, protected events that are deleted, and the rights of the key.
    pub fn trace_interval(mut self, interval: Duration) -> Self {
        self.options.trace_interval = interval;
        self
    }

    /// Sets how long the slow round takes, which compares every event and row with MISP (default 24 hours).
    pub fn round(mut self, time: Duration) -> Self {
        self.options.round = time;
        self
    }

    /// Sets how long an event is kept that MISP does not show any more (default: not at all). Where MISP hides the
    /// events that an analyst edits (`MISP.unpublishedprivate`), such an event looks deleted meanwhile.
    pub fn vanished_grace(mut self, grace: Duration) -> Self {
        self.options.vanished_grace = grace;
        self
    }

    /// Sets the most attributes that are mirrored (default 5 million). A MISP with more stops the mirror, with
    /// [`Phase::TooLarge`](crate::Phase::TooLarge).
    pub fn max_attributes(mut self, attributes: u64) -> Self {
        self.options.max_attributes = attributes;
        self
    }

    /// Sets whether the newest sighting of each attribute is mirrored (default: no). MISP looks sightings up one
    /// attribute at a time.
    pub fn sightings(mut self, mirror_them: bool) -> Self {
        self.options.sightings = mirror_them;
        self
    }

    /// Sets how many attributes MISP is asked for in one page at most (default 10 000). Smaller pages are for a MISP
    /// that needs too long, or too much memory, for larger ones.
    pub fn page_size(mut self, attributes: NonZeroU32) -> Self {
        self.options.page_size = attributes;
        self
    }

    /// Sets what decides when the mirror may ask MISP a question (default: at any time, two at a time at most).
    pub fn turns(mut self, turns: Arc<dyn Turns>) -> Self {
        self.options.turns = turns;
        self
    }

    /// Sets the place that this mirror shares with mirrors of the same MISP in other processes (default: none). One of
    /// them asks MISP, and the others take what it found; when that one is gone, another one goes on.
    pub fn peers(mut self, peers: Arc<dyn Peers>) -> Self {
        self.options.peers = Some(peers);
        self
    }

    /// Sets the clock (default: the system's).
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.options.clock = clock;
        self
    }

    /// Starts the mirror as a task of the current tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSearch`](misp_client::ErrorKind::InvalidSearch) without an attribute type, and for a type or
    /// a tag that MISP would read as something else.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(self) -> Result<(Mirror, Changes), Error> {
        let Self { client, store, options } = self;
        for tag in &options.watched_tags {
            EventIndex::new().with_tag(tag)?;
        }
        let questions = Questions::new(client, &options)?;
        let (batches, changes) = mpsc::channel(UNREAD_BATCHES);
        let (status, seen) = watch::channel(Status::default());
        let orders = Arc::new(Orders::default());
        let stop = Arc::new(Notify::new());
        let follower = Follower::new(options, questions, store.clone(), Arc::clone(&orders), status, batches);
        let marks = follower.marks();
        tokio::spawn(follower.run_until(Arc::clone(&stop)));
        let mirror = Mirror {
            store,
            status: seen,
            marks,
            orders,
            stop,
        };
        Ok((mirror, Changes(changes)))
    }
}
