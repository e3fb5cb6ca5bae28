//! Values that several processes share, for any state of the store between them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use service_kit::LogLimit;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::counts::Counts;
use super::parcel::{self, Head, Parcel, PartFault};
use super::patience;
use super::seal::{CacheKeys, Kind, Seal, SealFault, random};
use super::{ItemKey, Lease, SharedCounts, SharedStore, StoreError};

/// How long a request waits for the store, all small questions together; large values may take longer as long as bytes
/// keep coming, and then never this long between two of them.
const QUIET: Duration = Duration::from_millis(50);
/// How long a request waits for a large value that keeps coming.
const LONGEST_GET: Duration = Duration::from_secs(5);
/// How long putting a value may take; no request waits for it.
const LONGEST_PUT: Duration = Duration::from_secs(30);
/// Longest pause between two bytes of a put; no request waits for it.
const QUIET_PUT: Duration = Duration::from_secs(1);
/// Parts that are asked for and put at once: some megabytes.
const BATCH: usize = 8;
/// The store is asked once in this time whether it answers, for any number of callers.
const PING_PAUSE: Duration = Duration::from_secs(1);
/// Larger values are compressed and sealed on a blocking thread.
const SMALL_BYTES: usize = 64 * 1024;

/// Keeps values for several processes in a [`SharedStore`]; the same keys and names give the same values everywhere.
///
/// Every value has a label: a few bytes that are read before it, to decide whether it is wanted. No method fails: while
/// the store is down, slow or full, values are just missing. A store that has failed rests for half a second, then
/// longer, and is tried again; one log line per minute reports it, and [`counts`](Self::counts) has the numbers.
///
/// Clones share everything.
#[derive(Clone)]
pub struct SharedCache {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    store: Arc<dyn SharedStore>,
    keys: CacheKeys,
    quiet: Duration,
    breaker: Breaker,
    counts: Counts,
    failures_log: LogLimit,
    rejections_log: LogLimit,
    incomplete_log: LogLimit,
    not_put_log: LogLimit,
    seen: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

/// A value that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SharedValue {
    /// The label of the value.
    pub label: Vec<u8>,
    /// The value, as it was put.
    pub value: Vec<u8>,
}

/// The store of a shared cache cannot be asked now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shared cache does not answer")]
pub struct Unanswered;

/// The task of the caller of [`SharedCache::find_or_lease`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Turn {
    /// Use this value.
    Found(SharedValue),
    /// Make the value, [put](SharedCache::put) it and release the lease.
    Yours(Lease),
    /// Another process makes it: ask again in a moment.
    Busy,
    /// Make the value; the store cannot be asked.
    Alone,
}

impl SharedCache {
    /// Returns the cache that keeps its values in this store, sealed with these keys.
    #[must_use]
    pub fn new(store: Arc<dyn SharedStore>, keys: CacheKeys) -> Self {
        Self::with_patience(store, keys, QUIET)
    }

