//! The certificates of a server: read from files, and read again when the files change.

mod dates;
mod file_states;
mod files;
mod findings;
mod pem;
mod reload;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::sync::Notify;

pub use files::{ClientCertificates, TlsFile, TlsFiles};
pub use findings::{TlsFindings, TlsNote, TlsProblem};

use file_states::FileStates;
pub(crate) use reload::Reload;

/// The certificate of a server with its key, and the authorities of client certificates. Clones are handles to the same
/// certificates.
///
/// A [`Front`](crate::Front) reads the files again when they have changed and then stayed the same for a second, since
/// a certificate and its key are two files. Open connections keep the certificate that they began with. Files that
/// cannot be used, or whose certificate is out of date, change nothing: the earlier certificate stays in force.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    server: ArcSwap<ServerConfig>,
    ends: AtomicI64,
    is_refused: AtomicBool,
    failed_handshakes: AtomicU64,
    state: Mutex<State>,
    /// Wakes the task that reads the files again.
    touched: Notify,
    is_polled: AtomicBool,
    on_reload: OnceLock<Box<OnReload>>,
}

type OnReload = dyn Fn(&TlsReload) + Send + Sync;

struct State {
    /// The files that count, from the next look on.
    files: TlsFiles,
    /// The files as they were when they were last read.
    read: FileStates,
    findings: TlsFindings,
}

/// Files that can be used.
struct Server {
    config: Arc<ServerConfig>,
    ends: Timestamp,
}

/// The outcome of reading changed files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsReload {
    /// The new files are in force.
    InForce(TlsFindings),
    /// The earlier certificate stays in force, for [`wrong`](TlsFindings::wrong) reasons.
    Refused(TlsFindings),
}

impl Certificates {
    /// Reads the files for the first time. Certificates that are out of date are used too; [`findings`](Self::findings)
    /// has them. Blocks.
    ///
    /// # Errors
    /// All problems of the files, where they cannot be used.
    pub fn open(files: TlsFiles) -> Result<Self, TlsFindings> {
        let read = FileStates::of(&files);
        let (server, findings) = findings::read(&files, Timestamp::now());
        let Some(server) = server else { return Err(findings) };
        Ok(Self(Arc::new(Shared {
            ends: AtomicI64::new(server.ends.as_second()),
            server: ArcSwap::new(server.config),
            is_refused: AtomicBool::new(false),
            failed_handshakes: AtomicU64::new(0),
            state: Mutex::new(State { files, read, findings }),
            touched: Notify::new(),
            is_polled: AtomicBool::new(true),
            on_reload: OnceLock::new(),
        })))
    }

    /// Reads files and keeps nothing, for a command that only checks them. Blocks.
    #[must_use]
    pub fn check(files: &TlsFiles) -> TlsFindings {
        findings::read(files, Timestamp::now()).1
    }

    /// Returns the findings of the last reading.
    #[must_use]
    pub fn findings(&self) -> TlsFindings {
        self.state().findings.clone()
    }

    /// Calls `report` after each reading of changed files. Without this, the outcome is logged. A second call changes
    /// nothing.
    pub fn on_reload(&self, report: impl Fn(&TlsReload) + Send + Sync + 'static) {
        let _ = self.0.on_reload.set(Box::new(report));
    }

    /// Takes other files from now on, for example after a change of a configuration.
    pub fn set_files(&self, files: TlsFiles) {
        self.state().files = files;
        self.files_changed();
    }

    /// Says that the files may have changed, so that they are looked at now.
    pub fn files_changed(&self) {
        self.0.touched.notify_one();
    }

    /// Sets whether the files are looked at every ten seconds. Switch it off where something watches the files and
    /// calls [`files_changed`](Self::files_changed), so that an idle process sleeps. Default: on.
    pub fn set_polling(&self, is_polled: bool) {
        self.0.is_polled.store(is_polled, Ordering::Relaxed);
        self.files_changed();
    }

