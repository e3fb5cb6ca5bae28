//! Which events were seen withdrawn, so that their next edit does not bring them back.
//!
//! Unpublishing an event on purpose leaves `timestamp` ≤ `publish_timestamp`. Its next edit makes the event look like one that was
//! edited while published, and nothing in MISP's answers says that it was not (recordings 810 to 813). So the publication with which an
//! event was seen withdrawn is remembered, by upstream, over restarts if there is a directory to keep it in. A withdrawal and an edit
//! that both happen between two looks at the unpublished events cannot be told from an edit. Gathering a feed is such a look; where feeds are
//! asked for seldom, `MispSource::look_for_withdrawals` is another.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use misp_client::EventMetadata;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Duration, Instant};

use crate::Upstream;
use crate::upstream::UpstreamId;

/// Events of one upstream that are remembered; beyond that those go first whose publication is longest ago.
const MAX_EVENTS: usize = 50_000;

/// Upstreams that are remembered at the same time; beyond that all are read from their files again.
const MAX_UPSTREAMS: usize = 4_096;

/// How often an upstream is looked at of which no feed is gathered meanwhile.
const LOOK: Duration = Duration::from_secs(270);

/// An upstream of which nobody wanted a feed for so long is looked at no more.
const WANTED: Duration = Duration::from_secs(48 * 3_600);

/// What is remembered of all upstreams.
#[derive(Debug, Default)]
pub(crate) struct Withdrawals {
    directory: Option<PathBuf>,
    known: Mutex<HashMap<UpstreamId, Arc<Remembered>>>,
    has_warned: AtomicBool,
}

impl Withdrawals {
    /// Keeps one file for each upstream in this directory, which is made when it is needed.
    pub(crate) fn kept_in(directory: PathBuf) -> Self {
        Self {
            directory: Some(directory),
            ..Self::default()
        }
    }

    /// Returns what is remembered of this upstream's events.
    pub(crate) fn of(&self, upstream: &Upstream) -> Arc<Remembered> {
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
        let directory = self.directory.as_ref();
        let now = Instant::now();
        let wanted = || Wanted {
            upstream: upstream.clone(),
            wanted_at: now,
            looked_at: None,
        };
        let new = || Remembered {
            site: upstream.site.name.as_str().to_owned(),
            file: directory.map(|directory| directory.join(file::name(&id))),
            wanted: Mutex::new(wanted()),
            state: AsyncMutex::default(),
        };
        let remembered = Arc::clone(known.entry(id.clone()).or_insert_with(|| Arc::new(new())));
        {
            let mut wanted = remembered.wanted();
            wanted.wanted_at = now;
            // Its rules may have changed.
            wanted.upstream.clone_from(upstream);
        }
        remembered
    }

    /// Returns the upstreams that nobody has looked at for some minutes, and of which somebody wanted a feed lately.
    pub(crate) fn due(&self) -> Vec<(Upstream, Arc<Remembered>)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let due = known.values().filter_map(|remembered| {
            let wanted = remembered.wanted();
            let is_due = wanted.looked_at.is_none_or(|at| at.elapsed() >= LOOK);
            (is_due && wanted.wanted_at.elapsed() < WANTED).then(|| (wanted.upstream.clone(), Arc::clone(remembered)))
        });
        due.collect()
    }
}

/// As whom an upstream is asked, and when it was.
#[derive(Debug)]
struct Wanted {
    upstream: Upstream,
    wanted_at: Instant,
    looked_at: Option<Instant>,
}

/// What is remembered of the events of one upstream.
#[derive(Debug)]
pub(crate) struct Remembered {
    site: String,
    file: Option<PathBuf>,
    wanted: Mutex<Wanted>,
    state: AsyncMutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_loaded: bool,
    is_failing: bool,
    /// The publication with which each event was seen withdrawn, by the event's number.
    withdrawn: BTreeMap<u64, i64>,
}

