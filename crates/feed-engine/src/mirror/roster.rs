//! The upstreams with a copy: at most `mirror_keys` of one site, those that were used most recently.

mod keeper;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use misp_mirror::{Clock, SystemClock};
use site_config::{Loaded, Mappings, Site, SiteName};
use tokio::sync::watch;
use tokio::time::timeout;

use super::folder::{Folder, Name, ReadError};
use super::keys::MirrorKeys;
use super::local_copy::LocalCopy;
use super::registration::Registration;
use super::settings::Settings;
use super::shared_peers::SharedPlace;
use crate::shared_sets::age;
use crate::upstream::UpstreamId;
use crate::{ChangeHint, ChangeListener, DirectReason, MispSource, Upstream, Way};

/// A copy makes room for another key's only if it was not used for this long: keys that take turns must not make MISP
/// read whole again and again.
const UNUSED: Duration = Duration::from_secs(24 * 3_600);

/// How long a question waits for a copy that opens its files.
const OPENING: Duration = Duration::from_secs(5);

/// Upstreams whose way was logged; above this number all are logged again.
const MAX_TOLD: usize = 4_096;

/// The state of one mirror, as [`MirrorSource::states`](super::MirrorSource::states) returns it.
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
}

/// All copies, and what they are kept with.
pub(super) struct Roster {
    pub(super) misp: Arc<MispSource>,
    state: Mutex<State>,
    listeners: Mutex<Vec<ChangeListener>>,
    place: Arc<SharedPlace>,
    /// Says when a place got another copy.
    copies: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    directory: Option<PathBuf>,
    /// The clock of mirrors, where it is not the system's.
    clock: Option<Arc<dyn Clock>>,
    folder: Option<Folder>,
    is_configured: bool,
    has_ended: bool,
    places: HashMap<UpstreamId, Place>,
    told: HashMap<UpstreamId, Told>,
    /// What was warned of once.
    warned: HashSet<String>,
}

/// The place of one copy. It stays until its keeper has ended.
struct Place {
    upstream: Upstream,
    settings: Settings,
    used_at: Timestamp,
    wish: watch::Sender<Wish>,
    copy: Option<Arc<LocalCopy>>,
    /// Why there is no copy, once its keeper has tried.
    refused: Option<DirectReason>,
    in_memory_because: Option<String>,
}

/// What a place held at one moment.
struct Seen {
    upstream: Upstream,
    copy: Option<Arc<LocalCopy>>,
    used_at: Timestamp,
    in_memory_because: Option<String>,
}

impl Seen {
    fn of(place: &Place) -> Self {
        Self {
            upstream: place.upstream.clone(),
            copy: place.copy.clone(),
            used_at: place.used_at,
            in_memory_because: place.in_memory_because.clone(),
        }
    }
}

/// What the keeper of a copy has to do.
#[derive(Clone)]
pub(super) enum Wish {
    /// Follow this upstream.
    Follow(Upstream, Box<Settings>),
    /// End, and delete the files if the copy has ended for good.
    End { forget: bool },
}

/// The way of an upstream as the log last had it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Told {
    reason: Option<&'static str>,
    is_failing: bool,
}

impl Roster {
    pub(super) fn new(misp: Arc<MispSource>) -> Self {
        Self {
            misp,
            state: Mutex::default(),
            listeners: Mutex::default(),
            place: Arc::default(),
            copies: watch::Sender::new(()),
        }
    }

    /// Sets the directory of files. From now on copies begin with the first configuration.
    pub(super) fn use_directory(&self, directory: PathBuf) {
        self.lock().directory = Some(directory);
    }

    /// Sets the clock of the mirrors that begin from now on.
    pub(super) fn use_clock(&self, clock: Arc<dyn Clock>) {
        self.lock().clock = Some(clock);
    }

