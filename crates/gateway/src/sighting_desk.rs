//! Reports of sightings: the queue of the crate `sightings` keeps them until MISP has them, and the forwarder sends
//! them to MISP.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use feed_engine::MispSource;
use misp_client::{ErrorKind, SightingAnswer, SightingKind, SightingReport};
use rustix::fs::Access;
use sightings::{JournalKeys, Kind, Options, Outcome, Parcel, Queue, Recipient, Status};
use site_config::Core;
use token_crypto::{TokenId, journal_key};
use tokio::task::JoinHandle;

use crate::auth::{self, Standing};
use crate::configuration::Configuration;
use crate::rate_limit::{Rate, RateLimit};
use crate::reject::Reject;
use crate::state_directory;
use service_kit::chain;

/// The reports that one token may send: a number in a row, and then one in each pause.
const RATE: Rate = Rate {
    burst: 10_000,
    pause: Duration::from_millis(50),
};

/// The pause between attempts to open the journal. A daemon that is ending may still hold it.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The longest time for sending the rest when the daemon ends. Unsent reports wait for the next start.
const LAST_ROUND: Duration = Duration::from_secs(5);

/// Takes reports, once its journal is open.
#[derive(Debug)]
pub(crate) struct Desk {
    queue: ArcSwapOption<Queue>,
    closed: Mutex<Closed>,
    limit: RateLimit<TokenId>,
}

/// The reason for a missing queue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Closed {
    /// The daemon begins or ends.
    #[default]
    NotNow,
    /// The configuration names no directory.
    NoDirectory,
    /// The journal cannot be opened; the text is the reason.
    Failing(String),
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            queue: ArcSwapOption::empty(),
            closed: Mutex::default(),
            limit: RateLimit::default(),
        }
    }
}

impl Desk {
    /// Returns the queue.
    ///
    /// # Errors
    /// 503 without a queue.
    pub(crate) fn queue(&self) -> Result<Arc<Queue>, Reject> {
        self.queue.load_full().ok_or_else(|| {
            Reject::unavailable(match &*self.lock() {
                Closed::NotNow => "Sightings cannot be taken at this moment.",
                Closed::NoDirectory => {
                    "This daemon takes no sightings: its configuration names no directory to keep them in (`sightings.directory`)."
                }
                Closed::Failing(_) => "Sightings cannot be taken at this moment; the log of the daemon says why.",
            })
        })
    }

