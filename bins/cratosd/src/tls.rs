//! The certificate files of the core file, as the HTTP front takes them, and their problems with places in the core
//! file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_front::{Certificates, TlsFile, TlsFiles, TlsFindings, TlsReload};
use site_config::{ConfigStore, NamedFile, Note, Problem, Tls, Watch};

use crate::exit::chain;

/// Everything that one reading of the certificate files found, in the words of `cratosd check`.
#[derive(Debug)]
pub(crate) struct Report {
    /// The reasons why the files cannot be used.
    pub(crate) problems: Vec<Problem>,
    /// Certificates that have expired or are not valid yet. They can be used, and a client that checks them refuses
    /// them.
    pub(crate) out_of_date: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
}

impl Report {
    /// Reads the files and reports their state. Blocks.
    pub(crate) fn read(core_file: &Path, tls: &Tls) -> Self {
        Self::of(core_file, tls, &Certificates::check(&files(tls)))
    }

    /// Returns everything that is wrong.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(&self.out_of_date)
    }

    fn of(core_file: &Path, tls: &Tls, findings: &TlsFindings) -> Self {
        let problem = |found: &http_front::TlsProblem| {
            let (key, (line, column)) = place(tls, found.file);
            Problem {
                file: core_file.to_owned(),
                line,
                column,
                key,
                what: format!("{}: {}", found.path.display(), found.what),
                instead: found.instead.clone(),
            }
        };
        let note = |found: &http_front::TlsNote| {
            let (key, (line, column)) = place(tls, found.file);
            Note {
                file: core_file.to_owned(),
                line,
                column,
                key,
                what: found.to_string(),
            }
        };
        Self {
            problems: findings.problems.iter().map(problem).collect(),
            out_of_date: findings.out_of_date.iter().map(problem).collect(),
            notes: findings.notes.iter().map(note).collect(),
        }
    }

    fn log(&self) {
        self.out_of_date.iter().for_each(|problem| tracing::error!("{problem}"));
        self.notes.iter().for_each(|note| tracing::warn!("{note}"));
    }
}

/// Opens the certificates that the core file names, if it names any, and logs what an operator should know of them.
/// Blocks.
///
/// # Errors
/// All problems of files that cannot be used.
pub(crate) fn open(config: &ConfigStore) -> Result<Option<Certificates>, Vec<Problem>> {
    let (loaded, core_file) = (config.current(), &config.paths().config);
    let Some(tls) = &loaded.core.tls else { return Ok(None) };
    let certificates =
        Certificates::open(files(tls)).map_err(|findings| Report::of(core_file, tls, &findings).problems)?;
    Report::of(core_file, tls, &certificates.findings()).log();
    Ok(Some(certificates))
}

/// Keeps the certificates in step with their files and with the core file. Dropping it ends the watch over the files.
pub(crate) struct CertificateWatch {
    _watch: Option<Arc<Watch>>,
}

impl CertificateWatch {
    /// Starts the watch. Without certificates it only logs when `tls` comes into the core file.
    pub(crate) fn start(certificates: Option<&Certificates>, config: &Arc<ConfigStore>) -> Self {
        let watch = certificates.and_then(|certificates| {
            log_reloads(certificates, config);
            watch(certificates, config)
        });
        on_new_core_file(certificates.cloned(), config, watch.as_ref());
        Self { _watch: watch }
    }
}

/// Logs each reading of changed files, with places in the core file.
fn log_reloads(certificates: &Certificates, config: &Arc<ConfigStore>) {
    let config = Arc::downgrade(config);
    certificates.on_reload(move |outcome| {
        let Some(config) = config.upgrade() else { return };
        let (loaded, core_file) = (config.current(), &config.paths().config);
        let Some(tls) = &loaded.core.tls else {
            tracing::warn!(
                is_in_force = matches!(outcome, TlsReload::InForce(_)),
                "the files of `tls` have changed, which is not in the core file any more: restart the daemon"
            );
            return;
        };
        match outcome {
            TlsReload::InForce(findings) => {
                let ends = findings.ends.and_then(|ends| jiff::Timestamp::from_second(ends).ok());
                tracing::info!(
                    ends = ends.map(tracing::field::display),
                    "TLS files read again and in force"
                );
                Report::of(core_file, tls, findings).log();
            }
            TlsReload::Refused(findings) => {
                let report = Report::of(core_file, tls, findings);
                let problems: Vec<_> = report.wrong().map(ToString::to_string).collect();
                tracing::error!(
                    problems = problems.join("; "),
                    "TLS files not taken over: the certificate before stays in force"
                );
            }
            _ => {}
        }
    });
}

/// Watches the files that the core file names, and where their names lead to: for example, `live/fullchain.pem` of most
/// ACME clients is a link.
fn watch(certificates: &Certificates, config: &Arc<ConfigStore>) -> Option<Arc<Watch>> {
    let config = Arc::downgrade(config);
    let files = move || match config.upgrade().and_then(|config| config.current().core.tls.clone()) {
        Some(tls) => files(&tls).paths().map(Path::to_owned).collect(),
        None => Vec::new(),
    };
    let theirs = certificates.clone();
    let watch = Watch::files(files, move || theirs.files_changed()).inspect_err(|error| {
        tracing::warn!(
            error = chain(error),
            "the files of `tls` cannot be watched: they are looked at every 10 s"
        );
    });
    certificates.set_polling(watch.is_err());
    watch.ok().map(Arc::new)
}

/// Takes the files of each new core file.
fn on_new_core_file(certificates: Option<Certificates>, config: &Arc<ConfigStore>, watch: Option<&Arc<Watch>>) {
    let (here, watch) = (Arc::downgrade(config), watch.map(Arc::downgrade));
    let is_reported = AtomicBool::new(false);
    let take_over = move || {
        let Some(tls) = here.upgrade().map(|config| config.current().core.tls.clone()) else {
            return;
        };
        match (&certificates, tls) {
            (Some(certificates), Some(tls)) => {
                is_reported.store(false, Ordering::Relaxed);
                certificates.set_files(files(&tls));
                if let Some(watch) = watch.as_ref().and_then(|watch| watch.upgrade()) {
                    watch.look_again();
                }
            }
            (None, None) => is_reported.store(false, Ordering::Relaxed),
            (_, tls) => {
                // A reload that lost a few lines must not have tokens sent in the clear.
                if !is_reported.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        wants = tls.is_some(),
                        "`tls` was added to the core file or removed from it: restart the daemon for that to count"
                    );
                }
            }
        }
    };
    // The core file may have changed since the certificates were opened.
    take_over();
    config.on_applied(take_over);
}

fn files(tls: &Tls) -> TlsFiles {
    let files = TlsFiles::new(&tls.certificate.path, &tls.key.path);
    let wanted = match tls.client_certificates {
        site_config::ClientCertificates::Optional => http_front::ClientCertificates::Optional,
        _ => http_front::ClientCertificates::Required,
    };
    match &tls.client_ca {
        Some(authorities) => files.client_ca(&authorities.path, wanted),
        None => files,
    }
}

/// Returns the key of a file in the core file, and its place there.
fn place(tls: &Tls, file: TlsFile) -> (String, (u32, u32)) {
    let named: Option<&NamedFile> = match file {
        TlsFile::Certificate => Some(&tls.certificate),
        TlsFile::Key => Some(&tls.key),
        _ => tls.client_ca.as_ref(),
    };
    (format!("tls.{file}"), named.map_or((1, 1), |named| named.place))
}