    /// Returns the clock of mirrors.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.lock().clock.clone().unwrap_or_else(|| Arc::new(SystemClock))
    }

    /// Returns the cache through which mirrors of several daemons share the work.
    pub(super) fn place(&self) -> Arc<SharedPlace> {
        Arc::clone(&self.place)
    }

    /// Adds a listener of changes.
    pub(super) fn watch(&self, listener: ChangeListener) {
        self.listeners().push(listener);
    }

    /// Returns the copy that answers questions of this upstream, and notes that it is used.
    ///
    /// # Errors
    /// The reason why none does.
    pub(super) fn copy(&self, upstream: &Upstream) -> Result<Arc<LocalCopy>, DirectReason> {
        let known = {
            let mut state = self.lock();
            let place = state.places.get_mut(&upstream.id());
            place.and_then(|place| {
                place.used_at = Timestamp::now();
                place.copy.clone()
            })
        };
        let way = self.way_of(upstream, known.as_ref());
        self.tell(upstream, &way);
        match (known, way) {
            (Some(copy), Way::Mirror(_)) => Ok(copy),
            (_, way) => Err(way.reason().unwrap_or(DirectReason::NotUsed)),
        }
    }

    /// Returns the copy that answers questions of this upstream; waits for one that opens its files, up to
    /// [`OPENING`].
    pub(super) async fn opened(&self, upstream: &Upstream) -> Option<Arc<LocalCopy>> {
        let opening = |reason| matches!(reason, DirectReason::Opening);
        timeout(OPENING, self.copy_while(upstream, opening)).await.ok()?
    }

    /// Returns the copy that answers questions of this upstream, as soon as there is one.
    pub(super) async fn ready(&self, upstream: &Upstream) -> Arc<LocalCopy> {
        match self.copy_while(upstream, |_| true).await {
            Some(copy) => copy,
            None => std::future::pending().await,
        }
    }

    async fn copy_while(&self, upstream: &Upstream, waits: impl Fn(DirectReason) -> bool) -> Option<Arc<LocalCopy>> {
        loop {
            let mut copies = self.copies.subscribe();
            let changes = self.known_copy(upstream).map(|copy| copy.way_changes());
            match self.copy(upstream) {
                Ok(copy) => return Some(copy),
                Err(reason) if waits(reason) => {}
                Err(_) => return None,
            }
            let changes = async {
                match changes {
                    Some(changes) => changes.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = copies.changed() => {}
                () = changes => {}
            }
        }
    }

    /// Returns the way of questions of this upstream.
    pub(super) fn way(&self, upstream: &Upstream) -> Way {
        let known = self.known_copy(upstream);
        self.way_of(upstream, known.as_ref())
    }

    /// Returns the copy of an upstream, complete or not.
    pub(super) fn known_copy(&self, upstream: &Upstream) -> Option<Arc<LocalCopy>> {
        self.lock().places.get(&upstream.id())?.copy.clone()
    }

    fn way_of(&self, upstream: &Upstream, copy: Option<&Arc<LocalCopy>>) -> Way {
        if upstream.misp_address().is_none() {
            return Way::direct(DirectReason::NoMirrors);
        }
        if !upstream.site.mirror {
            return Way::direct(DirectReason::Off);
        }
        match copy {
            Some(copy) if copy.serves(upstream) => copy.way(),
            // A reload changed the rules just now.
            Some(copy) => Way::Direct {
                reason: DirectReason::Opening,
                mirror: Some(copy.mirror.status()),
            },
            None => Way::direct(self.without_copy(upstream)),
        }
    }

    fn without_copy(&self, upstream: &Upstream) -> DirectReason {
        let state = self.lock();
        match state.places.get(&upstream.id()) {
            Some(place) => place.refused.unwrap_or(DirectReason::Opening),
            None if state.replaceable(upstream).is_err() => DirectReason::TooManyKeys {
                limit: upstream.site.mirror_keys.get(),
            },
            None => DirectReason::NotUsed,
        }
    }

    /// Begins a copy of an upstream that MISP has just answered, if the site may have one and there is a place.
    pub(super) fn begin(self: &Arc<Self>, upstream: &Upstream) {
        if !upstream.site.mirror || upstream.misp_address().is_none() {
            return;
        }
        let mut state = self.lock();
        let waits = state.directory.is_some() && !state.is_configured;
        if waits || state.has_ended || state.places.contains_key(&upstream.id()) {
            return;
        }
        match state.replaceable(upstream) {
            Ok(None) => self.add(&mut state, upstream.clone(), Timestamp::now()),
            // The place is free when its keeper has ended: for the next answer.
            Ok(Some(oldest)) => state.end(&oldest, true),
            Err(()) => {}
        }
    }

    fn add(self: &Arc<Self>, state: &mut State, upstream: Upstream, used_at: Timestamp) {
        let (id, settings) = (upstream.id(), Settings::of(&upstream));
        let (wish, wishes) = watch::channel(Wish::Follow(upstream.clone(), Box::new(settings.clone())));
        if let Err(error) = self.misp.spawn(keeper::keep(Arc::clone(self), id.clone(), wishes)) {
            tracing::error!(error = error.chain(), "a mirror cannot begin");
            return;
        }
        let place = Place {
            upstream,
            settings,
            used_at,
            wish,
            copy: None,
            refused: None,
            in_memory_because: None,
        };
        state.places.insert(id, place);
    }

    /// Takes over a configuration: begins the copies that lie on disk, ends those of sites that are gone, and hands
    /// changed rules to the others. It blocks.
    pub(super) fn configure(self: &Arc<Self>, loaded: &Loaded, keys: Option<MirrorKeys>) {
        let directory = self.lock().directory.clone();
        let folder = directory.zip(keys).map(|(path, keys)| Folder::new(path, keys));
        let found = folder.as_ref().map(Folder::registrations).unwrap_or_default();
        let mut state = self.lock();
        (state.folder, state.is_configured) = (folder.clone(), true);
        state.take_rules(loaded);
        let mut waiting: BTreeMap<String, Vec<(Name, Registration)>> = BTreeMap::new();
        for (name, entry) in found {
            match entry {
                Ok(entry) => waiting.entry(entry.site.clone()).or_default().push((name, entry)),
                Err(error) => state.warn_once(&error),
            }
        }
        for (site, mut entries) in waiting {
            entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.used_at));
            for (name, entry) in entries {
                let stays = self.begin_from_disk(&mut state, loaded, &site, &entry);
                if let (false, Some(folder)) = (stays, &folder) {
                    folder.remove(&name);
                }
            }
        }
    }

    /// Begins the copy of a registration, and returns whether its files stay.
    fn begin_from_disk(self: &Arc<Self>, state: &mut State, loaded: &Loaded, name: &str, entry: &Registration) -> bool {
        let Some(site) = name.parse().ok().and_then(|name: SiteName| loaded.sites.get(&name)) else {
            // The file of the site cannot be used just now, or it is gone.
            return loaded.disabled.iter().any(|disabled| disabled.name == name);
        };
        let used_at = Timestamp::from_second(entry.used_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let upstream = Upstream::new(
            Arc::clone(site),
            Arc::clone(&loaded.mappings),
            entry.protocol,
            entry.port,
            entry.auth_key.clone(),
        );
        if state.places.contains_key(&upstream.id()) {
            return true;
        }
        let is_idle = age(used_at, Timestamp::now()) >= site.mirror_idle;
        if site.mirror && !is_idle && !site.enabled {
            return true;
        }
        let is_wanted = site.mirror && !is_idle && state.of_site(site).count() < site.mirror_keys.get();
        if is_wanted {
            self.add(state, upstream, used_at);
        }
        is_wanted
    }

    /// Returns the states of all copies, in order of site and key.
    pub(super) fn states(&self) -> Vec<MirrorState> {
        let seen: Vec<Seen> = self.lock().places.values().map(Seen::of).collect();
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
        }
    }

    /// Makes the copies of a site look at MISP now.
    pub(super) fn hint(&self, site: &SiteName) {
        let state = self.lock();
        let of_site = state.places.values().filter(|place| place.upstream.site.name == *site);
        for copy in of_site.filter_map(|place| place.copy.as_ref()) {
            copy.mirror.hint();
        }
    }

    /// Ends the copy of an upstream and deletes its files. The next answer of MISP begins another one.
    pub(super) fn forget(&self, upstream: &Upstream) -> bool {
        let mut state = self.lock();
        let is_known = state.places.contains_key(&upstream.id());
        state.end(&upstream.id(), true);
        is_known
    }

    /// Ends all copies; their files stay.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        let all: Vec<UpstreamId> = state.places.keys().cloned().collect();
        all.iter().for_each(|id| state.end(id, false));
    }
}