    /// Returns the end of the certificate in force, in seconds since 1970.
    #[must_use]
    pub fn ends(&self) -> i64 {
        self.0.ends.load(Ordering::Relaxed)
    }

    /// Returns whether the newest files cannot be used and an earlier certificate is in force.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.is_refused.load(Ordering::Relaxed)
    }

    /// Returns how many TLS handshakes have failed.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.0.failed_handshakes.load(Ordering::Relaxed)
    }

    pub(crate) fn count_failed_handshake(&self) {
        self.0.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the settings of the next handshake.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.0.server.load_full()
    }

    /// Starts the task that reads changed files. It ends when the returned value is dropped.
    pub(crate) fn reload_when_changed(&self) -> Reload {
        Reload::start(self.clone())
    }

    /// Reads the files again. They are in force if nothing is wrong with them, or else the earlier certificate stays.
    fn read_again(&self) {
        let files = self.state().files.clone();
        let (server, findings) = findings::read(&files, Timestamp::now());
        self.state().findings = findings.clone();
        let outcome = match server {
            Some(server) if findings.out_of_date.is_empty() => {
                self.0.ends.store(server.ends.as_second(), Ordering::Relaxed);
                self.0.server.store(server.config);
                TlsReload::InForce(findings)
            }
            _ => TlsReload::Refused(findings),
        };
        let is_refused = matches!(outcome, TlsReload::Refused(_));
        self.0.is_refused.store(is_refused, Ordering::Relaxed);
        match self.0.on_reload.get() {
            Some(report) => report(&outcome),
            None => log(&outcome),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("ends", &self.ends())
            .finish_non_exhaustive()
    }
}

fn log(outcome: &TlsReload) {
    match outcome {
        TlsReload::InForce(findings) => {
            tracing::info!("changed TLS files are in force");
            findings.notes.iter().for_each(|note| tracing::warn!("{note}"));
        }
        TlsReload::Refused(findings) => {
            tracing::error!(problems = %findings, "changed TLS files cannot be used: the earlier certificate stays in force");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;

    /// Writes a new self-signed certificate and its key.
    fn write(folder: &Path) -> TlsFiles {
        let files = TlsFiles::new(folder.join("own.pem"), folder.join("own.key"));
        let made = rcgen::generate_simple_self_signed(["www.example.net".to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn files_that_cannot_be_used_are_an_error_with_every_problem() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles::new(folder.path().join("a"), folder.path().join("b"));
        let findings = Certificates::open(files.clone()).unwrap_err();
        let found: Vec<_> = findings.problems.iter().map(|problem| problem.file).collect();
        assert_eq!(found, [TlsFile::Certificate, TlsFile::Key]);
        assert_eq!(Certificates::check(&files), findings);
        let first = findings.problems[0].to_string();
        assert!(
            first.ends_with("/a: is not there: create it, or correct the path"),
            "{first}"
        );
    }

    #[tokio::test]
    async fn changed_files_are_in_force_and_the_outcome_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::open(write(folder.path())).unwrap();
        let (report, outcomes) = mpsc::channel();
        certificates.on_reload(move |outcome| report.send(outcome.clone()).unwrap());
        let (_reload, before) = (certificates.reload_when_changed(), certificates.server());
        let next = |files: TlsFiles| {
            certificates.set_files(files);
            let outcomes = &outcomes;
            async move {
                loop {
                    match outcomes.try_recv() {
                        Ok(outcome) => return outcome,
                        Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                    }
                }
            }
        };
        let other = tempfile::tempdir().unwrap();
        let outcome = next(TlsFiles::new(other.path().join("a"), other.path().join("b"))).await;
        assert!(matches!(outcome, TlsReload::Refused(_)), "{outcome:?}");
        assert!(certificates.is_refused() && Arc::ptr_eq(&before, &certificates.server()));
        let outcome = next(write(other.path())).await;
        assert!(matches!(outcome, TlsReload::InForce(_)), "{outcome:?}");
        assert!(!certificates.is_refused() && !Arc::ptr_eq(&before, &certificates.server()));
    }
}
