//! The upstreams with a copy: at most `mirror_keys` of one site, those that were used most recently.

mod backoff;
mod configuration;
mod disk;
mod disk_tries;
mod keeper;
mod mirror_state;
mod places;
mod reports;
mod tries;
mod way_log;
mod withdrawn_events;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use misp_mirror::{Clock, SystemClock};
use site_config::SiteName;
use tokio::sync::watch;
use tokio::time::timeout;

pub use self::mirror_state::MirrorState;

use self::places::{Place, Places, Wish};
use self::way_log::WayLog;
use super::local_copy::LocalCopy;
use super::settings::Settings;
use super::shared_peers::SharedPlace;
use crate::{ChangeListener, DirectReason, MispSource, Upstream, Way};

/// How long a question waits for a copy that opens its files.
const OPENING: Duration = Duration::from_secs(5);

/// All copies, and what they are kept with.
pub(super) struct Roster {
    pub(super) misp: Arc<MispSource>,
    places: Mutex<Places>,
    way_log: WayLog,
    listeners: Mutex<Vec<ChangeListener>>,
    shared_place: Arc<SharedPlace>,
    /// Says when a place got another copy.
    copies: watch::Sender<()>,
}

impl Roster {
    pub(super) fn new(misp: Arc<MispSource>) -> Self {
        Self {
            misp,
            places: Mutex::default(),
            way_log: WayLog::default(),
            listeners: Mutex::default(),
            shared_place: Arc::default(),
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
    pub(super) fn shared_place(&self) -> Arc<SharedPlace> {
        Arc::clone(&self.shared_place)
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
            let mut places = self.lock();
            let place = places.get_mut(&upstream.id());
            place.and_then(|place| {
                place.used_at = Timestamp::now();
                place.copy.clone()
            })
        };
        let way = self.way_of(upstream, known.as_ref());
        self.way_log.note(upstream, &way);
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
        self.lock().get(&upstream.id())?.copy.clone()
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
            None => Way::direct(self.lock().reason_without_copy(upstream)),
        }
    }

    /// Begins a copy of an upstream that MISP has just answered, if the site may have one and there is a place.
    pub(super) fn begin(self: &Arc<Self>, upstream: &Upstream) {
        if !upstream.site.mirror || upstream.misp_address().is_none() {
            return;
        }
        let mut places = self.lock();
        if !places.may_begin() || places.contains(&upstream.id()) {
            return;
        }
        match places.replaceable(upstream) {
            Ok(None) => self.add(&mut places, upstream.clone(), Timestamp::now()),
            // The place is free when its keeper has ended: for the next answer.
            Ok(Some(oldest)) => places.end(&oldest, true),
            Err(()) => {}
        }
    }

    fn add(self: &Arc<Self>, places: &mut Places, upstream: Upstream, used_at: Timestamp) {
        let (id, settings) = (upstream.id(), Settings::of(&upstream));
        let (wish, wishes) = watch::channel(Wish::Follow(upstream.clone(), Box::new(settings.clone())));
        match self.misp.spawn(keeper::keep(Arc::clone(self), id.clone(), wishes)) {
            Ok(()) => places.insert(id, Place::new(upstream, settings, used_at, wish)),
            Err(error) => tracing::error!(error = error.chain(), "a mirror cannot begin"),
        }
    }

    /// Makes the copies of a site look at MISP now.
    pub(super) fn hint(&self, site: &SiteName) {
        for copy in self.lock().copies_of(site) {
            copy.mirror.hint();
        }
    }

    /// Has the copy of an upstream read every event again; one that could not go on begins again now.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn resync(&self, upstream: &Upstream) -> Result<(), DirectReason> {
        if let Some(copy) = self.known_copy(upstream) {
            copy.mirror.resync();
            return Ok(());
        }
        if self.lock().try_again(&upstream.id()) {
            return Ok(());
        }
        Err(self.way(upstream).reason().unwrap_or(DirectReason::NotUsed))
    }

    /// Ends the copy of an upstream and deletes its files. The next answer of MISP begins another one.
    pub(super) fn forget(&self, upstream: &Upstream) -> bool {
        let mut places = self.lock();
        let is_known = places.contains(&upstream.id());
        places.end(&upstream.id(), true);
        is_known
    }

    /// Ends all copies; their files stay.
    pub(super) fn end(&self) {
        self.lock().end_all();
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<ChangeListener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
