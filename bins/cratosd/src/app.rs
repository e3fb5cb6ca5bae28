//! What every request needs: the configuration in force, the keys derived from it, and the engine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use cache::StoreError;
use feed_engine::{FeedEngine, MispSource};
use secrecy::{ExposeSecret as _, SecretString};
use site_config::{ConfigStore, Core, Loaded, Problem};
use token_crypto::{KeyError, KeyRing, KeyRingBuilder, LegacyDerivation};
use tokio::sync::watch;

use crate::access_log::AccessLog;
use crate::exit::chain;
use crate::feed_tags::MissingTags;
use crate::live::Links;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimit;
use crate::shared_cache;
use crate::sighting_desk::Desk;
use crate::streams::Streams;
use crate::throttle::Throttle;
use crate::tls::Tls;

/// How long a request with a legacy token waits for the key of these, which takes some tenths of a second on a machine that is not busy.
const LEGACY_KEY_PATIENCE: Duration = Duration::from_secs(20);

/// The daemon without its sockets: give it to [`server::serve`](crate::server::serve).
#[derive(Debug)]
pub struct App {
    config: Arc<ConfigStore>,
    engine: FeedEngine,
    misp: Arc<MispSource>,
    snapshot: ArcSwap<Snapshot>,
    /// Told when another snapshot or the key of legacy tokens is there.
    changes: watch::Sender<()>,
    /// Set while new keys are being derived.
    deriving: AtomicBool,
    /// The configuration whose keys were no good, so that they are not tried again for every request.
    refused: ArcSwapOption<Loaded>,
    minting: RateLimit,
    throttle: Throttle,
    metrics: Metrics,
    access_log: OnceLock<AccessLog>,
    streams: Streams,
    links: Links,
    tls: Option<Tls>,
    sightings: Desk,
    missing_tags: MissingTags,
}

/// One state of the configuration with its keys. A request takes one and keeps it, so that it never sees half of a reload.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) ring: Arc<KeyRing>,
}

