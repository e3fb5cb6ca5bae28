//! Mirrors of one upstream in several daemons, through the cache that the daemons share.
//!
//! The cache seals every item under its name, so that only daemons with the same encryption keys can write one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache::{Lease, SharedCache};
use misp_mirror::{Lead, PeerFuture, PeerItem, Peers};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::settings::Settings;
use crate::upstream::UpstreamId;

/// A daemon that is gone leads no longer than this. The mirror renews its lease once a second, so a daemon that is only
/// slow keeps it.
const LIFE: Duration = Duration::from_secs(5);

/// The beginning of all names, with the version of what the items contain.
const CONTEXT: &[u8] = b"cratos/mirror/1/";

/// The cache that mirrors share, which a reload can change.
#[derive(Debug, Default)]
pub(super) struct SharedPlace(Mutex<Used>);

#[derive(Clone, Debug, Default)]
struct Used {
    cache: Option<SharedCache>,
    /// Grows with each change.
    number: u64,
}

impl SharedPlace {
    pub(super) fn change(&self, cache: Option<SharedCache>) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.number += 1;
        used.cache = cache;
    }

    fn used(&self) -> Used {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One mirror's way to the others.
pub(super) struct SharedPeers {
    place: Arc<SharedPlace>,
    /// Stands for the upstream, and for what its mirror asks of MISP.
    name: Vec<u8>,
    held: tokio::sync::Mutex<Option<Held>>,
}

/// The lease of this mirror.
struct Held {
    lease: Lease,
    /// The cache that it is of.
    number: u64,
    /// It is over then, whatever the cache says.
    until: Instant,
}

impl SharedPeers {
    /// Returns the way of the mirror of an upstream with a MISP.
    pub(super) fn new(place: Arc<SharedPlace>, upstream: &UpstreamId, settings: &Settings) -> Self {
        let mut asked = Sha256::new();
        for kind in &settings.attribute_types {
            asked.update(kind.as_bytes());
            asked.update([0]);
        }
        asked.update([u8::from(settings.sightings)]);
        let fingerprint = upstream.fingerprint().unwrap_or_default();
        Self {
            place,
            name: [CONTEXT, &fingerprint, &asked.finalize()].concat(),
            held: tokio::sync::Mutex::default(),
        }
    }

    fn name_of(&self, item: &str) -> Vec<u8> {
        [&self.name, &b"/"[..], item.as_bytes()].concat()
    }

    async fn take_lease(&self) -> Lead {
        let Used { cache, number } = self.place.used();
        let mut held = self.held.lock().await;
        let now = Instant::now();
        if let Some(ours) = held.as_mut().filter(|ours| ours.number == number) {
            match ours.lease.renew().await {
                Some(true) => {
                    ours.until = now + LIFE;
                    return Lead::Ours;
                }
                None if now < ours.until => return Lead::Ours,
                renewed => {
                    *held = None;
                    // Another daemon may have led meanwhile: the mirror begins anew before it takes the lease again.
                    return renewed.map_or(Lead::Unknown, |_| Lead::Theirs);
                }
            }
        }
        *held = None;
        let Some(cache) = cache else {
            return Lead::Unknown;
        };
        match cache.lease(&self.name, LIFE).await {
            Ok(Some(lease)) => {
                let until = now + LIFE;
                *held = Some(Held { lease, number, until });
                Lead::Ours
            }
            Ok(None) => Lead::Theirs,
            Err(_) => Lead::Unknown,
        }
    }
}

impl Peers for SharedPeers {
    fn lead(&self) -> PeerFuture<'_, Lead> {
        Box::pin(self.take_lease())
    }

    fn resign(&self) -> PeerFuture<'_, ()> {
        Box::pin(async move {
            if let Some(held) = self.held.lock().await.take() {
                held.lease.release().await;
            }
        })
    }

    fn get<'a>(&'a self, name: &'a str) -> PeerFuture<'a, PeerItem> {
        Box::pin(async move {
            let Some(cache) = self.place.used().cache else {
                return PeerItem::Unknown;
            };
            match cache.message(&self.name_of(name)).await {
                Ok(Some(bytes)) => PeerItem::Found(bytes),
                Ok(None) => PeerItem::Missing,
                Err(_) => PeerItem::Unknown,
            }
        })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, life: Duration) -> PeerFuture<'a, bool> {
        Box::pin(async move {
            match self.place.used().cache {
                Some(cache) => cache.put_message(&self.name_of(name), bytes, life).await,
                None => false,
            }
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> PeerFuture<'a, ()> {
        Box::pin(async move {
            if let Some(cache) = self.place.used().cache {
                cache.forget(&self.name_of(name)).await;
            }
        })
    }
}

/// Shows no name, since that stands for a MISP key.
impl fmt::Debug for SharedPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPeers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cache::{CacheKeys, InProcessStore};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn while_the_cache_hangs_a_mirror_leads_until_its_lease_is_over() {
        let store = Arc::new(InProcessStore::new());
        let keys = CacheKeys::new([&[7; 32]]).unwrap();
        let place = Arc::new(SharedPlace::default());
        place.change(Some(SharedCache::new(Arc::clone(&store) as _, keys)));
        let peers = SharedPeers {
            place,
            name: b"a mirror".to_vec(),
            held: tokio::sync::Mutex::default(),
        };
        assert_eq!(peers.lead().await, Lead::Ours);
        store.hang(true);
        assert_eq!(peers.lead().await, Lead::Ours, "no other daemon can have it yet");
        tokio::time::sleep(LIFE).await;
        assert_eq!(peers.lead().await, Lead::Unknown);
    }
}
