//! What keepers report to the roster, and ask of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Roster;
use super::places::{Place, Wish};
use crate::mirror::folder::Folder;
use crate::mirror::local_copy::LocalCopy;
use crate::shared_sets::age;
use crate::upstream::UpstreamId;
use crate::{ChangeHint, DirectReason, Upstream};

impl Roster {
    pub(super) fn folder(&self) -> Option<Folder> {
        self.lock().folder.clone()
    }

    /// Returns when a copy was last used, or nothing if it has no place any more.
    pub(super) fn used_at(&self, id: &UpstreamId) -> Option<Timestamp> {
        Some(self.lock().get(id)?.used_at)
    }

    /// Ends a copy that was not used for `mirror_idle`.
    pub(super) fn end_idle(&self, id: &UpstreamId) {
        let mut places = self.lock();
        let is_idle = |place: &Place| age(place.used_at, Timestamp::now()) >= place.upstream.site.mirror_idle;
        if places.get(id).is_some_and(is_idle) {
            places.end(id, true);
        }
    }

    /// Puts a copy in its place.
    pub(super) fn put(&self, id: &UpstreamId, copy: Arc<LocalCopy>) {
        self.change(id, |place| {
            (place.copy, place.refused, place.next_try) = (Some(copy), None, None);
        });
    }

    /// Says why a copy is in memory only, and when its keeper tries the disk again.
    pub(super) fn put_memory(&self, id: &UpstreamId, why: Option<String>, next_try: Option<Timestamp>) {
        if let Some(why) = &why {
            self.way_log.warn_of_memory(why);
        }
        self.change(id, |place| {
            (place.in_memory_because, place.next_try) = (why, next_try);
        });
    }

    /// Takes a copy out of its place, and says why and when its keeper begins another one.
    pub(super) fn take_away(&self, id: &UpstreamId, reason: DirectReason, next_try: Option<Timestamp>) {
        self.change(id, |place| {
            (place.copy, place.refused) = (None, Some(reason));
            (place.in_memory_because, place.next_try) = (None, next_try);
        });
    }

    fn change(&self, id: &UpstreamId, change: impl FnOnce(&mut Place)) {
        if let Some(place) = self.lock().get_mut(id) {
            change(place);
        }
        self.copies.send_replace(());
    }

    /// Frees a place whose keeper has ended, unless it is wanted again meanwhile.
    pub(super) fn free(&self, id: &UpstreamId) -> bool {
        let mut places = self.lock();
        let has_ended = |place: &Place| matches!(*place.wish.borrow(), Wish::End { .. });
        let is_free = places.get(id).is_none_or(has_ended);
        if is_free {
            places.remove(id);
        }
        is_free
    }

    /// Logs the way of an upstream when it has changed.
    pub(super) fn note_way(&self, upstream: &Upstream, copy: &LocalCopy) {
        self.way_log.note(upstream, &copy.way());
    }

    /// Announces a change to all listeners.
    pub(super) fn announce(&self, upstream: &Upstream, changed: &ChangeHint) {
        let listeners = self.listeners().clone();
        listeners
            .iter()
            .for_each(|listener| listener.announce(upstream, changed.clone()));
    }
}
