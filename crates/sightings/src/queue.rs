//! The queue as its users see it: they submit reports, and the queue delivers them.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::counts::{Counted, Counts};
use crate::courier::{Courier, Recipient};
use crate::error::{OpenError, SubmitError};
use crate::journal::{Journal, Replay};
use crate::pending::Pending;
use crate::report::{Report, Reporter};
use crate::seal::JournalKeys;
use crate::window::Window;
use crate::writer::{Command, Submission, Writer};

/// The most submissions that wait for the disk. Later ones get [`SubmitError::Busy`].
const MOST_WAITING: usize = 1_024;

/// The place of the journal, and the rules by which the queue counts and delivers reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// A directory of this queue alone; the queue creates it if it is missing.
    pub directory: PathBuf,
    /// Bound of the journal in bytes; it may take twice that for the moment in which it is written anew. Default: 32
    /// MiB.
    pub max_bytes: u64,
    /// The same value, kind and source from the same reporter within this time counts once. Default: 5 min; at most a
    /// day.
    pub window: Duration,
    /// Reports that waited longer are dropped. Default: 7 days.
    pub max_age: Duration,
    /// Values of one parcel. Default: 100.
    pub batch: usize,
    /// How long a report waits for others to travel with. Default: 2 s.
    pub linger: Duration,
    /// The pause after each parcel to a site. Default: 0.5 s.
    pub pace: Duration,
    /// The pause after the first failure at a site; it doubles. Default: 2 s.
    pub first_backoff: Duration,
    /// The longest pause after failures. Default: 5 min.
    pub longest_backoff: Duration,
    /// How long a reporter is left alone that was refused. Default: 10 min.
    pub hold: Duration,
}

impl Options {
    /// Returns the defaults, for a journal in this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 32 << 20,
            window: Duration::from_secs(300),
            max_age: Duration::from_secs(7 * 86_400),
            batch: 100,
            linger: Duration::from_secs(2),
            pace: Duration::from_millis(500),
            first_backoff: Duration::from_secs(2),
            longest_backoff: Duration::from_secs(300),
            hold: Duration::from_secs(600),
        }
    }
}

/// The result of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Reports that are on the disk now, and will be sent.
    pub accepted: usize,
    /// Reports that were counted already.
    pub duplicates: usize,
}

/// The state of the queue at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Reports that wait.
    pub waiting: usize,
    /// How long the oldest of them has waited.
    pub oldest: Option<Duration>,
    /// The size of the journal on the disk, in bytes.
    pub journal_bytes: u64,
    /// Reporters whose reports are refused at this moment.
    pub held_reporters: usize,
    /// The outcomes of all reports since the start.
    pub counted: Counted,
}

/// Reports on their way. Dropping it without [`close`](Self::close) is like a crash: nothing that was accepted is lost.
pub struct Queue {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    courier: Mutex<Option<JoinHandle<()>>>,
}

/// The state that the queue, its writer and its courier share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pending: Mutex<Pending>,
    pub(crate) counts: Counts,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) work: Notify,
    pub(crate) closing: AtomicBool,
    /// New keys, which the writer uses from its next write on.
    pub(crate) new_keys: Mutex<Option<JournalKeys>>,
}

impl Shared {
    /// Nothing that can panic runs under this lock.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Opens the journal, takes up what waits in it, and begins to carry it to `recipient`. Blocks while it reads.
    ///
    /// # Errors
    /// [`OpenError`] when the directory cannot be used, or another process does.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open<R: Recipient>(options: Options, keys: JournalKeys, recipient: Arc<R>) -> Result<Self, OpenError> {
        let (journal, replay) = Journal::open(&options.directory, options.max_bytes, keys)?;
        let seconds = u32::try_from(options.window.as_secs().min(86_400)).unwrap_or_default();
        let mut window = Window::new(seconds);
        let shared = Arc::new(Shared {
            options,
            pending: Mutex::default(),
            counts: Counts::default(),
            journal_bytes: AtomicU64::new(journal.bytes()),
            work: Notify::new(),
            closing: AtomicBool::new(false),
            new_keys: Mutex::default(),
        });
        let next_number = replay.next_number;
        take_up(replay, &shared, &mut window);
        let (commands, received) = mpsc::channel(MOST_WAITING);
        let writer = Writer {
            journal,
            window,
            next_number,
            shared: Arc::clone(&shared),
            unmarked: Vec::new(),
        };
        std::thread::Builder::new()
            .name("sightings".to_owned())
            .spawn(move || writer.run(received))
            .map_err(OpenError::Thread)?;
        let courier = Courier::new(Arc::clone(&shared), commands.clone(), recipient);
        let courier = Mutex::new(Some(tokio::spawn(courier.run())));
        Ok(Self {
            shared,
            commands,
            courier,
        })
    }

    /// Takes reports, and returns once they are on the disk.
    ///
    /// # Errors
    /// [`SubmitError`]; then the queue keeps no report of this submission.
    pub async fn submit(&self, reporter: Reporter, reports: Vec<Report>) -> Result<Receipt, SubmitError> {
        let (reply, receipt) = oneshot::channel();
        let count = reports.len();
        let submission = Submission {
            reporter,
            reports,
            at: Instant::now(),
            accepted_at: unix_now(),
            reply,
        };
        let sent = self.commands.try_send(Command::Submit(submission));
        sent.map_err(|error| {
            crate::counts::add(&self.shared.counts.turned_away, count);
            match error {
                mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
                mpsc::error::TrySendError::Closed(_) => SubmitError::Closed,
            }
        })?;
        receipt.await.unwrap_or(Err(SubmitError::Closed))
    }

    /// Seals with these keys from now on. After a restart, older records open only if their key is still in the list.
    pub fn use_keys(&self, keys: JournalKeys) {
        *self.shared.new_keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    /// Returns how the queue is.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = Instant::now();
        let pending = self.shared.pending();
        Status {
            waiting: pending.count(),
            oldest: pending.oldest().map(|at| now.saturating_duration_since(at)),
            journal_bytes: self.shared.journal_bytes.load(Ordering::Relaxed),
            held_reporters: pending.held(now),
            counted: self.shared.counts.read(),
        }
    }

    /// Sends as many reports as it can within this time, then closes the journal. The next start sends the others.
    pub async fn close(&self, within: Duration) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.work.notify_one();
        let courier = self.courier.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut courier) = courier
            && tokio::time::timeout(within, &mut courier).await.is_err()
        {
            courier.abort();
        }
        let (reply, closed) = oneshot::channel();
        if self.commands.send(Command::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let courier = self.courier.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(courier) = courier {
            courier.abort();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

/// Takes up the reports of a journal. They count as duplicates of a reporter that got no answer and reports again.
fn take_up(replay: Replay, shared: &Shared, window: &mut Window) {
    let (now, unix_now) = (Instant::now(), unix_now());
    crate::counts::add(
        &shared.counts.torn_bytes,
        usize::try_from(replay.torn_bytes).unwrap_or(usize::MAX),
    );
    crate::counts::add(
        &shared.counts.unreadable,
        usize::try_from(replay.unreadable).unwrap_or(usize::MAX),
    );
    let mut pending = shared.pending();
    for accepted in replay.accepted {
        for (_, report) in &accepted.reports {
            let _ = window.count(accepted.reporter.id(), report);
        }
        // A clock that was set back meanwhile makes them young again, never negative.
        let age = u64::try_from(unix_now.saturating_sub(accepted.accepted_at)).unwrap_or_default();
        let at = now.checked_sub(Duration::from_secs(age)).unwrap_or(now);
        pending.add(accepted, at);
    }
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
