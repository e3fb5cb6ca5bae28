//! TLS: the certificate that callers are shown, and the ones that they must show. Read from files, and again when those change.

mod dates;
mod files;
mod following;
mod pem;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use site_config::Problem;

use following::Look;

pub(crate) use files::{Findings, read};
pub(crate) use following::Following;

/// What connections are taken with from now on; those that are open keep what they began with.
pub(crate) struct Tls {
    server: ArcSwap<ServerConfig>,
    /// When the certificate ends, in seconds since 1970.
    ends: AtomicI64,
    /// The files are not those in force, since they cannot be used.
    is_refused: AtomicBool,
    failed_handshakes: AtomicU64,
    /// What the files were like when they were last read.
    read: Mutex<Look>,
}

/// Files that can be used: what a handshake needs, and when the certificate ends.
pub(crate) struct Server {
    config: Arc<ServerConfig>,
    ends: Timestamp,
}

impl Tls {
    /// Reads the files for the first time. Certificates that are out of date are used and logged: who checks them refuses them, and
    /// who does not goes on being served.
    ///
    /// # Errors
    /// The problems of files that cannot be used.
    pub(crate) fn open(core_file: &Path, tls: &site_config::Tls) -> Result<Self, Vec<Problem>> {
        let look = Look::at(Some(tls));
        let findings = read(core_file, tls, Timestamp::now());
        tell_about(&findings);
        match findings.server {
            Some(server) => Ok(Self {
                server: ArcSwap::new(server.config),
                ends: AtomicI64::new(server.ends.as_second()),
                is_refused: AtomicBool::new(false),
                failed_handshakes: AtomicU64::new(0),
                read: Mutex::new(look),
            }),
            None => Err(findings.problems),
        }
    }

    /// Reads the files again. They are in force if nothing is wrong with them, certificates out of date included; else everything
    /// stays as it was, and the log says why.
    fn read_again(&self, core_file: &Path, tls: &site_config::Tls) {
        let findings = read(core_file, tls, Timestamp::now());
        let is_refused = match &findings.server {
            Some(server) if findings.out_of_date.is_empty() => {
                self.server.store(Arc::clone(&server.config));
                self.ends.store(server.ends.as_second(), Ordering::Relaxed);
                tracing::info!(ends = %server.ends, "TLS files read again and in force");
                tell_about(&findings);
                false
            }
            _ => {
                let problems: Vec<_> = findings.wrong().map(ToString::to_string).collect();
                tracing::error!(
                    problems = problems.join("; "),
                    "TLS files not taken over: the certificate before stays in force"
                );
                true
            }
        };
        self.is_refused.store(is_refused, Ordering::Relaxed);
    }

    /// Returns what the next handshake is made with.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server.load_full()
    }

    /// Returns when the certificate ends, in seconds since 1970.
    pub(crate) fn ends(&self) -> i64 {
        self.ends.load(Ordering::Relaxed)
    }

    /// Returns whether newer files cannot be used.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// Counts one more handshake that came to nothing.
    pub(crate) fn handshake_failed(&self) {
        self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many handshakes came to nothing.
    pub(crate) fn failed_handshakes(&self) -> u64 {
        self.failed_handshakes.load(Ordering::Relaxed)
    }

    /// Returns whether the files have changed since they were last read.
    fn is_news(&self, look: &Look) -> bool {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) != *look
    }

    fn was_read(&self, look: Look) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ends", &self.ends())
            .finish_non_exhaustive()
    }
}

fn tell_about(findings: &Findings) {
    for problem in &findings.out_of_date {
        tracing::error!("{problem}");
    }
    for note in &findings.notes {
        tracing::warn!("{note}");
    }
}
