//! Reads the files of TLS, and reports everything that is wrong with them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};

use super::Server;
use super::dates::{Dates, Standing};
use super::files::{ClientCertificates, TlsFile, TlsFiles};
use super::pem::{self, Unusable};

/// The protocols inside TLS, as the handshake names them, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Everything that one reading of the files found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFindings {
    /// The reasons why the files cannot be used.
    pub problems: Vec<TlsProblem>,
    /// Certificates that have expired or are not valid yet. They can be used, and a client that checks them refuses
    /// them.
    pub out_of_date: Vec<TlsProblem>,
    /// Facts that an operator should know although nothing is wrong, for example that a certificate ends in a few days.
    pub notes: Vec<TlsNote>,
    /// The end of the server's certificate, in seconds since 1970, where the files can be used.
    pub ends: Option<i64>,
}

/// One thing that is wrong with one file. Its text is one line, `path: fault: remedy`, and shows no byte of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsProblem {
    /// Which of the files it is.
    pub file: TlsFile,
    /// Its path.
    pub path: PathBuf,
    /// The fault, a lower-case fragment.
    pub what: String,
    /// The remedy, a lower-case fragment.
    pub instead: String,
}

/// One fact about one file that an operator should know. Its text is one line, `path: fact`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsNote {
    /// Which of the files it is.
    pub file: TlsFile,
    /// Its path.
    pub path: PathBuf,
    /// The fact, a lower-case fragment.
    pub what: String,
}

impl TlsFindings {
    /// Returns everything that is wrong: first the problems, then the certificates that are out of date.
    pub fn wrong(&self) -> impl Iterator<Item = &TlsProblem> {
        self.problems.iter().chain(&self.out_of_date)
    }
}

/// One line for everything that is wrong.
impl fmt::Display for TlsFindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.wrong().map(ToString::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

impl std::error::Error for TlsFindings {}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path.display(), self.what, self.instead)
    }
}

impl std::error::Error for TlsProblem {}

impl fmt::Display for TlsNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Reads the files, and judges their dates as of `now`. Blocks.
pub(super) fn read(files: &TlsFiles, now: Timestamp) -> (Option<Server>, TlsFindings) {
    let mut reading = Reading {
        now,
        findings: TlsFindings::default(),
    };
    let chain = reading.certificates(TlsFile::Certificate, &files.certificate);
    let certified = reading.certified(files, chain);
    let clients = files
        .client_ca
        .as_ref()
        .map(|ca| reading.clients(ca, files.client_certificates));
    let server = match (certified, clients) {
        (Some((certified, ends)), None) => reading.server(files, certified, ends, None),
        (Some((certified, ends)), Some(Some(clients))) => reading.server(files, certified, ends, Some(clients)),
        _ => None,
    };
    let mut findings = reading.findings;
    findings.ends = server.as_ref().map(|server| server.ends.as_second());
    (server, findings)
}

struct Reading {
    now: Timestamp,
    findings: TlsFindings,
}