impl Remembered {
    /// Notes which of these unpublished events are withdrawn, and returns for those that are or were seen so with which publication.
    pub(crate) async fn observe(&self, unpublished: &[EventMetadata]) -> HashMap<u64, i64> {
        self.wanted().looked_at = Some(Instant::now());
        let mut state = self.state.lock().await;
        if !state.is_loaded {
            state.withdrawn = self.load().await;
            state.is_loaded = true;
        }
        if note(&mut state.withdrawn, unpublished) {
            self.save(&mut state).await;
        }
        let known = |event: &EventMetadata| Some((event.id, *state.withdrawn.get(&event.id)?));
        unpublished.iter().filter_map(known).collect()
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that cannot be understood is left alone until there is something to write.
    async fn load(&self) -> BTreeMap<u64, i64> {
        let Some(path) = self.file.clone() else {
            return BTreeMap::new();
        };
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || file::read(&path)).await;
        match read.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(withdrawn) => withdrawn,
            Err(error) => {
                let site = self.site.as_str();
                tracing::warn!(site, file = shown, %error, "the list of withdrawn events cannot be read and is begun anew: an event that was withdrawn and is edited now comes back into feeds until it is published or withdrawn again");
                BTreeMap::new()
            }
        }
    }

    async fn save(&self, state: &mut State) {
        let Some(path) = self.file.clone() else { return };
        let shown = path.display().to_string();
        let withdrawn = state.withdrawn.clone();
        let written = tokio::task::spawn_blocking(move || file::write(&path, &withdrawn)).await;
        match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => state.is_failing = false,
            Err(error) => {
                // Said once, and again after it went well in between.
                if !std::mem::replace(&mut state.is_failing, true) {
                    let site = self.site.as_str();
                    tracing::warn!(site, file = shown, %error, "the list of withdrawn events cannot be written: it is forgotten when this process ends");
                }
            }
        }
    }
}

/// Brings what is remembered up to date, and returns whether it changed.
fn note(withdrawn: &mut BTreeMap<u64, i64>, unpublished: &[EventMetadata]) -> bool {
    let before = withdrawn.clone();
    for event in unpublished.iter().filter(|event| event.publish_timestamp > 0) {
        let known = withdrawn.get(&event.id).copied();
        if event.timestamp <= event.publish_timestamp {
            withdrawn.insert(event.id, event.publish_timestamp);
        } else if known.is_some_and(|at| at < event.publish_timestamp) {
            // Published once more since.
            withdrawn.remove(&event.id);
        }
    }
    if withdrawn.len() > MAX_EVENTS {
        let mut times: Vec<(i64, u64)> = withdrawn.iter().map(|(id, at)| (*at, *id)).collect();
        times.sort_unstable();
        let surplus = times.len() - MAX_EVENTS;
        for (_, id) in times.iter().take(surplus) {
            withdrawn.remove(id);
        }
    }
    *withdrawn != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(rows: &[(u64, i64, i64)]) -> Vec<EventMetadata> {
        rows.iter()
            .map(|(id, timestamp, publish_timestamp)| EventMetadata::unpublished(*id, *timestamp, *publish_timestamp))
            .collect()
    }

    #[test]
    fn a_withdrawal_is_remembered_until_a_later_publication() {
        let mut withdrawn = BTreeMap::new();
        assert!(note(&mut withdrawn, &events(&[(7, 100, 150)])), "withdrawn");
        assert!(!note(&mut withdrawn, &events(&[(7, 200, 150)])), "edited");
        assert!(!note(&mut withdrawn, &[]), "published, or hidden for a while");
        assert_eq!(withdrawn, BTreeMap::from([(7, 150)]));
        assert!(
            note(&mut withdrawn, &events(&[(7, 350, 300)])),
            "published at 300, edited at 350"
        );
        assert!(withdrawn.is_empty());
    }

    #[test]
    fn drafts_and_edited_events_are_not_withdrawn() {
        let mut withdrawn = BTreeMap::new();
        assert!(!note(&mut withdrawn, &events(&[(7, 100, 0), (8, 200, 150)])));
        assert!(withdrawn.is_empty());
    }

    #[test]
    fn beyond_the_bound_the_oldest_publications_are_forgotten() {
        let mut withdrawn = BTreeMap::new();
        let many: Vec<(u64, i64, i64)> = (1..=i64::try_from(MAX_EVENTS).unwrap() + 5)
            .map(|number| (number.unsigned_abs(), 1, number))
            .collect();
        assert!(note(&mut withdrawn, &events(&many)));
        assert!(
            !note(&mut withdrawn, &events(&many)),
            "a full list is not written at every look"
        );
        assert_eq!((withdrawn.len(), withdrawn.keys().next()), (MAX_EVENTS, Some(&6)));
    }
}
