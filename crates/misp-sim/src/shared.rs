//! The state of a running stand-in: its data, log and faults.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::{clock::Clock, fault::FaultRule, log::LoggedRequest, store::Store};

/// How many requests the log keeps; older ones are forgotten.
const LOG_LENGTH: usize = 10_000;

/// A function of a test that runs with every request, before the answer.
pub(crate) type Hook = Box<dyn FnMut(&LoggedRequest, &mut Store) + Send>;

/// A function of a test that rewrites answers.
pub(crate) type Rewrite = Box<dyn FnMut(&LoggedRequest, &mut Vec<u8>) + Send>;

/// The state that the server and the handle share.
pub(crate) struct Shared {
    store: RwLock<Store>,
    /// Rises with every change of the store, so that a page made before is known to be old.
    revision: AtomicU64,
    pub(crate) clock: Clock,
    pub(crate) stringify: bool,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
    rewrite: Mutex<Option<Rewrite>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) log: VecDeque<LoggedRequest>,
    /// How many requests were logged ever; the last of them is the last of the log.
    logged: u64,
    /// Pages of the event index by user and filters.
    pub(crate) index_pages: HashMap<String, IndexPage>,
    pub(crate) latency: Duration,
    /// The time that a row takes where warninglists are enforced.
    pub(crate) warninglist_time: Duration,
    pub(crate) maintenance: bool,
    /// Start of the window and searches in it, by user.
    pub(crate) used: HashMap<u64, (i64, u32)>,
}

/// A page of the event index that was sent before.
#[derive(Debug, Clone)]
pub(crate) struct IndexPage {
    pub(crate) revision: u64,
    pub(crate) total: usize,
    pub(crate) body: Bytes,
    pub(crate) etag: String,
}

impl State {
    /// Notes how a request was answered; `number` is what [`Shared::note`] returned.
    pub(crate) fn answered(&mut self, number: u64, status: u16, bytes: usize) {
        let back = usize::try_from(self.logged.saturating_sub(number)).unwrap_or(usize::MAX);
        let place = self.log.len().checked_sub(back);
        if let Some(request) = place.and_then(|place| self.log.get_mut(place)) {
            request.status = status;
            request.answer_bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        }
    }
}

impl Shared {
    pub(crate) fn new(store: Store, clock: Clock, stringify: bool, latency: Duration) -> Self {
        Self {
            store: RwLock::new(store),
            revision: AtomicU64::new(0),
            clock,
            stringify,
            state: Mutex::new(State {
                latency,
                ..State::default()
            }),
            hook: Mutex::new(None),
            rewrite: Mutex::new(None),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        // With the lock held: a page made under the lock for reading belongs to one revision.
        self.revision.fetch_add(1, Ordering::Relaxed);
        store
    }

    /// Returns the revision of the store, which stays while the lock for reading is held.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_hook(&self, hook: Hook) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    pub(crate) fn set_rewrite(&self, rewrite: Option<Rewrite>) {
        *self.rewrite.lock().unwrap_or_else(PoisonError::into_inner) = rewrite;
    }

    /// Returns the body as the test rewrites it.
    pub(crate) fn rewritten(&self, request: &LoggedRequest, body: Bytes) -> Bytes {
        match self.rewrite.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            None => body,
            Some(rewrite) => {
                let mut body = body.to_vec();
                rewrite(request, &mut body);
                body.into()
            }
        }
    }

    /// Logs the request, calls the hook with it and returns its number.
    pub(crate) fn note(&self, request: LoggedRequest) -> u64 {
        if let Some(hook) = self.hook.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            hook(&request, &mut self.write());
        }
        let mut state = self.state();
        if state.log.len() == LOG_LENGTH {
            state.log.pop_front();
        }
        state.log.push_back(request);
        state.logged += 1;
        state.logged - 1
    }
}