/// Why the daemon cannot start with a configuration that was read without problems.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The configured keys make no key ring.
    #[error("the encryption keys cannot be used")]
    Keys(#[source] KeyError),
    /// The configured cache cannot be used whatever it answers.
    #[error("the shared cache cannot be used")]
    SharedCache(#[source] StoreError),
    /// The files that `tls` names cannot be used; one problem or more.
    #[error("the files for TLS cannot be used")]
    Tls(Vec<Problem>),
}

impl App {
    /// Returns the daemon for this configuration and engine.
    ///
    /// `misp` makes the clients for what is no feed (`/v1/check`, making tokens). Give the engine the same one, and each MISP gets one
    /// pool of connections.
    ///
    /// Lets the engine share feeds through the cache that the configuration names.
    ///
    /// The keys of legacy tokens are slow to derive and come from a thread of their own: new tokens are answered at once, and a request
    /// with a legacy token waits for them. Later changes of `config` are taken over by themselves, the keys and the cache too.
    ///
    /// # Errors
    /// [`AppError::Keys`] for keys or a salt that no ring can be made of, [`AppError::SharedCache`] for authorities that cannot be read,
    /// [`AppError::Tls`] for a certificate that cannot be shown.
    pub fn new(config: Arc<ConfigStore>, engine: FeedEngine, misp: Arc<MispSource>) -> Result<Arc<Self>, AppError> {
        let loaded = config.current();
        let core_file = &config.paths().config;
        let tls = loaded.core.tls.as_ref().map(|tls| Tls::open(core_file, tls));
        let tls = tls.transpose().map_err(AppError::Tls)?;
        let (ring, legacy) = builder(&loaded.core).build_in_two(None).map_err(AppError::Keys)?;
        let ring = Arc::new(ring);
        share(&engine, &loaded.core, None)?;
        let changes = watch::Sender::new(());
        let told = changes.clone();
        config.on_applied(move || told.send_replace(()));
        derive_aside(legacy, changes.clone());
        Ok(Arc::new(Self {
            config,
            changes,
            engine,
            misp,
            snapshot: ArcSwap::from_pointee(Snapshot { loaded, ring }),
            deriving: AtomicBool::new(false),
            refused: ArcSwapOption::empty(),
            minting: RateLimit::default(),
            throttle: Throttle::default(),
            metrics: Metrics::default(),
            access_log: OnceLock::new(),
            streams: Streams::default(),
            links: Links::default(),
            tls,
            sightings: Desk::default(),
            missing_tags: MissingTags::default(),
        }))
    }

    /// Writes the access log from now on, where the core file names one. Until then there is none.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub fn start_access_log(&self) -> std::io::Result<()> {
        let log = AccessLog::start(self.config.current().core.access_log.clone())?;
        // A second one would write the same lines.
        let _ = self.access_log.set(log);
        Ok(())
    }

    /// Opens the file of the access log anew, as the configuration in force says: it may have been moved away.
    pub fn reopen_access_log(&self) {
        if let Some(log) = self.access_log.get() {
            log.reopen(self.config.current().core.access_log.clone());
        }
    }

    /// Waits a moment for the access log to be written; blocks.
    pub fn flush_access_log(&self) {
        if let Some(log) = self.access_log.get() {
            log.flush();
        }
    }

    /// Returns where answers are noted.
    pub(crate) fn access_log(&self) -> Option<&AccessLog> {
        self.access_log.get()
    }

    /// Returns the state that a request shall work with.
    ///
    /// After a change of the files that is the new one at once; where the keys or the shared cache have changed, the old one
    /// until the new keys are derived in the background.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Arc<Snapshot> {
        let loaded = self.config.current();
        let known = self.snapshot.load_full();
        if Arc::ptr_eq(&loaded, &known.loaded) {
            return known;
        }
        if same_keys(&loaded.core, &known.loaded.core) && shared_cache::is_same(&loaded.core, &known.loaded.core) {
            let fresh = Arc::new(Snapshot {
                loaded,
                ring: Arc::clone(&known.ring),
            });
            self.snapshot.store(Arc::clone(&fresh));
            return fresh;
        }
        let is_refused = self
            .refused
            .load()
            .as_ref()
            .is_some_and(|refused| Arc::ptr_eq(refused, &loaded));
        if !is_refused && !self.deriving.swap(true, Ordering::AcqRel) {
            let app = Arc::clone(self);
            tokio::task::spawn_blocking(move || app.take_over(loaded));
        }
        known
    }

    fn take_over(&self, loaded: Arc<Loaded>) {
        let before = self.snapshot.load_full();
        let sharing = |rings| share(&self.engine, &loaded.core, Some(&before.loaded.core)).map(|()| rings);
        let rings = self.rings_after(&loaded.core, &before).map_err(AppError::Keys);
        match rings.and_then(sharing) {
            Ok((ring, legacy)) => {
                self.sightings.use_keys(&loaded.core);
                tell_of_lost_tokens(&before.loaded.core, &loaded.core);
                self.snapshot.store(Arc::new(Snapshot { loaded, ring }));
                self.changes.send_replace(());
                if let Some(legacy) = legacy {
                    legacy.derive();
                }
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "the old configuration stays in force");
                self.refused.store(Some(loaded));
            }
        }
        self.deriving.store(false, Ordering::Release);
        // Also where files changed once more meanwhile: who is told asks for the snapshot again.
        self.changes.send_replace(());
    }

    /// Returns the keys of a new core file: those that are known where they stay the same, and what is left to derive otherwise.
    fn rings_after(
        &self,
        core: &Core,
        before: &Snapshot,
    ) -> Result<(Arc<KeyRing>, Option<LegacyDerivation>), KeyError> {
        if same_keys(core, &before.loaded.core) {
            return Ok((Arc::clone(&before.ring), None));
        }
        let (ring, legacy) = builder(core).build_in_two(Some(&before.ring))?;
        Ok((Arc::new(ring), Some(legacy)))
    }

    /// Waits until the key of legacy tokens is there, if `token` looks like one of them: 20 s at most, and not at all at any time but
    /// the moment after a start. Returns whether the token can be opened now.
    pub(crate) async fn can_open(self: &Arc<Self>, token: &str) -> bool {
        if !self.snapshot().ring.awaits_legacy_key(token) {
            return true;
        }
        let mut changes = self.changes();
        let is_there = async {
            while self.snapshot().ring.awaits_legacy_key(token) {
                // It ends with the app, which is here.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(LEGACY_KEY_PATIENCE, is_there).await.is_ok()
    }

    /// Returns what is told of every change of the configuration in force.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Takes what every request takes, and returns when it has got it: a sign of life.
    pub(crate) fn touch(self: &Arc<Self>) {
        let _ = self.snapshot();
        let _ = self.engine.refreshes();
    }

    /// Returns what gives feeds.
    pub(crate) fn engine(&self) -> &FeedEngine {
        &self.engine
    }

    /// Returns what makes clients for the questions that are about no feed.
    pub(crate) fn misp(&self) -> &MispSource {
        &self.misp
    }

    /// Returns the configuration files: those in force, and what is wrong with newer ones.
    pub(crate) fn config(&self) -> &ConfigStore {
        &self.config
    }

    /// Returns what is counted while requests are answered.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the answers that have no end of their own.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Returns the links to what each MISP publishes by itself.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Returns what callers are shown; nothing where TLS is not spoken.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns where reports of sightings are taken.
    pub(crate) fn sightings(&self) -> &Desk {
        &self.sightings
    }

    /// Returns the feeds that are empty since MISP does not have their tag.
    pub(crate) fn missing_tags(&self) -> &MissingTags {
        &self.missing_tags
    }

    /// Returns who may have how many tokens made.
    pub(crate) fn minting(&self) -> &RateLimit {
        &self.minting
    }

    /// Returns where failures are counted.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

/// Lets the engine share feeds through the cache of this core file. Where it names none, only what the one before named ends.
fn share(engine: &FeedEngine, core: &Core, before: Option<&Core>) -> Result<(), AppError> {
    let cache = shared_cache::open(core).map_err(AppError::SharedCache)?;
    if let Some(cache) = &cache {
        tracing::info!(store = cache.place(), "feeds are shared through a cache");
    }
    if cache.is_some() || before.is_some_and(|before| before.cache.is_some()) {
        engine.share_through(cache);
    }
    Ok(())
}

/// Derives the keys that seal and open tokens from those of the core file. With legacy tokens accepted this takes a moment: their key
/// is slow to derive by design.
pub(crate) fn key_ring(core: &Core) -> Result<KeyRing, KeyError> {
    builder(core).build()
}

fn builder(core: &Core) -> KeyRingBuilder {
    let builder = KeyRing::builder(&core.salt).legacy(core.accept_legacy_tokens);
    let keys = core.encryption_keys.iter().cloned();
    keys.fold(builder, KeyRingBuilder::key)
}

/// Derives the key of legacy tokens in a thread of its own, or here and now where the system gives none.
fn derive_aside(legacy: LegacyDerivation, changes: watch::Sender<()>) {
    let waiting = Arc::new(Mutex::new(Some(legacy)));
    let theirs = Arc::clone(&waiting);
    let derive = move || {
        let legacy = theirs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(legacy) = legacy {
            legacy.derive();
        }
        changes.send_replace(());
    };
    let thread = std::thread::Builder::new().name("legacy-key".to_owned()).spawn(derive);
    if thread.is_err()
        && let Some(legacy) = waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        legacy.derive();
    }
}

/// Says which tokens a change of the secrets ends. Nothing says it later: they are refused like tokens of another installation.
fn tell_of_lost_tokens(before: &Core, now: &Core) {
    let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
    if !same(&before.salt, &now.salt) {
        tracing::warn!(
            "`salt` has changed: no token that was made before works any more; put the old salt back, or make new tokens"
        );
        return;
    }
    let is_gone = |old: &&SecretString| !now.encryption_keys.iter().any(|key| same(key, old));
    let gone = before.encryption_keys.iter().filter(is_gone).count();
    if gone > 0 {
        tracing::warn!(
            gone,
            "an encryption key has gone from the core file: tokens that were made with it do not work any more; keep it as a later entry \
             of `encryption_keys` until every device has a new token"
        );
    }
    if before.accept_legacy_tokens && !now.accept_legacy_tokens {
        tracing::warn!("`accept_legacy_tokens` is off now: tokens of Cratos FastAPI do not work any more");
    }
}

fn same_keys(a: &Core, b: &Core) -> bool {
    let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
    a.accept_legacy_tokens == b.accept_legacy_tokens
        && same(&a.salt, &b.salt)
        && a.encryption_keys.len() == b.encryption_keys.len()
        && a.encryption_keys
            .iter()
            .zip(&b.encryption_keys)
            .all(|(a, b)| same(a, b))
}
