//! What the files under `tls` give, and everything that is to be said about them.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};
use site_config::{ClientCertificates, NamedFile, Note, Problem};

use super::Server;
use super::dates::{Dates, Standing};
use super::pem::{self, Unusable};

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";
const CLIENT_CA: &str = "tls.client_ca";

/// What is spoken inside, as the handshake names it, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What came out of the files.
pub(crate) struct Findings {
    /// Nothing if there is a problem.
    pub(crate) server: Option<Server>,
    /// Why the files cannot be used.
    pub(crate) problems: Vec<Problem>,
    /// Certificates that have ended or have not begun: they can be used, and whoever checks them refuses them.
    pub(crate) out_of_date: Vec<Problem>,
    /// What is worth knowing although it is no problem.
    pub(crate) notes: Vec<Note>,
}

impl Findings {
    /// Returns everything that is wrong: what keeps the files from being used, and certificates that are out of date.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(&self.out_of_date)
    }
}

/// Reads the files that the core file names, as of `now`. Blocks.
pub(crate) fn read(core_file: &Path, tls: &site_config::Tls, now: Timestamp) -> Findings {
    let mut reading = Reading {
        core_file,
        now,
        findings: Findings {
            server: None,
            problems: Vec::new(),
            out_of_date: Vec::new(),
            notes: Vec::new(),
        },
    };
    let chain = reading.certificates(CERTIFICATE, &tls.certificate);
    let certified = reading.certified(tls, chain);
    let clients = tls
        .client_ca
        .as_ref()
        .map(|ca| reading.clients(ca, tls.client_certificates));
    let server = match (certified, clients) {
        (Some((certified, ends)), None) => reading.server(tls, certified, ends, None),
        (Some((certified, ends)), Some(Some(clients))) => reading.server(tls, certified, ends, Some(clients)),
        _ => None,
    };
    Findings {
        server,
        ..reading.findings
    }
}

struct Reading<'a> {
    core_file: &'a Path,
    now: Timestamp,
    findings: Findings,
}

/// Certificates, and the end of the first one.
type Dated = (Vec<CertificateDer<'static>>, Timestamp);

impl Reading<'_> {
    /// Reads certificates and judges their dates.
    fn certificates(&mut self, key: &str, file: &NamedFile) -> Option<Dated> {
        let certificates = self.keep(key, file, pem::certificates(&file.path))?;
        let mut first = None;
        for (index, certificate) in certificates.iter().enumerate() {
            let dates = Dates::of(certificate).ok_or(Unusable::BrokenCertificate(index + 1));
            let dates = self.keep(key, file, dates)?;
            self.judge(key, file, index + 1, dates);
            first.get_or_insert(dates.ends);
        }
        Some((certificates, first?))
    }

    fn judge(&mut self, key: &str, file: &NamedFile, number: usize, dates: Dates) {
        let about = format!("{}: its certificate {number}", file.path.display());
        let (what, instead) = match dates.at(self.now) {
            Standing::Good => return,
            Standing::EndsSoon(days) => {
                let days = if days == 1 {
                    "1 day".to_owned()
                } else {
                    format!("{days} days")
                };
                let note = self.note(key, file, format!("{about} ends in {days}, at {}", dates.ends));
                return self.findings.notes.push(note);
            }
            Standing::Ended => (format!("{about} has ended at {}", dates.ends), "renew it"),
            Standing::NotYet => (
                format!("{about} does not count before {}", dates.begins()),
                "look at the clock of this machine, or take one that counts today",
            ),
        };
        let problem = self.problem(key, file, what, instead);
        self.findings.out_of_date.push(problem);
    }

    /// Reads the key and holds it against the certificate.
    fn certified(&mut self, tls: &site_config::Tls, chain: Option<Dated>) -> Option<(CertifiedKey, Timestamp)> {
        let key = pem::private_key(&tls.key.path)
            .and_then(|key| aws_lc_rs::sign::any_supported_type(&key).map_err(|_| Unusable::UnknownKey));
        let key = self.keep(KEY, &tls.key, key);
        if everybody_may_read(&tls.key.path) {
            let what = "every user of this machine may read this key; chmod 600";
            let note = self.note(KEY, &tls.key, format!("{}: {what}", tls.key.path.display()));
            self.findings.notes.push(note);
        }
        let ((chain, ends), key) = (chain?, key?);
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Some((certified, ends)),
            Err(Error::InconsistentKeys(_)) => self.keep(KEY, &tls.key, Err(Unusable::OtherKey)),
            Err(_) => self.keep(CERTIFICATE, &tls.certificate, Err(Unusable::BrokenCertificate(1))),
        }
    }

    /// Reads the authorities of callers.
    fn clients(&mut self, file: &NamedFile, wanted: ClientCertificates) -> Option<Arc<dyn ClientCertVerifier>> {
        let (authorities, _) = self.certificates(CLIENT_CA, file)?;
        let mut roots = RootCertStore::empty();
        for (index, authority) in authorities.into_iter().enumerate() {
            let added = roots.add(authority).map_err(|_| Unusable::BrokenCertificate(index + 1));
            self.keep(CLIENT_CA, file, added)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match wanted {
            ClientCertificates::Optional => builder.allow_unauthenticated(),
            _ => builder,
        };
        self.keep(CLIENT_CA, file, verifier.build().map_err(|_| Unusable::NoCertificate))
    }

    fn server(
        &mut self,
        tls: &site_config::Tls,
        certified: CertifiedKey,
        ends: Timestamp,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Option<Server> {
        let config = server_config(certified, clients).map_err(|_| Unusable::UnknownKey);
        let config = Arc::new(self.keep(KEY, &tls.key, config)?);
        Some(Server { config, ends })
    }

    /// Notes what is wrong with a file, if anything is.
    fn keep<T>(&mut self, key: &str, file: &NamedFile, outcome: Result<T, Unusable>) -> Option<T> {
        outcome
            .map_err(|unusable| {
                let what = format!("{}: {unusable}", file.path.display());
                let problem = self.problem(key, file, what, unusable.instead());
                self.findings.problems.push(problem);
            })
            .ok()
    }

    fn problem(&self, key: &str, file: &NamedFile, what: String, instead: &str) -> Problem {
        let (line, column) = file.place;
        Problem {
            file: self.core_file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            what,
            instead: instead.to_owned(),
        }
    }

    fn note(&self, key: &str, file: &NamedFile, what: String) -> Note {
        let (line, column) = file.place;
        Note {
            file: self.core_file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            what,
        }
    }
}

/// TLS 1.2 and 1.3, whatever else in this process uses rustls.
fn server_config(certified: CertifiedKey, clients: Option<Arc<dyn ClientCertVerifier>>) -> Result<ServerConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let asks = clients.is_some();
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    if asks {
        // A session that is taken up again is not asked for its certificate, which may have ended meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

#[cfg(unix)]
fn everybody_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o004 != 0)
}

/// Permissions of this system are not looked at.
#[cfg(not(unix))]
fn everybody_may_read(_: &Path) -> bool {
    false
}
