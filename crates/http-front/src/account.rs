//! The account of one connection in the books of all.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use service_kit::LogLimit;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::books::{Books, Entry, Opened};
use crate::costs;
use crate::refusal::Refusal;

static CLOSED: LogLimit = LogLimit::once_a_minute();

/// The accounts of all connections. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    books: Arc<Mutex<Books>>,
    /// What [`Books::is_full`] says, for those that ask often.
    is_full: Arc<AtomicBool>,
    /// Wakes those that wait until the books are not full.
    room: Arc<Notify>,
    evicted: Arc<AtomicU64>,
    /// Sockets that may get more room in the kernel.
    wide_sockets: Arc<Semaphore>,
    fast_sockets: Arc<Semaphore>,
}

/// The account of one connection, open until its last clone is dropped. Its requests have clones.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<Open>);

#[derive(Debug)]
struct Open {
    accounts: Accounts,
    is_known: AtomicBool,
    entry: Arc<Entry>,
}

/// Bytes that a connection costs, until this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Account,
    bytes: usize,
}

impl Accounts {
    /// Returns accounts for so many connections. `evicted` counts those that are closed to make room for others.
    pub(crate) fn of(places: usize, evicted: Arc<AtomicU64>) -> Self {
        Self {
            books: Arc::new(Mutex::new(Books::of(places))),
            is_full: Arc::default(),
            room: Arc::default(),
            evicted,
            wide_sockets: Arc::new(Semaphore::new(costs::WIDE_SOCKETS)),
            fast_sockets: Arc::new(Semaphore::new(costs::FAST_SOCKETS)),
        }
    }

    /// Opens an account for a connection from this address, or from a proxy, which may have any number.
    ///
    /// # Errors
    /// [`Refusal::TooManyConnections`] where the address has its share already.
    pub(crate) fn open(&self, address: IpAddr, is_proxy: bool) -> Result<Account, Refusal> {
        let holder = (!is_proxy).then_some(address);
        let (outcome, most) = self.with(|books| (books.open(holder), books.share()));
        let Opened { entry, closed } = outcome.map_err(|_| Refusal::TooManyConnections { address, most })?;
        self.report(closed, "places");
        Ok(Account(Arc::new(Open {
            accounts: self.clone(),
            is_known: AtomicBool::new(false),
            entry,
        })))
    }

    /// Closes connections of strangers, the oldest ones first, so that some places become free. Returns how many.
    pub(crate) fn make_some_places(&self) -> usize {
        let closed = self.with(Books::make_some_places);
        self.report(closed, "places");
        closed
    }

    /// Counts closed connections, and says so in the log once a minute: an attack closes thousands.
    fn report(&self, closed: usize, short_of: &str) {
        if closed == 0 {
            return;
        }
        self.evicted.fetch_add(closed as u64, Ordering::Relaxed);
        CLOSED.say(|more| {
            tracing::warn!(
                short_of,
                more,
                "connections without a good token were closed to make room, those that moved the longest ago first"
            );
        });
    }

    /// Changes the books.
    fn with<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        let mut books = self.lock();
        let outcome = change(&mut books);
        let is_full = books.is_full();
        let was_full = self.is_full.swap(is_full, Ordering::SeqCst);
        drop(books);
        if was_full && !is_full {
            self.room.notify_waiters();
        }
        outcome
    }

    /// Nothing that can panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Notes that a request came or an answer moved.
    pub(crate) fn moved(&self) {
        self.moved_at(Instant::now());
    }

    /// Notes that a request came or an answer moved at that moment.
    pub(crate) fn moved_at(&self, now: Instant) {
        self.0.entry.moved_at(now);
    }

    /// Returns whether [`must_go`](Self::must_go) ends.
    pub(crate) fn is_leaving(&self) -> bool {
        self.0.entry.is_leaving()
    }

    /// Counts the connection among those of known peers from now on.
    pub(crate) fn vouch(&self) {
        let Open { accounts, entry, .. } = &*self.0;
        if self.0.is_known.swap(true, Ordering::Relaxed) {
            return;
        }
        let closed = accounts.with(|books| books.vouch(entry));
        accounts.report(closed, "memory");
    }

    /// Returns whether it is the connection of a known peer.
    pub(crate) fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }

    /// Returns one of the places for sockets with more room in the kernel, if one is free.
    pub(crate) fn wide_socket(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.accounts.wide_sockets).try_acquire_owned().ok()
    }

    /// Returns one of the places for sockets of peers that read fast, if one is free.
    pub(crate) fn fast_socket(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.accounts.fast_sockets).try_acquire_owned().ok()
    }

    /// Charges the connection with so many bytes.
    pub(crate) fn charge(&self, bytes: usize) -> Charge {
        let mut charge = Charge {
            account: self.clone(),
            bytes: 0,
        };
        charge.grow_to(bytes);
        charge
    }

    /// Returns whether the connection may take more requests now. A stranger may not while strangers that are leaving
    /// still hold their memory.
    pub(crate) fn has_room(&self) -> bool {
        self.is_known() || !self.0.accounts.is_full.load(Ordering::SeqCst)
    }

    /// Waits until the connection may take more requests.
    pub(crate) async fn room(&self) {
        loop {
            // Before the look, so that no change between the two is missed.
            let room = self.0.accounts.room.notified();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Waits until this connection must be closed to make room for others.
    pub(crate) async fn must_go(&self) {
        self.0.entry.must_go().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.accounts.with(|books| books.close(&self.entry));
    }
}

impl Charge {
    /// Returns the bytes that are charged.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits until the connection may take more memory.
    pub(crate) async fn room(&self) {
        self.account.room().await;
    }

    /// Raises the charge to so many bytes, if it is lower.
    pub(crate) fn grow_to(&mut self, bytes: usize) {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return;
        };
        self.bytes = bytes;
        let Open { accounts, entry, .. } = &*self.account.0;
        let closed = accounts.with(|books| books.charge(entry, more));
        accounts.report(closed, "memory");
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // Most requests of HTTP/1 cost nothing beyond their connection.
        if self.bytes == 0 {
            return;
        }
        let Open { accounts, entry, .. } = &*self.account.0;
        accounts.with(|books| books.release(entry, self.bytes));
    }
}
