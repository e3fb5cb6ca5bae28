//! One piece of work per key for any number of callers.

use std::{
    collections::HashMap,
    collections::hash_map::Entry,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// The reason why a flight brought no value; all its callers get the same one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlightError<E> {
    /// The work returned an error.
    #[error("the work failed")]
    Failed(#[source] Arc<E>),
    /// The work panicked; the panic hook has its message.
    #[error("the work panicked")]
    Panicked,
    /// The runtime shut down before the work was done.
    #[error("the work was abandoned")]
    Abandoned,
}

impl<E> Clone for FlightError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::Abandoned => Self::Abandoned,
        }
    }
}

type Outcome<V, E> = Result<V, FlightError<E>>;
/// `None` until the flight has landed.
type Board<V, E> = watch::Receiver<Option<Outcome<V, E>>>;
type UnderWay<K, V, E> = Mutex<HashMap<K, Board<V, E>>>;

/// Lets one task do the work that many callers ask for under the same key at the same time.
///
/// The first caller for a key starts a flight: a task that goes on when that caller leaves. Callers that come while it
/// is under way wait for it and get a clone of the same result. Afterwards nothing is remembered, neither values nor
/// errors: the next caller starts a new flight.
///
/// To keep results, store them *inside* the work, so that the value is in the store before the flight is over. A caller
/// may look into the store just before that and arrive here just after it, so expensive work looks into the store once
/// more before it begins.
///
/// Cheap to clone; clones share the flights. All methods that start a flight need a tokio runtime around them.
pub struct Flights<K, V, E> {
    under_way: Arc<UnderWay<K, V, E>>,
}

impl<K, V, E> Flights<K, V, E>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Returns a value without flights.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the result of the flight for this key; starts one with `work` unless one is under way.
    ///
    /// `work` is not called when a flight is already under way. Dropping the returned future ends the waiting only.
    ///
    /// # Errors
    /// [`FlightError::Failed`] with the error of the work, [`FlightError::Panicked`] if it panicked, and
    /// [`FlightError::Abandoned`] if the runtime shut down around it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn fly<W, F>(&self, key: K, work: W) -> Result<V, FlightError<E>>
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let (mut board, _) = self.board(key, work);
        match board.wait_for(Option::is_some).await {
            Ok(outcome) => (*outcome).clone().unwrap_or(Err(FlightError::Abandoned)),
            Err(_) => Err(FlightError::Abandoned),
        }
    }

    /// Starts a flight without waiting for it, unless one is under way; returns whether it did.
    ///
    /// For a refresh in the background: no caller may see the result, so the work itself stores its value and reports
    /// its errors.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<W, F>(&self, key: K, work: W) -> bool
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        self.board(key, work).1
    }

    /// Returns whether a flight for this key is under way.
    #[must_use]
    pub fn in_flight(&self, key: &K) -> bool {
        lock(&self.under_way).contains_key(key)
    }

    /// Returns how many flights are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.under_way).len()
    }

    /// Returns whether no flight is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The board of the flight for this key, and whether it was started for this call.
    fn board<W, F>(&self, key: K, work: W) -> (Board<V, E>, bool)
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let (landing, board) = match lock(&self.under_way).entry(key) {
            Entry::Occupied(flight) => return (flight.get().clone(), false),
            Entry::Vacant(place) => {
                let (announce, board) = watch::channel(None);
                let (under_way, key) = (Arc::clone(&self.under_way), place.key().clone());
                place.insert(board.clone());
                (
                    Landing {
                        under_way,
                        key,
                        announce,
                        outcome: None,
                    },
                    board,
                )
            }
        };
        tokio::spawn(async move {
            let mut landing = landing;
            landing.outcome = Some(work().await.map_err(|error| FlightError::Failed(Arc::new(error))));
        });
        (board, true)
    }
}

/// Ends a flight when it is dropped, which happens however the task ends: done, panicked, or dropped by its runtime.
struct Landing<K: Hash + Eq, V, E> {
    under_way: Arc<UnderWay<K, V, E>>,
    key: K,
    announce: watch::Sender<Option<Outcome<V, E>>>,
    outcome: Option<Outcome<V, E>>,
}

impl<K: Hash + Eq, V, E> Drop for Landing<K, V, E> {
    fn drop(&mut self) {
        let lost = if std::thread::panicking() {
            FlightError::Panicked
        } else {
            FlightError::Abandoned
        };
        let outcome = self.outcome.take().unwrap_or(Err(lost));
        // The key first: who hears the outcome and asks again must not meet the flight that is over.
        let board = lock(&self.under_way).remove(&self.key);
        self.announce.send_replace(Some(outcome));
        drop(board);
    }
}

/// Nothing that can panic runs under this lock but the key's own `Hash` and `Eq`; the map is whole even then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, V, E> Default for Flights<K, V, E> {
    fn default() -> Self {
        Self {
            under_way: Arc::new(Mutex::new(HashMap::new())),
        }
    }
}

impl<K, V, E> Clone for Flights<K, V, E> {
    fn clone(&self) -> Self {
        Self {
            under_way: Arc::clone(&self.under_way),
        }
    }
}

/// Shows how many are under way, no keys and no values.
impl<K, V, E> fmt::Debug for Flights<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = lock(&self.under_way).len();
        f.debug_struct("Flights")
            .field("under_way", &under_way)
            .finish_non_exhaustive()
    }
}
