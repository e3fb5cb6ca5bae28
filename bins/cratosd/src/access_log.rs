//! The access log: one line per answer in a file that is rotated by size, as Cratos FastAPI writes it.
//!
//! The threads that serve sockets never wait for the disk: lines go through a [`LineQueue`]. Where the disk cannot follow, lines are left
//! out, counted, and that is said once a minute.

mod anonymous;
mod line;
mod rotating;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustix::fs::Access;
use site_config::{AccessLog as Settings, Problem};

pub(crate) use line::Line;

use self::rotating::Rotating;
use crate::line_queue::LineQueue;
use service_kit::LogLimit;

/// Where lines are put; the thread behind it ends with it.
#[derive(Debug)]
pub(crate) struct AccessLog {
    queue: LineQueue,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: ArcSwap<Settings>,
    /// The file is to be opened anew, perhaps under another name.
    is_changed: AtomicBool,
    lost: AtomicU64,
    trouble: LogLimit,
}

impl AccessLog {
    /// Starts the thread that writes; a file that cannot be opened is tried again at every line.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            settings: ArcSwap::from_pointee(settings),
            is_changed: AtomicBool::new(true),
            lost: AtomicU64::new(0),
            trouble: LogLimit::once_a_minute(),
        });
        let (theirs, mut file) = (Arc::clone(&shared), None);
        let queue = LineQueue::start("access-log", move |lines| write(&theirs, &mut file, lines))?;
        // The file is opened at once, not with the first line.
        queue.wake();
        Ok(Self { queue, shared })
    }

    /// Puts a line into the queue, or counts it as lost.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let settings = self.shared.settings.load();
        if settings.path.is_none() {
            return;
        }
        if let Err(why) = self.queue.put(line.written(settings.format).into_bytes()) {
            self.shared.lose(1, why);
        }
    }

    /// Takes over settings, and opens the file anew in any case.
    pub(crate) fn reopen(&self, settings: Settings) {
        self.shared.settings.store(Arc::new(settings));
        self.shared.is_changed.store(true, Ordering::Release);
        self.queue.wake();
    }

    /// Waits a moment until the lines so far are written.
    pub(crate) fn flush(&self) {
        self.queue.flush();
    }

    /// Returns how many lines could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lose(&self, lines: u64, why: &str) {
        let lost = self.lost.fetch_add(lines, Ordering::Relaxed) + lines;
        self.trouble
            .say(|_| tracing::error!(lost, why, "lines of the access log are lost"));
    }
}

/// Returns whether this user can write the access log there. It makes no file, since a file of root's would be in the daemon's way.
/// A missing directory is fine if this user could make it.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(rustix::fs::access(path, Access::WRITE_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => check_folder(folder(path)),
        Err(error) => Err(error),
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

/// Makes what [`check_writable`] promises true: the directory of the log, if it is missing, and the file.
///
/// # Errors
/// When lines could not be written there.
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    rotating::make_writable(path)
}

/// Returns the directory of a file.
fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Returns the problem that `check` and `serve` report for an access log that cannot be written.
pub(crate) fn problem(settings: &Settings, core_file: PathBuf, error: &io::Error) -> Problem {
    let (line, column) = settings.place;
    Problem {
        file: core_file,
        line,
        column,
        key: "access_log".to_owned(),
        what: format!("cannot be written by this user: {error}"),
        instead: "make its directory writable for the user that runs the daemon, or name another file".to_owned(),
    }
}

/// Writes lines, after opening the file anew where that was asked for.
fn write(shared: &Shared, file: &mut Option<Rotating>, lines: &[Vec<u8>]) {
    if shared.is_changed.swap(false, Ordering::AcqRel) {
        *file = opened(shared);
    }
    let Some(file) = file else { return };
    let lost = file.write(lines);
    if let Some(error) = lost.error {
        shared.lose(lost.lines, &error.to_string());
    }
}

/// Opens the file of the settings. One that cannot be opened is said at once, not only with the first line that is lost.
fn opened(shared: &Shared) -> Option<Rotating> {
    let settings = shared.settings.load();
    let path = settings.path.clone()?;
    let mut file = Rotating::new(path, settings.max_bytes, settings.rotations);
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
    fn a_path_that_cannot_be_written_is_known_before_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("access.log");
        check_writable(&file).unwrap();
        assert!(!file.exists());
        std::fs::write(&file, "").unwrap();
        check_writable(&file).unwrap();
        assert!(check_writable(folder.path()).is_err());
        assert!(check_writable(&file.join("nowhere/access.log")).is_err());
    }

    #[test]
    fn what_is_found_writable_before_can_be_written_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not/yet/there/access.log");
        check_writable(&file).unwrap();
        assert!(!folder.path().join("not").exists());
        prepare(&file).unwrap();
        assert!(file.is_file());
        let below_a_file = file.join("access.log");
        assert!(check_writable(&below_a_file).is_err() && prepare(&below_a_file).is_err());
    }
}
