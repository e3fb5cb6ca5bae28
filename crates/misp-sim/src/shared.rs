//! The state of a running stand-in: its data, log and faults.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use crate::{clock::Clock, fault::FaultRule, log::LoggedRequest, store::Store};

/// How many requests the log keeps; older ones are forgotten.
const LOG_LENGTH: usize = 10_000;

/// A function of a test that runs with every request, before the answer.
pub(crate) type Hook = Box<dyn FnMut(&LoggedRequest, &mut Store) + Send>;

/// The state that the server and the handle share.
pub(crate) struct Shared {
    store: RwLock<Store>,
    pub(crate) clock: Clock,
    pub(crate) stringify: bool,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) log: VecDeque<LoggedRequest>,
    pub(crate) latency: Duration,
    /// The time that a row takes where warninglists are enforced.
    pub(crate) warninglist_time: Duration,
    pub(crate) maintenance: bool,
    /// Start of the window and searches in it, by user.
    pub(crate) used: HashMap<u64, (i64, u32)>,
}

impl Shared {
    pub(crate) fn new(store: Store, clock: Clock, stringify: bool, latency: Duration) -> Self {
        Self {
            store: RwLock::new(store),
            clock,
            stringify,
            state: Mutex::new(State {
                latency,
                ..State::default()
            }),
            hook: Mutex::new(None),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_hook(&self, hook: Hook) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    /// Logs the request and calls the hook with it.
    pub(crate) fn note(&self, request: LoggedRequest) {
        if let Some(hook) = self.hook.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            hook(&request, &mut self.write());
        }
        let mut state = self.state();
        if state.log.len() == LOG_LENGTH {
            state.log.pop_front();
        }
        state.log.push_back(request);
    }
}