    /// Takes this many reports from the token's rate.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(crate) fn take_turn(&self, token: TokenId, reports: usize) -> Result<(), Reject> {
        let reports = u32::try_from(reports).unwrap_or(u32::MAX);
        let taken = self.limit.take_many(token, reports, RATE, Instant::now());
        taken.map_err(|retry_after| Reject::TooManyReports { retry_after })
    }

    /// Returns the number of requests that were refused because their token had sent too many reports.
    pub(crate) fn turned_away(&self) -> u64 {
        self.limit.turned_away()
    }

    /// Returns the state of the queue, if it is open.
    pub(crate) fn status(&self) -> Option<Status> {
        self.queue.load().as_ref().map(|queue| queue.status())
    }

    /// Returns the problems that an operator should know, one line each.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Closed::Failing(why) = &*self.lock() {
            lines.push(format!("no sightings are taken: {why}"));
        }
        let held = self.status().map_or(0, |status| status.held_reporters);
        if held > 0 {
            lines.push(format!(
                "sightings of {held} token(s) wait: MISP refuses them; the log says which"
            ));
        }
        lines
    }

    /// Seals with the keys of this configuration from now on.
    pub(crate) fn use_keys(&self, core: &Core) {
        if let (Some(queue), Some(keys)) = (&*self.queue.load(), keys(core)) {
            queue.use_keys(keys);
        }
    }

    /// Sends the reports that can be sent within 5 s, and closes the journal.
    pub(crate) async fn close(&self) {
        if let Some(queue) = self.queue.swap(None) {
            queue.close(LAST_ROUND).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Closed> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the reason for the missing queue, and returns whether it is a new one.
    fn note(&self, why: Closed) -> bool {
        let mut closed = self.lock();
        let is_news = *closed != why;
        *closed = why;
        is_news
    }
}

/// Tries to open the journal until it succeeds or this is dropped.
#[derive(Debug)]
pub(crate) struct Opening(JoinHandle<()>);

impl Opening {
    pub(crate) fn begin(desk: &Arc<Desk>, configuration: &Arc<Configuration>, misp: &Arc<MispSource>) -> Self {
        let forwarder = Forwarder {
            configuration: Arc::downgrade(configuration),
            misp: Arc::clone(misp),
        };
        let opening = open(Arc::clone(desk), Arc::clone(configuration), Arc::new(forwarder));
        Self(tokio::spawn(opening))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn open(desk: Arc<Desk>, configuration: Arc<Configuration>, forwarder: Arc<Forwarder>) {
    loop {
        let loaded = Arc::clone(&configuration.snapshot().loaded);
        match directory(&loaded.core) {
            None => {
                desk.note(Closed::NoDirectory);
            }
            Some(directory) => {
                let recipient = Arc::clone(&forwarder);
                let opening = tokio::task::spawn_blocking(move || {
                    let keys = keys(&loaded.core).ok_or_else(|| "there is no encryption key".to_owned())?;
                    Queue::open(options(&loaded.core, directory), keys, recipient).map_err(|error| chain(&error))
                });
                match opening.await.unwrap_or_else(|error| Err(error.to_string())) {
                    Ok(queue) => return opened(&desk, &configuration, queue),
                    Err(why) => {
                        if desk.note(Closed::Failing(why.clone())) {
                            tracing::error!(why, "no sightings are taken; it is tried again and again");
                        }
                    }
                }
            }
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

fn opened(desk: &Desk, configuration: &Arc<Configuration>, queue: Queue) {
    let status = queue.status();
    tracing::info!(waiting = status.waiting, "sightings are taken");
    let (torn_bytes, unreadable) = (status.counted.torn_bytes, status.counted.unreadable);
    if torn_bytes > 0 || unreadable > 0 {
        tracing::warn!(
            torn_bytes,
            unreadable,
            "not all of the journal of sightings could be read: its end was cut off, or records were spoilt or are sealed with a key that is gone"
        );
    }
    desk.note(Closed::NotNow);
    desk.queue.store(Some(Arc::new(queue)));
    // The keys may have changed meanwhile.
    desk.use_keys(&configuration.snapshot().loaded.core);
}

/// Returns the directory for reports: that of the core file, else one below the state directory of systemd.
fn directory(core: &Core) -> Option<PathBuf> {
    let named = core.sightings.directory.as_ref().map(|named| named.path.clone());
    named.or_else(|| Some(state_directory::from_environment()?.join("sightings")))
}

/// Checks that this user can keep reports in a directory. It makes no file, since files of root would be in the
/// daemon's way.
///
/// # Errors
/// When the directory cannot be read, written or made.
pub fn check_writable(directory: &std::path::Path) -> std::io::Result<()> {
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    match std::fs::metadata(directory) {
        Ok(found) if !found.is_dir() => Err(std::io::ErrorKind::NotADirectory.into()),
        Ok(_) => Ok(rustix::fs::access(directory, all)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = directory.ancestors().skip(1).find(|above| above.exists());
            let above = above.unwrap_or_else(|| std::path::Path::new("."));
            Ok(rustix::fs::access(above, Access::WRITE_OK | Access::EXEC_OK)?)
        }
        Err(error) => Err(error),
    }
}

fn options(core: &Core, directory: PathBuf) -> Options {
    let mut options = Options::new(directory);
    options.max_bytes = core.sightings.max_bytes;
    options.max_age = core.sightings.max_age;
    options.window = core.sightings.duplicate_window;
    options
}

fn keys(core: &Core) -> Option<JournalKeys> {
    let keys = core.encryption_keys.iter().map(|key| journal_key(key, &core.salt));
    let keys: Vec<_> = keys.collect();
    JournalKeys::new(keys.iter().map(|key| &**key))
}

/// Sends reports to MISP, with the MISP key of the token that they came with.
struct Forwarder {
    /// Weak, since the configuration holds the desk, which holds the queue, which holds this.
    configuration: Weak<Configuration>,
    misp: Arc<MispSource>,
}

/// MISP was not asked.
const NOT_ASKED: Outcome = Outcome::Failed {
    was_begun: false,
    retry_after: None,
};

impl Recipient for Forwarder {
    async fn deliver(&self, parcel: &Parcel) -> Outcome {
        let Some(configuration) = self.configuration.upgrade() else {
            return NOT_ASKED;
        };
        let site = parcel.reporter.site();
        let (grant, token) = match auth::standing(&configuration.snapshot(), parcel.reporter.credential()) {
            Standing::Good(grant, token) => (grant, token),
            Standing::SiteAway => return NOT_ASKED,
            Standing::Ended => {
                tracing::warn!(site, "sightings are dropped: their token has ended, or was revoked");
                return Outcome::Void;
            }
        };
        let client = match self.misp.client(&grant.upstream) {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(site, error = chain(&error), "sightings wait");
                return NOT_ASKED;
            }
        };
        let Ok(report) = report(parcel) else {
            return Outcome::Rejected;
        };
        match client.add_sightings(&report).await {
            Ok(SightingAnswer::Added) => Outcome::Sent,
            Ok(SightingAnswer::NothingMatches) => Outcome::Unknown,
            Err(error) => judged(&error, parcel, token),
        }
    }
}

fn report(parcel: &Parcel) -> Result<SightingReport, misp_client::Error> {
    let kind = match parcel.kind {
        Kind::Hit => SightingKind::Hit,
        Kind::FalsePositive => SightingKind::FalsePositive,
    };
    let report = SightingReport::new(parcel.values.iter().cloned(), kind)?;
    Ok(report.source(&*parcel.source)?.seen_at(parcel.seen_at))
}

/// Returns the outcome of a parcel that MISP did not take, and logs what an operator can do.
fn judged(error: &misp_client::Error, parcel: &Parcel, token: TokenId) -> Outcome {
    let (site, why) = (parcel.reporter.site(), chain(error));
    let failed = |was_begun| Outcome::Failed {
        was_begun,
        retry_after: error.retry_after(),
    };
    match error.kind() {
        // Without a message of MISP, a proxy refused something in the parcel: other values of the reporter must not
        // wait for that.
        ErrorKind::NotPermitted if error.misp_message().is_some() => {
            tracing::error!(
                site,
                %token,
                why,
                "MISP refuses sightings: give the role of the token's MISP user the permission \"Sighting Creator\""
            );
            Outcome::Refused
        }
        ErrorKind::KeyRefused => {
            tracing::error!(site, %token, why, "MISP refuses sightings: it does not take the token's MISP key any more");
            Outcome::Refused
        }
        ErrorKind::MispError if is_final(error, parcel) => {
            tracing::warn!(site, %token, why, "MISP rejects sightings; they are dropped");
            Outcome::Rejected
        }
        // MISP names fields that it does not take. The other values of a parcel may be good.
        ErrorKind::Rejected if parcel.values.len() == 1 => {
            tracing::warn!(site, %token, why, "MISP rejects sightings; they are dropped");
            Outcome::Rejected
        }
        ErrorKind::InvalidSearch => Outcome::Rejected,
        kind => {
            tracing::warn!(site, why, "sightings wait: MISP does not take them now");
            failed(matches!(
                kind,
                ErrorKind::CutShort
                    | ErrorKind::MispError
                    | ErrorKind::NotJson
                    | ErrorKind::NotPermitted
                    | ErrorKind::Rejected
                    | ErrorKind::Timeout
                    | ErrorKind::TooLarge
                    | ErrorKind::UnexpectedAnswer
            ))
        }
    }
}

/// Returns whether the same parcel will always get the same answer. A MISP under maintenance answers everything with
/// 405, so only statuses about the content count. They count for parcels of one value only: the other values of a
/// parcel may be good.
fn is_final(error: &misp_client::Error, parcel: &Parcel) -> bool {
    match error.status() {
        // With 200 MISP complains about type, source or time, which are the same for all of a parcel.
        None => true,
        Some(status) => parcel.values.len() == 1 && matches!(status, 400 | 413 | 414 | 422),
    }
}