/// Certificates, and the end of the first one.
type Dated = (Vec<CertificateDer<'static>>, Timestamp);

impl Reading {
    /// Reads certificates and judges their dates.
    fn certificates(&mut self, file: TlsFile, path: &Path) -> Option<Dated> {
        let certificates = self.keep(file, path, pem::certificates(path))?;
        let mut first = None;
        for (index, certificate) in certificates.iter().enumerate() {
            let dates = Dates::of(certificate).ok_or(Unusable::BrokenCertificate(index + 1));
            let dates = self.keep(file, path, dates)?;
            self.judge(file, path, index + 1, dates);
            first.get_or_insert(dates.ends);
        }
        Some((certificates, first?))
    }

    fn judge(&mut self, file: TlsFile, path: &Path, number: usize, dates: Dates) {
        let about = format!("its certificate {number}");
        let (what, instead) = match dates.at(self.now) {
            Standing::Good => return,
            Standing::EndsSoon(days) => {
                let days = if days == 1 {
                    "1 day".to_owned()
                } else {
                    format!("{days} days")
                };
                return self.note(file, path, format!("{about} ends in {days}, at {}", dates.ends));
            }
            Standing::Ended => (format!("{about} has ended at {}", dates.ends), "renew it"),
            Standing::NotYet => (
                format!("{about} does not count before {}", dates.begins()),
                "look at the clock of this machine, or take one that counts today",
            ),
        };
        let problem = problem(file, path, what, instead);
        self.findings.out_of_date.push(problem);
    }

    /// Reads the key and compares it with the certificate.
    fn certified(&mut self, files: &TlsFiles, chain: Option<Dated>) -> Option<(CertifiedKey, Timestamp)> {
        let path = &files.key;
        let key = pem::private_key(path)
            .and_then(|key| aws_lc_rs::sign::any_supported_type(&key).map_err(|_| Unusable::UnknownKey));
        let key = self.keep(TlsFile::Key, path, key);
        if is_readable_by_all(path) {
            let what = "every user of this machine may read this key; chmod 600";
            self.note(TlsFile::Key, path, what.to_owned());
        }
        let ((chain, ends), key) = (chain?, key?);
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Some((certified, ends)),
            Err(Error::InconsistentKeys(_)) => self.keep(TlsFile::Key, path, Err(Unusable::OtherKey)),
            Err(_) => {
                let broken = Err(Unusable::BrokenCertificate(1));
                self.keep(TlsFile::Certificate, &files.certificate, broken)
            }
        }
    }

    /// Reads the authorities of client certificates.
    fn clients(&mut self, path: &Path, wanted: ClientCertificates) -> Option<Arc<dyn ClientCertVerifier>> {
        let (authorities, _) = self.certificates(TlsFile::ClientCa, path)?;
        let mut roots = RootCertStore::empty();
        for (index, authority) in authorities.into_iter().enumerate() {
            let added = roots.add(authority).map_err(|_| Unusable::BrokenCertificate(index + 1));
            self.keep(TlsFile::ClientCa, path, added)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = match wanted {
            ClientCertificates::Optional => builder.allow_unauthenticated(),
            ClientCertificates::Required => builder,
        };
        self.keep(
            TlsFile::ClientCa,
            path,
            builder.build().map_err(|_| Unusable::NoCertificate),
        )
    }

    fn server(
        &mut self,
        files: &TlsFiles,
        certified: CertifiedKey,
        ends: Timestamp,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Option<Server> {
        let config = server_config(certified, clients).map_err(|_| Unusable::UnknownKey);
        let config = Arc::new(self.keep(TlsFile::Key, &files.key, config)?);
        Some(Server { config, ends })
    }

    /// Returns the value, or adds a problem of the file.
    fn keep<T>(&mut self, file: TlsFile, path: &Path, outcome: Result<T, Unusable>) -> Option<T> {
        outcome
            .map_err(|unusable| {
                let problem = problem(file, path, unusable.to_string(), unusable.instead());
                self.findings.problems.push(problem);
            })
            .ok()
    }

    fn note(&mut self, file: TlsFile, path: &Path, what: String) {
        let path = path.to_owned();
        self.findings.notes.push(TlsNote { file, path, what });
    }
}

fn problem(file: TlsFile, path: &Path, what: String, instead: &str) -> TlsProblem {
    TlsProblem {
        file,
        path: path.to_owned(),
        what,
        instead: instead.to_owned(),
    }
}

/// Returns settings for TLS 1.2 and 1.3, independent of other users of rustls in this process.
fn server_config(certified: CertifiedKey, clients: Option<Arc<dyn ClientCertVerifier>>) -> Result<ServerConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let asks_clients = clients.is_some();
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    if asks_clients {
        // A resumed session does not show its certificate again, which may have expired meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o004 != 0)
}

/// Other systems have other permissions, which are not checked.
#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}
