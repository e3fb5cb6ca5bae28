//! The events that were seen withdrawn, so that their next edit does not bring them back.
//!
//! Unpublishing an event on purpose leaves `timestamp` ≤ `publish_timestamp`. Its next edit makes the event look like
//! one that was edited while published, and MISP's answers do not show the difference (recordings 810 to 813). So this
//! module remembers for each MISP, over all keys, with which publication it saw an event withdrawn; over restarts if it
//! has a directory. A withdrawal and an edit that both happen between two looks at the unpublished events look like an
//! edit alone. Gathering a feed is such a look; where feeds are asked for seldom, `MispSource::look_for_withdrawals` is
//! another.

mod file;
mod memory;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory::Memory;
use misp_client::EventMetadata;
use tokio::time::{Duration, Instant};

use crate::upstream::UpstreamId;
use crate::{Upstream, used_longest_ago};

/// The most upstreams whose last look is remembered. Above it, those with the oldest last request are forgotten.
const MAX_UPSTREAMS: usize = 4_096;

/// Pause between two looks at an upstream whose feeds are not gathered meanwhile.
const LOOK: Duration = Duration::from_secs(270);

/// An upstream without a request in this time is not looked at.
const WANTED: Duration = Duration::from_secs(48 * 3_600);

/// The memory of all upstreams.
#[derive(Debug, Default)]
pub(crate) struct Withdrawals {
    directory: Option<PathBuf>,
    known: Mutex<HashMap<UpstreamId, Arc<UpstreamMemory>>>,
    /// By address; at most one entry for each site file that was ever loaded.
    misps: Mutex<HashMap<String, Arc<Memory>>>,
    has_warned: AtomicBool,
}

impl Withdrawals {
    /// Keeps one file for each MISP in this directory, which is made when it is needed.
    pub(crate) fn kept_in(directory: PathBuf) -> Self {
        Self {
            directory: Some(directory),
            ..Self::default()
        }
    }

    /// Returns the memory of this upstream's events.
    pub(crate) fn of(&self, upstream: &Upstream) -> Arc<UpstreamMemory> {
        if self.directory.is_none() && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "no state directory: events that are withdrawn are remembered until this process ends, and an edit after the next start brings them back"
            );
        }
        let id = upstream.id();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_UPSTREAMS && !known.contains_key(&id) {
            let wanted_at = |remembered: &Arc<UpstreamMemory>| remembered.wanted().wanted_at;
            used_longest_ago::remove(&mut *known, |_| (), wanted_at);
        }
        let now = Instant::now();
        let new = || UpstreamMemory {
            memory: self.memory(upstream),
            wanted: Mutex::new(Interest {
                upstream: upstream.clone(),
                wanted_at: now,
                looked_at: None,
            }),
        };
        let remembered = Arc::clone(known.entry(id).or_insert_with(|| Arc::new(new())));
        {
            let mut wanted = remembered.wanted();
            wanted.wanted_at = now;
            // Its rules may have changed.
            wanted.upstream.clone_from(upstream);
        }
        remembered
    }

    fn memory(&self, upstream: &Upstream) -> Arc<Memory> {
        let mut misps = self.misps.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = misps.entry(upstream.address()).or_insert_with_key(|address| {
            let directory = self.directory.as_ref();
            let file = directory.map(|directory| directory.join(file::name(address)));
            Arc::new(Memory::new(upstream.site.name.as_str().to_owned(), file))
        });
        Arc::clone(memory)
    }

    /// Returns the upstreams with recent requests and without a look for some minutes, by the name of their site,
    /// without sites that leave it to MISP which events are published (`published_grace: 0s`). Within a site they are
    /// ordered by their last look, the oldest first.
    pub(crate) fn due(&self) -> BTreeMap<String, Vec<(Upstream, Arc<UpstreamMemory>)>> {
        let mut due: Vec<(Option<Instant>, Upstream, Arc<UpstreamMemory>)> = Vec::new();
        for remembered in self.known.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let wanted = remembered.wanted();
            let is_judged = !wanted.upstream.site.published_grace.is_zero();
            let is_due = is_judged && wanted.looked_at.is_none_or(|at| at.elapsed() >= LOOK);
            if is_due && wanted.wanted_at.elapsed() < WANTED {
                due.push((wanted.looked_at, wanted.upstream.clone(), Arc::clone(remembered)));
            }
        }
        due.sort_by_key(|(looked_at, ..)| *looked_at);
        let mut by_site: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (_, upstream, remembered) in due {
            let site = upstream.site.name.as_str().to_owned();
            by_site.entry(site).or_default().push((upstream, remembered));
        }
        by_site
    }
}

/// The upstream of the last request, and the times of requests and looks.
#[derive(Debug)]
struct Interest {
    upstream: Upstream,
    wanted_at: Instant,
    /// When MISP was last asked which events are unpublished, whether it answered or not.
    looked_at: Option<Instant>,
}

/// The memory of one upstream's events.
#[derive(Debug)]
pub(crate) struct UpstreamMemory {
    memory: Arc<Memory>,
    wanted: Mutex<Interest>,
}

impl UpstreamMemory {
    /// Records a look at this moment.
    pub(crate) fn note_look(&self) {
        self.wanted().looked_at = Some(Instant::now());
    }

    /// Notes which of these unpublished events are withdrawn, and returns for those that are or were seen so with which
    /// publication.
    pub(crate) async fn observe(&self, unpublished: &[EventMetadata]) -> HashMap<u64, i64> {
        self.memory.observe(unpublished).await
    }

    fn wanted(&self) -> MutexGuard<'_, Interest> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