/// What keepers report and ask.
impl Roster {
    pub(super) fn folder(&self) -> Option<Folder> {
        self.lock().folder.clone()
    }

    /// Returns when a copy was last used, or nothing if it has no place any more.
    pub(super) fn used_at(&self, id: &UpstreamId) -> Option<Timestamp> {
        Some(self.lock().places.get(id)?.used_at)
    }

    /// Ends a copy that was not used for `mirror_idle`.
    pub(super) fn end_idle(&self, id: &UpstreamId) {
        let mut state = self.lock();
        let is_idle = |place: &Place| age(place.used_at, Timestamp::now()) >= place.upstream.site.mirror_idle;
        if state.places.get(id).is_some_and(is_idle) {
            state.end(id, true);
        }
    }

    /// Puts the copy in its place, or says why there is none.
    pub(super) fn put(&self, id: &UpstreamId, copy: Result<Arc<LocalCopy>, DirectReason>, in_memory: Option<String>) {
        let mut state = self.lock();
        if let Some(place) = state.places.get_mut(id) {
            (place.copy, place.refused) = match copy {
                Ok(copy) => (Some(copy), None),
                Err(reason) => (None, Some(reason)),
            };
            place.in_memory_because = in_memory;
        }
        drop(state);
        self.copies.send_replace(());
    }

