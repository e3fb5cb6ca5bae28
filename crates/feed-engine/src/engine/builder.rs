//! What an engine is made of.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use cache::{Clock, Flights, MemoryStore, MonotonicClock, SharedCache};
use feed_classification::Registry;

use super::announcements::{self, Announcements};
use super::guard_notices::GuardNotices;
use super::held_indexes::Lookups;
use super::polls::Polls;
use super::timed::TimedFeeds;
use super::youngest_feeds::YoungestFeeds;
use super::{FeedEngine, Inner};
use crate::bodies::Bodies;
use crate::changes::ChangeLogs;
use crate::errand::Errands;
use crate::places::Places;
use crate::recent_requests::RecentRequests;
use crate::refreshes::Refreshes;
use crate::{IndicatorSource, MispSource, workshop};

/// Memory for values and rendered bodies together, unless the builder says otherwise.
const MEMORY_BYTES: u64 = 160 * 1024 * 1024;

/// Memory for the indexes of look-ups, unless the builder says otherwise: about six million values.
const LOOKUP_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// For each feed whose polls and requests are remembered there is this much memory for values and bodies: for as many
/// as could be kept there, if each had some hundred values.
const BYTES_A_FEED: u64 = 40 * 1024;

/// The same for indexes of look-ups, which are fewer and larger.
const BYTES_AN_INDEX: u64 = 8 * BYTES_A_FEED;

/// The fewest and the most feeds, or indexes, that are remembered.
const REMEMBERED: std::ops::RangeInclusive<u64> = 256..=4_096;

/// Memory for the moments at which feeds were forgotten: some thousand.
const FORGOTTEN_BYTES: u64 = 2 * 1024 * 1024;

/// Builds a [`FeedEngine`].
#[derive(Debug)]
pub struct FeedEngineBuilder {
    source: Arc<dyn IndicatorSource>,
    clock: Arc<dyn Clock>,
    registry: Registry,
    memory_bytes: u64,
    shared: Option<SharedCache>,
    lookup_memory_bytes: u64,
    guard_notices: Option<GuardNotices>,
}

impl FeedEngineBuilder {
    /// Sets where indicators come from (default: [`MispSource`]).
    #[must_use]
    pub fn source(mut self, source: Arc<dyn IndicatorSource>) -> Self {
        self.source = source;
        self
    }

    /// Sets the clock by which answers grow old and refreshes wait (default: [`MonotonicClock`]); tests give it a
    /// [`ManualClock`](cache::ManualClock). Time-outs for MISP and for callers are real time on every clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the exporters (default: the built-in ones).
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Sets how much memory values and bodies may take together, in bytes (default 160 MiB). Differences between states
    /// of feeds take at most a quarter as much besides, and more only for feeds with a [listener](FeedEngine::follow).
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Shares gathered feeds with other engines through this cache (default: none).
    #[must_use]
    pub fn shared(mut self, cache: SharedCache) -> Self {
        self.shared = Some(cache);
        self
    }

    /// Sets how much memory the indexes for look-ups may take together, in bytes (default 512 MiB).
    #[must_use]
    pub fn lookup_memory_bytes(mut self, bytes: u64) -> Self {
        self.lookup_memory_bytes = bytes;
        self
    }

    /// Has the engine log for a week, once a day for each feed, what rules of the guard keep out of feeds that the site
    /// files do not name (default: it logs nothing). The week begins when the file `guard-in-force` is made in the
    /// state directory, which outlives a restart; without a directory it begins now.
    #[must_use]
    pub fn guard_notices(mut self, state_directory: Option<PathBuf>) -> Self {
        let now = jiff::Timestamp::now();
        self.guard_notices = Some(match state_directory {
            Some(directory) => GuardNotices::remembered_in(&directory.join("guard-in-force"), now),
            None => GuardNotices::new(now),
        });
        self
    }

    /// Returns the engine.
    #[must_use]
    pub fn build(self) -> FeedEngine {
        let feeds = remembered(self.memory_bytes, BYTES_A_FEED);
        let indexes = remembered(self.lookup_memory_bytes, BYTES_AN_INDEX);
        let engine = FeedEngine {
            inner: Arc::new(Inner {
                source: self.source,
                clock: self.clock,
                registry: self.registry,
                sets: MemoryStore::new(self.memory_bytes / 2),
                changing_sets: Mutex::default(),
                set_changes: AtomicU64::new(0),
                bodies: Bodies::new(self.memory_bytes / 2),
                counted: Refreshes::default(),
                refreshes: Flights::new(),
                asked: RecentRequests::up_to(feeds),
                polls: Polls::up_to(feeds),
                errands: Errands::default(),
                lookups: Lookups::new(self.lookup_memory_bytes, indexes),
                logs: ChangeLogs::new(self.memory_bytes / 4),
                announcements: Announcements::default(),
                shared: ArcSwapOption::from_pointee(self.shared),
                guard_notices: self.guard_notices,
                forgotten_at: MemoryStore::new(FORGOTTEN_BYTES),
                timed: TimedFeeds::default(),
                answering: Places::new(workshop::threads()),
                youngest: YoungestFeeds::default(),
            }),
        };
        let listener = announcements::listener(Arc::downgrade(&engine.inner));
        engine.inner.source.watch(listener);
        engine.inner.source.share_through(engine.shared_cache());
        engine
    }
}

/// Returns how many feeds are remembered beside this memory, if each stands for so much of it.
fn remembered(memory_bytes: u64, bytes_each: u64) -> usize {
    let count = (memory_bytes / bytes_each).clamp(*REMEMBERED.start(), *REMEMBERED.end());
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl FeedEngine {
    /// Returns a builder with a [`MispSource`] and the built-in exporters.
    #[must_use]
    pub fn builder() -> FeedEngineBuilder {
        FeedEngineBuilder {
            source: Arc::new(MispSource::new()),
            clock: Arc::new(MonotonicClock),
            registry: Registry::builtin(),
            memory_bytes: MEMORY_BYTES,
            shared: None,
            lookup_memory_bytes: LOOKUP_MEMORY_BYTES,
            guard_notices: None,
        }
    }
}

impl Default for FeedEngine {
    fn default() -> Self {
        Self::builder().build()
    }
}
