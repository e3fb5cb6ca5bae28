//! The configuration in force and the keys that are derived from it. It knows nothing of requests, feeds or MISP.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use secrecy::{ExposeSecret as _, SecretString};
use site_config::{ConfigStore, Core, Loaded};
use token_crypto::{KeyError, KeyRing, KeyRingBuilder, LegacyDerivation};
use tokio::sync::watch;

use crate::error::GatewayError;
use crate::shared_cache;
use crate::snapshot_cache::Generation;
use service_kit::chain;

/// How long a request with a legacy token waits for the key of such tokens. On an idle machine the key takes some
/// tenths of a second.
const LEGACY_KEY_PATIENCE: Duration = Duration::from_secs(20);

/// One state of the configuration with its keys. Each request takes one at its start and carries it to its end, so that
/// no request sees half of a reload.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) generation: Generation,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) ring: Arc<KeyRing>,
}

impl Snapshot {
    fn new(loaded: Arc<Loaded>, ring: Arc<KeyRing>) -> Self {
        Self {
            generation: Generation::next(),
            loaded,
            ring,
        }
    }
}

/// Gives every request the snapshot in force, and derives new keys aside when the files change.
pub(crate) struct Configuration {
    store: ConfigStore,
    snapshot: ArcSwap<Snapshot>,
    /// Locked while a snapshot is made and put in force, so that the one in force is the youngest.
    making: Mutex<()>,
    adopt: Adopt,
    /// Sends when a new snapshot or the key of legacy tokens is ready.
    changes: watch::Sender<()>,
    /// Set while new keys are being derived.
    deriving: AtomicBool,
    /// The configuration whose keys are unusable, so that no further request tries them.
    refused: ArcSwapOption<Loaded>,
    #[cfg(test)]
    after_snapshot: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// Takes over the keys and the shared cache of a core file, before requests see it. The first argument is the core file
/// in force until then; there is none at the start.
type Adopt = Box<dyn Fn(Option<&Core>, &Core) -> Result<(), GatewayError> + Send + Sync>;

impl Configuration {
    /// Returns the configuration of these files. `adopt` is called for the files at hand, and again when keys or the
    /// shared cache change.
    ///
    /// Keys of legacy tokens are slow to derive, so a separate thread derives them: requests with new tokens are
    /// answered at once, and requests with legacy tokens wait.
    ///
    /// # Errors
    /// [`GatewayError::Keys`] for keys or a salt that make no ring, and any error of `adopt`.
    pub(crate) fn new(
        store: ConfigStore,
        adopt: impl Fn(Option<&Core>, &Core) -> Result<(), GatewayError> + Send + Sync + 'static,
    ) -> Result<Self, GatewayError> {
        let loaded = store.current();
        let (ring, legacy) = builder(&loaded.core).build_in_two(None).map_err(GatewayError::Keys)?;
        let ring = Arc::new(ring);
        adopt(None, &loaded.core)?;
        let changes = watch::Sender::new(());
        let applied = changes.clone();
        store.on_applied(move || {
            applied.send_replace(());
        });
        derive_aside(legacy, changes.clone());
        Ok(Self {
            store,
            snapshot: ArcSwap::from_pointee(Snapshot::new(loaded, ring)),
            making: Mutex::default(),
            adopt: Box::new(adopt),
            changes,
            deriving: AtomicBool::new(false),
            refused: ArcSwapOption::empty(),
            #[cfg(test)]
            after_snapshot: Mutex::default(),
        })
    }

    /// Returns the snapshot for a request that begins now.
    ///
    /// After a change of the files this is the new one at once. If keys or the shared cache have changed, it is the old
    /// one until the new keys are derived in the background.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Arc<Snapshot> {
        let snapshot = self.in_force();
        #[cfg(test)]
        if let Some(change) = self.after_snapshot.lock().unwrap().take() {
            change();
        }
        snapshot
    }