    /// As [`new`](Self::new), but a request waits up to `quiet` for the store instead of 50 ms.
    #[must_use]
    pub fn with_patience(store: Arc<dyn SharedStore>, keys: CacheKeys, quiet: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                keys,
                quiet,
                breaker: Breaker::default(),
                counts: Counts::default(),
                failures_log: LogLimit::default(),
                rejections_log: LogLimit::default(),
                incomplete_log: LogLimit::default(),
                not_put_log: LogLimit::default(),
                seen: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Returns the value of this name if `wanted` likes its label; else the right to make it, unless another process
    /// has that.
    pub async fn find_or_lease(
        &self,
        name: &[u8],
        lease_life: Duration,
        wanted: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Turn {
        self.inner
            .find_or_lease(name, lease_life, wanted)
            .await
            .unwrap_or(Turn::Alone)
    }

    /// Puts a value in the place of an older one; returns whether the store has it now.
    pub async fn put(&self, name: &[u8], label: &[u8], value: Vec<u8>, life: Duration) -> bool {
        let is_put = self.inner.put(name, label, value, life).await;
        if is_put {
            self.inner.counts.puts.add();
        }
        is_put
    }

    /// As [`put`](Self::put), for messages between processes: they are not counted as values.
    pub async fn put_message(&self, name: &[u8], message: Vec<u8>, life: Duration) -> bool {
        self.inner.put(name, &[], message, life).await
    }

    /// Returns the message of this name.
    ///
    /// # Errors
    /// [`Unanswered`] when the store cannot be asked.
    pub async fn message(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Unanswered> {
        let deadline = Instant::now() + self.inner.quiet;
        let (found, _) = self.inner.find(name, deadline, &|_| true).await.ok_or(Unanswered)?;
        Ok(found.map(|found| found.value))
    }

    /// Takes a lease without looking for a value; returns nothing while another process has it.
    ///
    /// # Errors
    /// [`Unanswered`] when the store cannot be asked.
    pub async fn lease(&self, name: &[u8], life: Duration) -> Result<Option<Lease>, Unanswered> {
        self.inner.lease(name, life).await.ok_or(Unanswered)
    }

    /// Removes a value, sealed with any of the keys.
    pub async fn forget(&self, name: &[u8]) {
        let keys = self.inner.head_keys(name);
        let deadline = Instant::now() + self.inner.quiet;
        self.inner.small(deadline, self.inner.store.delete(&keys)).await;
    }

    /// Returns whether the store answers now. It is asked at most once a second, also while it rests.
    pub async fn is_up(&self) -> bool {
        // Other callers wait here for the same answer.
        let mut seen = self.inner.seen.lock().await;
        if let Some((at, up)) = *seen
            && at.elapsed() < PING_PAUSE
        {
            return up;
        }
        let keys = self.inner.head_keys(b"ping");
        let asking = self.inner.store.get(&keys);
        let deadline = Instant::now() + self.inner.quiet;
        let up = self.inner.settled(patience::by(deadline, asking).await).is_some();
        *seen = Some((Instant::now(), up));
        up
    }

    /// Returns whether the store rests now after a failure.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.inner.breaker.rests()
    }

    /// Returns the kind and address of the store for logs.
    #[must_use]
    pub fn place(&self) -> &str {
        self.inner.store.place()
    }

    /// Returns the counts since the start.
    #[must_use]
    pub fn counts(&self) -> SharedCounts {
        self.inner.counts.read()
    }
}

impl fmt::Debug for SharedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCache")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// `None` when the store cannot be asked.
    async fn find_or_lease(
        self: &Arc<Self>,
        name: &[u8],
        life: Duration,
        wanted: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Option<Turn> {
        let deadline = Instant::now() + self.quiet;
        let (found, label) = self.find(name, deadline, wanted).await?;
        if let Some(found) = found {
            self.counts.hits.add();
            return Some(Turn::Found(found));
        }
        let key = self.sealing()?.item_key(name, Kind::Lease);
        let owner = random()?;
        // Only a large value that was not whole after all can have used the time up.
        let now = Instant::now();
        let deadline = if now < deadline { deadline } else { now + self.quiet };
        if !self.small(deadline, self.store.add(&key, &owner, life)).await? {
            return Some(Turn::Busy);
        }
        let lease = Lease {
            cache: Arc::clone(self),
            key,
            owner,
            life,
            label,
        };
        // Between our look and our lease another process may have put the value and released its lease.
        match self.find(name, deadline, wanted).await {
            Some((Some(found), _)) => {
                lease.release().await;
                self.counts.hits.add();
                Some(Turn::Found(found))
            }
            Some((None, label)) => {
                self.counts.misses.add();
                let label = label.or_else(|| lease.label.clone());
                Some(Turn::Yours(Lease { label, ..lease }))
            }
            None => Some(Turn::Yours(lease)),
        }
    }

    /// Returns the wanted value if the store has it, otherwise the label of the value there.
    async fn find(
        &self,
        name: &[u8],
        deadline: Instant,
        wanted: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Option<(Option<SharedValue>, Option<Vec<u8>>)> {
        let keys = self.head_keys(name);
        let items = self.small(deadline, self.store.get(&keys)).await?;
        let mut label = None;
        for ((seal, key), item) in self.keys.seals.iter().zip(&keys).zip(items) {
            let Some(item) = item else { continue };
            match Head::open(seal, key, &item) {
                Ok(mut head) if wanted(&head.label) => {
                    let label = std::mem::take(&mut head.label);
                    if let Some(value) = self.value(seal, name, head).await? {
                        return Some((Some(SharedValue { label, value }), None));
                    }
                }
                Ok(head) => label = label.or(Some(head.label)),
                Err(rejected) => self.reject(rejected),
            }
        }
        Some((None, label))
    }

    /// Returns the value of a head, or nothing if a part is missing or is not ours.
    async fn value(&self, seal: &Seal, name: &[u8], head: Head) -> Option<Option<Vec<u8>>> {
        let keys = head.part_keys(seal, name);
        let mut items: Vec<Bytes> = Vec::with_capacity(keys.len());
        let give_up = Instant::now() + LONGEST_GET;
        for batch in keys.chunks(BATCH) {
            let longest = give_up.saturating_duration_since(Instant::now());
            let asking = self.store.get(batch);
            let answer = patience::while_it_flows(&*self.store, self.quiet, longest, asking).await;
            let whole: Option<Vec<Bytes>> = self.settled(answer)?.into_iter().collect();
            let Some(whole) = whole else {
                self.say_incomplete("a part of it is gone; the server may need more memory");
                return Some(None);
            };
            items.extend(whole);
        }
        let (is_long, seal) = (items.len() > 1, seal.clone());
        match aside(is_long, move || head.unpack(&seal, &keys, &items)).await? {
            Ok(value) => Some(Some(value)),
            Err(PartFault::Overwritten) => {
                self.say_incomplete("a part of it was overwritten");
                Some(None)
            }
            Err(PartFault::Rejected(rejected)) => {
                self.reject(rejected);
                Some(None)
            }
        }
    }

    async fn put(&self, name: &[u8], label: &[u8], value: Vec<u8>, life: Duration) -> bool {
        // Packing a large value is work, and the store would not take it.
        if self.breaker.rests() {
            self.counts.skipped.add();
            return false;
        }
        let Some(seal) = self.sealing().cloned() else {
            return false;
        };
        let (is_long, name, label) = (value.len() > SMALL_BYTES, name.to_vec(), label.to_vec());
        let packing = aside(is_long, move || parcel::pack(&seal, &name, &label, &value));
        let Parcel { parts, head } = match packing.await {
            Some(Ok(packed)) => packed,
            Some(Err(error)) => {
                self.say_not_put(&error.to_string());
                return false;
            }
            None => return false,
        };
        let head = [head];
        let batches = parts.chunks(BATCH).chain([&head[..]]);
        let give_up = Instant::now() + LONGEST_PUT;
        for batch in batches {
            if !self.permits() {
                return false;
            }
            let longest = give_up.saturating_duration_since(Instant::now());
            let asking = self.store.put(batch, life);
            match patience::while_it_flows(&*self.store, QUIET_PUT.max(self.quiet), longest, asking).await {
                // Reading goes on; and the next value may be a smaller one.
                Err(StoreError::Full) => {
                    self.say_not_put("the store has no room");
                    return false;
                }
                answer => {
                    if self.settled(answer).is_none() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// `None` when the store cannot be asked.
    async fn lease(self: &Arc<Self>, name: &[u8], life: Duration) -> Option<Option<Lease>> {
        let key = self.sealing()?.item_key(name, Kind::Lease);
        let owner = random()?;
        let deadline = Instant::now() + self.quiet;
        let is_ours = self.small(deadline, self.store.add(&key, &owner, life)).await?;
        Some(is_ours.then(|| Lease {
            cache: Arc::clone(self),
            key,
            owner,
            life,
            label: None,
        }))
    }

    /// Puts the lease again if it is ours still. This is not one step: a lease that another process takes between the
    /// two questions is overwritten, and its owner notices that when it renews it.
    pub(super) async fn prolong(&self, key: &ItemKey, owner: &[u8; 16], life: Duration) -> Option<bool> {
        let deadline = Instant::now() + QUIET_PUT.max(self.quiet);
        let found = self.small(deadline, self.store.get(std::slice::from_ref(key))).await?;
        let is_ours = found.iter().flatten().any(|found| *found == owner[..]);
        if is_ours {
            let item = [(key.clone(), Bytes::copy_from_slice(owner))];
            self.small(deadline, self.store.put(&item, life)).await?;
        }
        Some(is_ours)
    }

    pub(super) async fn renew(&self, key: &ItemKey, owner: &[u8; 16], life: Duration) {
        let item = [(key.clone(), Bytes::copy_from_slice(owner))];
        let deadline = Instant::now() + QUIET_PUT.max(self.quiet);
        self.small(deadline, self.store.put(&item, life)).await;
    }

    pub(super) async fn release(&self, key: &ItemKey, owner: &[u8; 16]) {
        let deadline = Instant::now() + QUIET_PUT.max(self.quiet);
        self.small(deadline, self.store.delete_if(key, owner)).await;
    }

    /// Asks the store unless it rests. Returns nothing when the store was not asked or did not answer.
    async fn small<T>(&self, deadline: Instant, asking: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        if !self.permits() {
            return None;
        }
        self.settled(patience::by(deadline, asking).await)
    }

    fn permits(&self) -> bool {
        let permits = self.breaker.permits();
        if !permits {
            self.counts.skipped.add();
        }
        permits
    }

    fn settled<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(value) => {
                if self.breaker.worked() {
                    tracing::info!(store = self.store.place(), "the shared cache answers again");
                }
                Some(value)
            }
            Err(error) => {
                self.counts.failures.add();
                self.breaker.failed();
                self.store.disconnect();
                if let Some(kept_back) = self.failures_log.due(Instant::now().into_std()) {
                    tracing::warn!(
                        store = self.store.place(),
                        error = error.chain(),
                        kept_back,
                        "the shared cache cannot be used; going on without it"
                    );
                }
                None
            }
        }
    }

    fn reject(&self, rejected: SealFault) {
        self.counts.rejected.add();
        if let Some(kept_back) = self.rejections_log.due(Instant::now().into_std()) {
            tracing::warn!(
                store = self.store.place(),
                why = %rejected,
                kept_back,
                "a value in the shared cache is not one of ours and is not used"
            );
        }
    }

    fn say_incomplete(&self, why: &str) {
        self.counts.incomplete.add();
        if let Some(kept_back) = self.incomplete_log.due(Instant::now().into_std()) {
            tracing::warn!(
                store = self.store.place(),
                why,
                kept_back,
                "a value in the shared cache is not whole and is not used"
            );
        }
    }

    fn say_not_put(&self, why: &str) {
        self.counts.not_put.add();
        if let Some(kept_back) = self.not_put_log.due(Instant::now().into_std()) {
            tracing::warn!(
                store = self.store.place(),
                why,
                kept_back,
                "a value is not put into the shared cache: every replica asks MISP itself"
            );
        }
    }

    fn sealing(&self) -> Option<&Seal> {
        self.keys.seals.first()
    }

    fn head_keys(&self, name: &[u8]) -> Vec<ItemKey> {
        let seals = self.keys.seals.iter();
        seals.map(|seal| seal.item_key(name, Kind::Head)).collect()
    }
}

/// Runs long work on a blocking thread; returns nothing when the runtime ends meanwhile.
async fn aside<T: Send + 'static>(is_long: bool, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if is_long {
        tokio::task::spawn_blocking(work).await.ok()
    } else {
        Some(work())
    }
}
