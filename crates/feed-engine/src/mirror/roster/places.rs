//! The places of copies: which upstreams have one, and which one makes room for another.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use misp_mirror::Clock;
use site_config::{Loaded, Mappings, Site, SiteName};
use tokio::sync::watch;

use crate::mirror::folder::Folder;
use crate::mirror::local_copy::LocalCopy;
use crate::mirror::settings::Settings;
use crate::shared_sets::age;
use crate::upstream::UpstreamId;
use crate::{DirectReason, Upstream};

/// A copy makes room for another key's only if it was not used for this long: keys that take turns must not make MISP
/// read whole again and again.
const UNUSED: Duration = Duration::from_secs(24 * 3_600);

/// So does a copy whose key MISP has refused for this long: most likely the user of MISP has got another one.
const REFUSED: Duration = Duration::from_secs(60);

/// The places, and what copies are made with.
#[derive(Default)]
pub(super) struct Places {
    pub(super) directory: Option<PathBuf>,
    /// The clock of mirrors, where it is not the system's.
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) folder: Option<Folder>,
    is_configured: bool,
    has_ended: bool,
    places: HashMap<UpstreamId, Place>,
}

/// The place of one copy. It stays until its keeper has ended.
pub(super) struct Place {
    pub(super) upstream: Upstream,
    settings: Settings,
    pub(super) used_at: Timestamp,
    pub(super) wish: watch::Sender<Wish>,
    pub(super) copy: Option<Arc<LocalCopy>>,
    /// Why there is no copy, once its keeper has tried.
    pub(super) refused: Option<DirectReason>,
    pub(super) in_memory_because: Option<String>,
    /// When the keeper tries again what did not succeed.
    pub(super) next_try: Option<Timestamp>,
}

/// What the keeper of a copy has to do.
#[derive(Clone)]
pub(super) enum Wish {
    /// Follow this upstream.
    Follow(Upstream, Box<Settings>),
    /// End, and delete the files if the copy has ended for good.
    End { forget: bool },
}

impl Places {
    pub(super) fn get(&self, id: &UpstreamId) -> Option<&Place> {
        self.places.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &UpstreamId) -> Option<&mut Place> {
        self.places.get_mut(id)
    }

    pub(super) fn contains(&self, id: &UpstreamId) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn insert(&mut self, id: UpstreamId, place: Place) {
        self.places.insert(id, place);
    }