    /// Frees a place whose keeper has ended, unless it is wanted again meanwhile.
    pub(super) fn free(&self, id: &UpstreamId) -> bool {
        let mut state = self.lock();
        let has_ended = |place: &Place| matches!(*place.wish.borrow(), Wish::End { .. });
        let is_free = state.places.get(id).is_none_or(has_ended);
        if is_free {
            state.places.remove(id);
        }
        is_free
    }

    /// Announces a change to all listeners.
    pub(super) fn announce(&self, upstream: &Upstream, changed: &ChangeHint) {
        let listeners = self.listeners().clone();
        listeners
            .iter()
            .for_each(|listener| listener.announce(upstream, changed.clone()));
    }

    /// Warns once, while the process lives, that mirrors are not on disk.
    pub(super) fn warn_of_memory(&self, why: &str) {
        if self.lock().warned.insert(why.to_owned()) {
            tracing::warn!(
                why,
                "a mirror is kept in memory only: after a restart it is read from MISP again"
            );
        }
    }

    /// Logs the way of an upstream when it has changed.
    pub(super) fn tell(&self, upstream: &Upstream, way: &Way) {
        let failing = way.mirror().and_then(|status| status.failing.as_ref());
        let now = Told {
            reason: way.reason().map(DirectReason::as_str),
            is_failing: failing.is_some(),
        };
        let before = {
            let mut state = self.lock();
            if state.told.len() >= MAX_TOLD {
                state.told.clear();
            }
            state.told.insert(upstream.id(), now)
        };
        if before == Some(now) || upstream.misp_address().is_none() {
            return;
        }
        let (site, key) = (upstream.name(), upstream.key_name().unwrap_or_default());
        match (way.reason(), failing) {
            (reason, Some((since, error))) => {
                let serves = reason.is_none();
                tracing::warn!(site, key, %since, error, serves, "the mirror cannot ask MISP");
            }
            (None, None) => {
                let (events, rows) = way.mirror().map_or((0, 0), |status| (status.events, status.rows));
                tracing::info!(site, key, events, rows, "feeds are answered from the mirror of MISP");
            }
            (Some(DirectReason::NotUsed), None) => {}
            (Some(reason), None) => tracing::info!(site, key, %reason, "each feed is a question to MISP"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<ChangeListener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of_site(&self, site: &Site) -> impl Iterator<Item = (&UpstreamId, &Place)> {
        let name = site.name.clone();
        self.places
            .iter()
            .filter(move |(_, place)| place.upstream.site.name == name)
    }

    /// Returns the copy that has to make room for one of this upstream: none while the site has a free place.
    ///
    /// # Errors
    /// When all of them were used lately.
    fn replaceable(&self, upstream: &Upstream) -> Result<Option<UpstreamId>, ()> {
        let site = &upstream.site;
        if self.of_site(site).count() < site.mirror_keys.get() {
            return Ok(None);
        }
        let oldest = self.of_site(site).min_by_key(|(_, place)| place.used_at);
        let unused = oldest.filter(|(_, place)| age(place.used_at, Timestamp::now()) >= UNUSED);
        unused.map(|(id, _)| Some(id.clone())).ok_or(())
    }

    fn end(&mut self, id: &UpstreamId, forget: bool) {
        if let Some(place) = self.places.get_mut(id) {
            place.copy = None;
            place.wish.send_replace(Wish::End { forget });
        }
    }

    /// Ends the copies of sites that are gone, and hands changed rules to the others.
    fn take_rules(&mut self, loaded: &Loaded) {
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

    fn warn_once(&mut self, error: &ReadError) {
        let why = service_kit::chain(error);
        if self.warned.insert(why.clone()) {
            tracing::error!(why, "a mirror on disk cannot be used");
        }
    }
}

impl Place {
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
