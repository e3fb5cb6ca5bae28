//! A store inside the process, for tests: it can be looked into, tampered with, and told to fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Asking, ItemKey, SharedStore, StoreError};

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

    /// Returns everything that lies there.
    #[must_use]
    pub fn items(&self) -> Vec<(ItemKey, Bytes)> {
        let items = self.locked();
        items
            .iter()
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }

    /// Puts what `change` makes of every item in its place.
    pub fn tamper(&self, mut change: impl FnMut(&ItemKey, &Bytes) -> Bytes) {
        let mut items = self.locked();
        items
            .iter_mut()
            .for_each(|(key, (value, _))| *value = change(key, value));
    }

    fn locked(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<'a, T: Send + 'a>(&'a self, work: impl FnOnce(&mut Items) -> T + Send + 'a) -> Asking<'a, T> {
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

    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> Asking<'a, Vec<Option<Bytes>>> {
        self.answer(|items| {
            keys.iter()
                .map(|key| items.get(key).map(|(value, _)| value.clone()))
                .collect()
        })
    }

    fn put<'a>(&'a self, new: &'a [(ItemKey, Bytes)], life: Duration) -> Asking<'a, ()> {
        self.answer(move |items| {
            let until = Instant::now() + life;
            items.extend(new.iter().map(|(key, value)| (key.clone(), (value.clone(), until))));
        })
    }

    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> Asking<'a, bool> {
        self.answer(move |items| {
            let is_new = !items.contains_key(key);
            if is_new {
                items.insert(key.clone(), (Bytes::copy_from_slice(value), Instant::now() + life));
            }
            is_new
        })
    }

    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> Asking<'a, ()> {
        self.answer(|items| items.retain(|key, _| !keys.contains(key)))
    }

    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> Asking<'a, bool> {
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
