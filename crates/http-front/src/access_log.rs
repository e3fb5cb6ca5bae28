//! The access log: one line per answer, in a file that is rotated by size.
//!
//! No answer waits for the disk: lines go through a [`LineQueue`]. Where the disk is too slow, lines are dropped and
//! counted, and the log says so once a minute.

mod clf_time;
mod details;
mod line;
mod log_file;
mod record;
mod redaction;
mod settings;

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use http::{Extensions, Request};
use rustix::fs::Access;
use service_kit::LogLimit;

pub use self::details::AccessDetails;
pub use self::settings::{AccessLogFormat, AccessLogSettings};

use self::details::ReadDetails;
use self::line::Line;
use self::log_file::LogFile;
pub(crate) use self::record::Record;
use crate::line_queue::LineQueue;

/// The access log of one service. Clones are handles to the same log; its thread ends with the last one.
#[derive(Clone, Debug)]
pub struct AccessLog {
    log: Arc<Log>,
    read_details: ReadDetails,
}

thread_local! {
    /// The memory in which this thread writes its lines: a line has a few kilobytes at most.
    static TEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
struct Log {
    queue: LineQueue,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: ArcSwap<AccessLogSettings>,
    /// The file must be opened again, perhaps under another name.
    is_changed: AtomicBool,
    lost: AtomicU64,
    loss_reports: LogLimit,
}

impl AccessLog {
    /// Starts the thread that writes the lines. A file that cannot be opened is tried again at every line.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: AccessLogSettings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            settings: ArcSwap::from_pointee(settings),
            is_changed: AtomicBool::new(true),
            lost: AtomicU64::new(0),
            loss_reports: LogLimit::once_a_minute(),
        });
        let (theirs, mut file) = (Arc::clone(&shared), None);
        let queue = LineQueue::start("access-log", move |lines| write(&theirs, &mut file, lines))?;
        // Opens the file now and not with the first line.
        queue.wake();
        Ok(Self {
            log: Arc::new(Log { queue, shared }),
            read_details: |_| AccessDetails::default(),
        })
    }

    /// Sets the function that finds the facts about a request in the extensions of its response (default: there are
    /// none).
    #[must_use]
    pub fn details(self, read: fn(&Extensions) -> AccessDetails<'_>) -> Self {
        Self {
            read_details: read,
            ..self
        }
    }

    /// Takes other settings, and opens the file again in any case: for example, logrotate may have moved it.
    pub fn reopen(&self, settings: AccessLogSettings) {
        self.log.shared.settings.store(Arc::new(settings));
        self.log.shared.is_changed.store(true, Ordering::Release);
        self.log.queue.wake();
    }

    /// Waits until the lines so far are written, for two seconds at most. Blocks.
    pub fn flush(&self) {
        self.log.queue.flush();
    }

    /// Returns how many lines could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.log.shared.lost.load(Ordering::Relaxed)
    }

    /// Returns whether this user could write a log at `path`. It makes no file, since a file of root's would be in the
    /// way of the service. A missing directory is fine if this user could make it.
    ///
    /// # Errors
    /// The reason why a line could not be written there.
    pub fn check(path: &Path) -> io::Result<()> {
        state_file::check_log(path)?;
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => Ok(rustix::fs::access(path, Access::WRITE_OK)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => check_folder(folder(path)),
            Err(error) => Err(error),
        }
    }

    /// Makes the file at `path`, and its directory where that is missing.
    ///
    /// # Errors
    /// The reason why a line cannot be written there.
    pub fn prepare(path: &Path) -> io::Result<()> {
        log_file::make_writable(path)
    }

    /// Returns the record of a request that is about to be answered; `None` while the log is switched off.
    pub(crate) fn record<B>(&self, request: &Request<B>, peer: IpAddr, started: Instant) -> Option<Record> {
        self.is_on()
            .then(|| Record::begin(self.clone(), request, peer, started))
    }

    /// Returns whether lines are written.
    pub(crate) fn is_on(&self) -> bool {
        self.log.shared.settings.load().path.is_some()
    }

    /// Puts a line into the queue, or counts it as lost.
    fn write(&self, line: &Line<'_>) {
        let settings = self.log.shared.settings.load();
        if settings.path.is_none() {
            return;
        }
        let mut text = TEXT.take();
        line.write(&settings, &mut text);
        if let Err(reason) = self.log.queue.put(&text) {
            self.log.shared.lose(1, reason);
        }
        text.clear();
        TEXT.set(text);
    }
}

impl Shared {
    fn lose(&self, lines: u64, reason: &str) {
        let lost = self.lost.fetch_add(lines, Ordering::Relaxed) + lines;
        self.loss_reports
            .say(|_| tracing::error!(lost, why = reason, "lines of the access log are lost"));
    }
}

fn check_folder(folder: &Path) -> io::Result<()> {
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) => Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder != self::folder(folder) => {
            check_folder(self::folder(folder))
        }
        Err(error) => Err(error),
    }
}

/// Returns the directory of a file.
fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes lines, after opening the file again where the settings have changed.
fn write(shared: &Shared, file: &mut Option<LogFile>, lines: &[&[u8]]) {
    if shared.is_changed.swap(false, Ordering::AcqRel) {
        *file = open(shared);
    }
    let Some(file) = file else { return };
    let lost = file.write(lines);
    if let Some(error) = lost.error {
        shared.lose(lost.lines, &error.to_string());
    }
}

/// Opens the file of the settings. A file that cannot be opened is logged now and not only with the first lost line.
fn open(shared: &Shared) -> Option<LogFile> {
    let settings = shared.settings.load();
    let path = settings.path.clone()?;
    let mut file = LogFile::new(path, settings.max_bytes, settings.rotations);
    if let Err(error) = file.open() {
        let path = settings.path.as_deref().unwrap_or(Path::new("")).display();
        tracing::error!(%path, %error, "the access log cannot be written");
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_written_is_known_before_and_no_file_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("access.log");
        AccessLog::check(&file).unwrap();
        assert!(!file.exists());
        std::fs::write(&file, "").unwrap();
        AccessLog::check(&file).unwrap();
        assert!(AccessLog::check(folder.path()).is_err());
        assert!(AccessLog::check(&file.join("nowhere/access.log")).is_err());
    }

    #[test]
    fn a_path_that_passes_the_check_can_be_prepared() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not/yet/there/access.log");
        AccessLog::check(&file).unwrap();
        assert!(!folder.path().join("not").exists());
        AccessLog::prepare(&file).unwrap();
        assert!(file.is_file());
        let below_a_file = file.join("access.log");
        assert!(AccessLog::check(&below_a_file).is_err() && AccessLog::prepare(&below_a_file).is_err());
    }
}