    pub(super) fn remove(&mut self, id: &UpstreamId) {
        self.places.remove(id);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// Returns whether copies may begin: not before the configuration that says where their files are.
    pub(super) fn may_begin(&self) -> bool {
        let waits = self.directory.is_some() && !self.is_configured;
        !waits && !self.has_ended
    }

    pub(super) fn copies_of(&self, site: &SiteName) -> impl Iterator<Item = &Arc<LocalCopy>> {
        let of_site = self.places.values().filter(|place| place.upstream.site.name == *site);
        of_site.filter_map(|place| place.copy.as_ref())
    }

    /// Returns how many copies a site has.
    pub(super) fn count(&self, site: &Site) -> usize {
        self.of_site(site).count()
    }

    fn of_site(&self, site: &Site) -> impl Iterator<Item = (&UpstreamId, &Place)> {
        let name = site.name.clone();
        self.places
            .iter()
            .filter(move |(_, place)| place.upstream.site.name == name)
    }

    /// Returns why an upstream has no copy.
    pub(super) fn reason_without_copy(&self, upstream: &Upstream) -> DirectReason {
        match self.places.get(&upstream.id()) {
            Some(place) => place.refused.unwrap_or(DirectReason::Opening),
            None if self.replaceable(upstream).is_err() => DirectReason::TooManyKeys {
                limit: upstream.site.mirror_keys.get(),
            },
            None => DirectReason::NotUsed,
        }
    }

    /// Returns the copy that has to make room for one of this upstream: none while the site has a free place.
    ///
    /// # Errors
    /// When all of them were used lately, with keys that MISP takes.
    pub(super) fn replaceable(&self, upstream: &Upstream) -> Result<Option<UpstreamId>, ()> {
        let site = &upstream.site;
        if self.count(site) < site.mirror_keys.get() {
            return Ok(None);
        }
        let now = Timestamp::now();
        let now_of_mirrors = self.clock.as_ref().map_or(now, |clock| clock.now());
        let is_refused = |place: &Place| {
            let since = place.refused_since();
            since.is_some_and(|since| age(since, now_of_mirrors) >= REFUSED)
        };
        let oldest = |(_, place): &(&UpstreamId, &Place)| (!is_refused(place), place.used_at);
        let oldest = self.of_site(site).min_by_key(oldest);
        let unused = oldest.filter(|(_, place)| is_refused(place) || age(place.used_at, now) >= UNUSED);
        unused.map(|(id, _)| Some(id.clone())).ok_or(())
    }

    /// Wakes the keeper of a copy that could not go on; returns whether there is one.
    pub(super) fn try_again(&mut self, id: &UpstreamId) -> bool {
        let has_failed = |place: &&Place| place.refused.is_some_and(|reason| reason != DirectReason::Opening);
        let refused = self.places.get(id).filter(has_failed);
        refused.inspect(|place| place.wish.send_modify(|_| {})).is_some()
    }

    pub(super) fn end(&mut self, id: &UpstreamId, forget: bool) {
        if let Some(place) = self.places.get_mut(id) {
            place.copy = None;
            place.wish.send_replace(Wish::End { forget });
        }
    }

    /// Ends all copies, and lets none begin any more.
    pub(super) fn end_all(&mut self) {
        self.has_ended = true;
        let all: Vec<UpstreamId> = self.places.keys().cloned().collect();
        all.iter().for_each(|id| self.end(id, false));
    }

    /// Ends the copies of sites that are gone, and hands changed rules to the others.
    pub(super) fn take_rules(&mut self, folder: Option<Folder>, loaded: &Loaded) {
        (self.folder, self.is_configured) = (folder, true);
        let ids: Vec<UpstreamId> = self.places.keys().cloned().collect();
        for id in ids {
            let Some(place) = self.places.get_mut(&id) else {
                continue;
            };
            let name = &place.upstream.site.name;
            match loaded.sites.get(name) {
                Some(site) if site.mirror && site.enabled => place.take_rules(site, &loaded.mappings),
                Some(site) => {
                    let forget = !site.mirror;
                    self.end(&id, forget);
                }
                None if loaded.disabled.iter().any(|disabled| disabled.name == name.as_str()) => {}
                None => self.end(&id, true),
            }
        }
        for site in loaded.sites.values() {
            self.end_surplus(site);
        }
    }

    /// Ends the copies beyond `mirror_keys`, the least recently used ones.
    fn end_surplus(&mut self, site: &Site) {
        let mut of_site: Vec<(Timestamp, UpstreamId)> = self
            .of_site(site)
            .map(|(id, place)| (place.used_at, id.clone()))
            .collect();
        of_site.sort_by_key(|(used_at, _)| std::cmp::Reverse(*used_at));
        for (_, id) in of_site.split_off(of_site.len().min(site.mirror_keys.get())) {
            self.end(&id, true);
        }
    }
}

impl Place {
    pub(super) fn new(upstream: Upstream, settings: Settings, used_at: Timestamp, wish: watch::Sender<Wish>) -> Self {
        Self {
            upstream,
            settings,
            used_at,
            wish,
            copy: None,
            refused: None,
            in_memory_because: None,
            next_try: None,
        }
    }

    /// Returns since when MISP refuses the key of the copy.
    fn refused_since(&self) -> Option<Timestamp> {
        self.copy.as_ref()?.mirror.status().refused_since
    }

    fn take_rules(&mut self, site: &Arc<Site>, mappings: &Arc<Mappings>) {
        self.upstream = self.upstream.with_rules(Arc::clone(site), Arc::clone(mappings));
        let settings = Settings::of(&self.upstream);
        let is_ending = matches!(*self.wish.borrow(), Wish::End { .. });
        if settings != self.settings || is_ending {
            self.settings = settings.clone();
            let wish = Wish::Follow(self.upstream.clone(), Box::new(settings));
            self.wish.send_replace(wish);
        }
    }
}
