//! The withdrawn events of one MISP, in memory and in a file.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;

use misp_client::EventMetadata;
use tokio::sync::Mutex;

use super::file::{self, MAX_EVENTS};

/// The memory of one MISP's events.
#[derive(Debug)]
pub(super) struct Memory {
    site: String,
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_loaded: bool,
    is_failing: bool,
    /// Something is not in the file yet.
    is_unsaved: bool,
    /// The publication with which each event was seen withdrawn, by the event's number.
    withdrawn: BTreeMap<u64, i64>,
}

impl Memory {
    /// Returns the memory of this site's MISP, which is read from the file when it is first needed.
    pub(super) fn new(site: String, file: Option<PathBuf>) -> Self {
        Self {
            site,
            file,
            state: Mutex::default(),
        }
    }

    /// Notes which of these unpublished events are withdrawn, and returns for those that are or were seen so with which
    /// publication.
    pub(super) async fn observe(&self, unpublished: &[EventMetadata]) -> HashMap<u64, i64> {
        let mut state = self.state.lock().await;
        if !state.is_loaded {
            self.load(&mut state).await;
        }
        state.is_unsaved |= note(&mut state.withdrawn, unpublished);
        if state.is_unsaved && state.is_loaded {
            self.save(&mut state).await;
        }
        let known = |event: &EventMetadata| Some((event.id, *state.withdrawn.get(&event.id)?));
        unpublished.iter().filter_map(known).collect()
    }

    /// Adds the events of the file. A file with other content stays until the next write. A file that cannot be read
    /// now, for example with too many open files, is not written over and is tried again at the next look.
    async fn load(&self, state: &mut State) {
        let Some(path) = self.file.clone() else {
            state.is_loaded = true;
            return;
        };
        let (site, shown) = (self.site.as_str(), path.display().to_string());
        let read = tokio::task::spawn_blocking(move || file::read(&path)).await;
        match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(withdrawn) => {
                for (id, at) in withdrawn {
                    // Events seen since may be newer.
                    state.withdrawn.entry(id).or_insert(at);
                }
                (state.is_loaded, state.is_failing) = (true, false);
            }
            Err(error) if file::is_torn(&error) => {
                tracing::warn!(site, file = shown, %error, "the list of withdrawn events cannot be read and is begun anew: an event that was withdrawn and is edited now comes back into feeds until it is published or withdrawn again");
                state.is_loaded = true;
            }
            Err(error) => {
                // Logged once, and again after a success in between.
                if !std::mem::replace(&mut state.is_failing, true) {
                    tracing::warn!(site, file = shown, %error, "the list of withdrawn events cannot be read now and is tried again: meanwhile an event that was withdrawn before this start and is edited comes back into feeds");
                }
            }
        }
    }

    async fn save(&self, state: &mut State) {
        let Some(path) = self.file.clone() else {
            state.is_unsaved = false;
            return;
        };
        let shown = path.display().to_string();
        let withdrawn = state.withdrawn.clone();
        let written = tokio::task::spawn_blocking(move || file::write(&path, &withdrawn)).await;
        match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => (state.is_failing, state.is_unsaved) = (false, false),
            Err(error) => {
                // Logged once, and again after a success in between.
                if !std::mem::replace(&mut state.is_failing, true) {
                    let site = self.site.as_str();
                    tracing::warn!(site, file = shown, %error, "the list of withdrawn events cannot be written: it is forgotten when this process ends");
                }
            }
        }
    }
}

/// Updates the memory, and returns whether it changed.
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

    fn memory(file: &std::path::Path) -> Memory {
        Memory::new("misp.example.net".to_owned(), Some(file.to_owned()))
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_or_written_now_is_tried_again_and_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let (path, aside) = (directory.path().join("list"), directory.path().join("aside"));
        memory(&path).observe(&events(&[(7, 100, 150)])).await;
        // A directory under this name can be neither read nor replaced.
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        let later = memory(&path);
        later.observe(&events(&[(8, 200, 250)])).await;
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        let seen = later.observe(&events(&[(7, 300, 150), (8, 300, 250)])).await;
        assert_eq!(seen, HashMap::from([(7, 150), (8, 250)]));
        assert_eq!(file::read(&path).unwrap(), BTreeMap::from([(7, 150), (8, 250)]));
        // The same for a write that fails.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        later.observe(&events(&[(9, 400, 450)])).await;
        std::fs::remove_dir(&path).unwrap();
        later.observe(&[]).await;
        assert_eq!(file::read(&path).unwrap().len(), 3);
    }

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
