//! The states of all copies, for people.

use std::sync::Arc;

use jiff::Timestamp;

use super::Roster;
use super::places::Place;
use crate::mirror::local_copy::LocalCopy;
use crate::{Upstream, Way};

/// The state of one mirror, as [`MirrorSource::states`](crate::MirrorSource::states) returns it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MirrorState {
    /// The name of the site.
    pub site: String,
    /// Eight hex digits that stand for the MISP key and do not show it.
    pub key: String,
    /// The way in which questions are answered now, with the state of the mirror.
    pub way: Way,
    /// When MISP last confirmed what is answered.
    pub as_of: Option<Timestamp>,
    /// When a request with this MISP key last came.
    pub used_at: Timestamp,
    /// Memory of the catalogue in bytes.
    pub memory_bytes: usize,
    /// Why the mirror is not on disk, if it is not.
    pub in_memory_because: Option<String>,
    /// When the mirror tries again to start, or to move to the disk, if it could not.
    pub next_try: Option<Timestamp>,
}

/// What a place held at one moment.
struct Seen {
    upstream: Upstream,
    copy: Option<Arc<LocalCopy>>,
    used_at: Timestamp,
    in_memory_because: Option<String>,
    next_try: Option<Timestamp>,
}

impl Roster {
    /// Returns the states of all copies, in order of site and key.
    pub(in crate::mirror) fn states(&self) -> Vec<MirrorState> {
        let seen: Vec<Seen> = self.lock().iter().map(Seen::of).collect();
        let mut states: Vec<MirrorState> = seen.into_iter().map(|seen| self.state_of(seen)).collect();
        states.sort_by(|a, b| (&a.site, &a.key).cmp(&(&b.site, &b.key)));
        states
    }

    fn state_of(&self, seen: Seen) -> MirrorState {
        let copy = seen.copy.as_ref();
        MirrorState {
            site: seen.upstream.name().to_owned(),
            key: seen.upstream.key_name().unwrap_or_default(),
            way: self.way_of(&seen.upstream, copy),
            as_of: copy.and_then(|copy| copy.as_of()),
            used_at: seen.used_at,
            memory_bytes: copy.map_or(0, |copy| copy.weight_bytes()),
            in_memory_because: seen.in_memory_because,
            next_try: seen.next_try,
        }
    }
}

impl Seen {
    fn of(place: &Place) -> Self {
        Self {
            upstream: place.upstream.clone(),
            copy: place.copy.clone(),
            used_at: place.used_at,
            in_memory_because: place.in_memory_because.clone(),
            next_try: place.next_try,
        }
    }
}
