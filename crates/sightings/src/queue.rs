//! The queue as its users see it: they submit reports, and the queue delivers them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::counts::{Counted, Counts};
use crate::courier::{Courier, Recipient};
use crate::error::{OpenError, SubmitError};
use crate::journal::{Journal, Replay};
use crate::options::Options;
use crate::receipt::Receipt;
use crate::report::{Report, Reporter};
use crate::seal::JournalKeys;
use crate::shared::Shared;
use crate::window::Window;
use crate::writer::{Command, Submission, Writer};

/// The most submissions that wait for the disk. Later ones get [`SubmitError::Busy`].
const MOST_WAITING: usize = 1_024;

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

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::record::Accepted;
    use crate::{Kind, Outcome, Parcel};

    struct Nobody;

    impl Recipient for Nobody {
        async fn deliver(&self, _: &Parcel) -> Outcome {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn what_waited_before_a_restart_is_as_old_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let keys = JournalKeys::new([&[7; 32]]).unwrap();
        let (mut journal, _) = Journal::open(directory.path(), 1 << 20, keys.clone()).unwrap();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let accepted = Accepted {
            reporter: Reporter::new("misp.example.net", SecretString::from("secret")),
            accepted_at: i64::try_from(since.as_secs()).unwrap() - 3_600,
            reports: vec![(
                0,
                Report {
                    value: "a.example.com".to_owned(),
                    kind: Kind::Hit,
                    source: "fw".into(),
                    seen_at: 0,
                },
            )],
        };
        let mut frames = Vec::new();
        journal.frame(&accepted.written(), &mut frames).unwrap();
        journal.append(&frames).unwrap();
        drop(journal);
        let queue = Queue::open(Options::new(directory.path()), keys, Arc::new(Nobody)).unwrap();
        let oldest = queue.status().oldest.unwrap();
        assert!((3_600..7_200).contains(&oldest.as_secs()), "{oldest:?}");
    }
}