    fn in_force(self: &Arc<Self>) -> Arc<Snapshot> {
        let known = self.snapshot.load_full();
        if Arc::ptr_eq(&self.store.current(), &known.loaded) {
            return known;
        }
        self.renewed()
    }

    /// Returns the snapshot in force after a change of the files.
    fn renewed(self: &Arc<Self>) -> Arc<Snapshot> {
        let _making = self.making();
        // Another request may have been faster.
        let (known, loaded) = (self.snapshot.load_full(), self.store.current());
        if Arc::ptr_eq(&loaded, &known.loaded) {
            return known;
        }
        if same_keys(&loaded.core, &known.loaded.core) && shared_cache::is_same(&loaded.core, &known.loaded.core) {
            let fresh = Arc::new(Snapshot::new(loaded, Arc::clone(&known.ring)));
            self.snapshot.store(Arc::clone(&fresh));
            return fresh;
        }
        let refused = self.refused.load();
        let is_refused = refused.as_ref().is_some_and(|refused| Arc::ptr_eq(refused, &loaded));
        if !is_refused && !self.deriving.swap(true, Ordering::AcqRel) {
            let configuration = Arc::clone(self);
            tokio::task::spawn_blocking(move || configuration.take_over(loaded));
        }
        known
    }

    fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_over(&self, loaded: Arc<Loaded>) {
        let before = self.snapshot.load_full();
        let rings = self.rings_after(&loaded.core, &before).map_err(GatewayError::Keys);
        let adopted = rings.and_then(|rings| (self.adopt)(Some(&before.loaded.core), &loaded.core).map(|()| rings));
        match adopted {
            Ok((ring, legacy)) => {
                log_lost_tokens(&before.loaded.core, &loaded.core);
                let making = self.making();
                self.snapshot.store(Arc::new(Snapshot::new(loaded, ring)));
                drop(making);
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
        // The files may have changed again meanwhile: listeners take a snapshot, and that starts the next derivation.
        self.changes.send_replace(());
    }

    /// Returns the keys of a new core file: the known ones if they stay the same, otherwise new ones and their
    /// derivation.
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

    /// Waits until the key of legacy tokens is derived, if `token` looks like one of them: at most 20 s, and only right
    /// after a start or a change of keys. Returns whether the token can be opened now.
    pub(crate) async fn can_open(&self, snapshot: &Snapshot, token: &str) -> bool {
        if !snapshot.ring.awaits_legacy_key(token) {
            return true;
        }
        let mut changes = self.changes();
        let derived = async {
            while snapshot.ring.awaits_legacy_key(token) {
                // The sender is a field of `self`, so it is open.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(LEGACY_KEY_PATIENCE, derived).await.is_ok()
    }

    /// Returns a receiver that sees every change of the snapshot in force.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Calls `change` once, right after the next snapshot is taken: for tests of what a reload in the middle of a
    /// request does.
    #[cfg(test)]
    pub(crate) fn after_next_snapshot(&self, change: impl FnOnce() + Send + 'static) {
        *self.after_snapshot.lock().unwrap() = Some(Box::new(change));
    }

    /// Returns the configuration files: those in force, and the problems of newer ones.
    pub(crate) fn store(&self) -> &ConfigStore {
        &self.store
    }
}

/// Shows no key.
impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Derives the keys that seal and open tokens from those of the core file. If legacy tokens are accepted this takes
/// some tenths of a second, since their key is slow to derive by design.
pub fn key_ring(core: &Core) -> Result<KeyRing, KeyError> {
    builder(core).build()
}

fn builder(core: &Core) -> KeyRingBuilder {
    let builder = KeyRing::builder(&core.salt).legacy(core.accept_legacy_tokens);
    let keys = core.encryption_keys.iter().cloned();
    keys.fold(builder, KeyRingBuilder::key)
}

/// Derives the key of legacy tokens in a thread of its own, or in this one if the system gives no thread.
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

/// Logs which tokens a change of the secrets ends. Later, these tokens are refused like tokens of another installation,
/// without a reason.
fn log_lost_tokens(before: &Core, now: &Core) {
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
