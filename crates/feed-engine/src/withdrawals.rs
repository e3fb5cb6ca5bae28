//! Which events were seen withdrawn, so that their next edit does not bring them back.
//!
//! Unpublishing an event on purpose leaves `timestamp` ≤ `publish_timestamp`. Its next edit makes the event look like one that was
//! edited while published, and nothing in MISP's answers says that it was not (recordings 810 to 813). So the publication with which an
//! event was seen withdrawn is remembered for each MISP, whichever key saw it, over restarts if there is a directory to keep it in.
//! A withdrawal and an edit that both happen between two looks at the unpublished events cannot be told from an edit. Gathering a feed is
//! such a look; where feeds are asked for seldom, `MispSource::look_for_withdrawals` is another.

mod file;
mod memory;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory::Memory;
use misp_client::EventMetadata;
use tokio::time::{Duration, Instant};

use crate::Upstream;
use crate::upstream::UpstreamId;

/// Upstreams of which it is known when they were looked at; beyond that all begin anew.
const MAX_UPSTREAMS: usize = 4_096;

/// How often an upstream is looked at of which no feed is gathered meanwhile.
const LOOK: Duration = Duration::from_secs(270);

/// An upstream is looked at as long as a feed of it was wanted in this time.
const WANTED: Duration = Duration::from_secs(48 * 3_600);

/// What is remembered of all upstreams.
#[derive(Debug, Default)]
pub(crate) struct Withdrawals {
    directory: Option<PathBuf>,
    known: Mutex<HashMap<UpstreamId, Arc<UpstreamMemory>>>,
    /// By address; there are as many as site files were ever loaded.
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

    /// Returns what is remembered of this upstream's events.
    pub(crate) fn of(&self, upstream: &Upstream) -> Arc<UpstreamMemory> {
        if self.directory.is_none() && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "no state directory: events that are withdrawn are remembered until this process ends, and an edit after the next start brings them back"
            );
        }
        let id = upstream.id();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_UPSTREAMS && !known.contains_key(&id) {
            known.clear();
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

    /// Returns the upstreams that were not looked at for some minutes and of which a feed was wanted lately, by the name of their site,
    /// without sites that leave it to MISP which events are published (`published_grace: 0s`). Of one site those come first whose last look is longest ago.
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

/// As whom an upstream is asked, and when it was.
#[derive(Debug)]
struct Interest {
    upstream: Upstream,
    wanted_at: Instant,
    /// When MISP was last asked which events are unpublished, whether it answered or not.
    looked_at: Option<Instant>,
}

/// What is remembered of the events of one upstream.
#[derive(Debug)]
pub(crate) struct UpstreamMemory {
    memory: Arc<Memory>,
    wanted: Mutex<Interest>,
}

impl UpstreamMemory {
    /// Notes that MISP is asked now.
    pub(crate) fn note_look(&self) {
        self.wanted().looked_at = Some(Instant::now());
    }

    /// Notes which of these unpublished events are withdrawn, and returns for those that are or were seen so with which publication.
    pub(crate) async fn observe(&self, unpublished: &[EventMetadata]) -> HashMap<u64, i64> {
        self.memory.observe(unpublished).await
    }

    fn wanted(&self) -> MutexGuard<'_, Interest> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
