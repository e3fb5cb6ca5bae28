//! A store inside the process, for tests: a test can read it, change its items and make it hang.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{ItemKey, SharedStore, StoreError, StoreFuture};

type Items = BTreeMap<ItemKey, (Bytes, Instant)>;

/// A [`SharedStore`] in memory, without a bound: for tests only.
#[derive(Debug, Default)]
pub struct InProcessStore {
    items: Mutex<Items>,
    hangs: AtomicBool,
    asked: AtomicU64,
}

impl InProcessStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every question wait for ever, or no longer.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Returns how many questions were asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Returns all items.
    #[must_use]
    pub fn items(&self) -> Vec<(ItemKey, Bytes)> {
        let items = self.locked();
        items
            .iter()
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }

    /// Replaces every item by the result of `change`.
    pub fn tamper(&self, mut change: impl FnMut(&ItemKey, &Bytes) -> Bytes) {
        let mut items = self.locked();
        items
            .iter_mut()
            .for_each(|(key, (value, _))| *value = change(key, value));
    }

    fn locked(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<'a, T: Send + 'a>(&'a self, work: impl FnOnce(&mut Items) -> T + Send + 'a) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let mut items = self.locked();
            let now = Instant::now();
            items.retain(|_, (_, until)| *until > now);
            Ok::<_, StoreError>(work(&mut items))
        })
    }
}

impl SharedStore for InProcessStore {
    fn place(&self) -> &str {
        "this process"
    }

    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        self.answer(|items| {
            keys.iter()
                .map(|key| items.get(key).map(|(value, _)| value.clone()))
                .collect()
        })
    }

    fn put<'a>(&'a self, new: &'a [(ItemKey, Bytes)], life: Duration) -> StoreFuture<'a, ()> {
        self.answer(move |items| {
            let until = Instant::now() + life;
            items.extend(new.iter().map(|(key, value)| (key.clone(), (value.clone(), until))));
        })
    }

    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> StoreFuture<'a, bool> {
        self.answer(move |items| {
            let is_new = !items.contains_key(key);
            if is_new {
                items.insert(key.clone(), (Bytes::copy_from_slice(value), Instant::now() + life));
            }
            is_new
        })
    }

    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, ()> {
        self.answer(|items| items.retain(|key, _| !keys.contains(key)))
    }

    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> StoreFuture<'a, bool> {
        self.answer(move |items| {
            let is_it = items.get(key).is_some_and(|(found, _)| found == value);
            if is_it {
                items.remove(key);
            }
            is_it
        })
    }

    fn moved_bytes(&self) -> u64 {
        0
    }

    fn disconnect(&self) {}
}
