//! The files that TLS needs.

use std::fmt;
use std::path::{Path, PathBuf};

/// The files of a server's TLS, in PEM.
///
/// ```
/// use http_front::{ClientCertificates, TlsFiles};
///
/// let files = TlsFiles::new("own.pem", "own.key").client_ca("devices.pem", ClientCertificates::Required);
/// assert_eq!(files.certificate.to_str(), Some("own.pem"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate of the server, and after it the chain to its authority.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// The authorities of client certificates. Without them clients are asked for no certificate.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must have a certificate, where there is a `client_ca`.
    pub client_certificates: ClientCertificates,
}

/// Whether a client must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// A client without a certificate gets no connection.
    #[default]
    Required,
    /// A client without a certificate is served as well. One with a certificate of another authority is refused.
    Optional,
}

/// One of the files in [`TlsFiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFile {
    /// [`TlsFiles::certificate`].
    Certificate,
    /// [`TlsFiles::key`].
    Key,
    /// [`TlsFiles::client_ca`].
    ClientCa,
}

impl TlsFiles {
    /// Returns a certificate with its key; clients are asked for no certificate.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
            client_certificates: ClientCertificates::default(),
        }
    }

    /// Asks clients for a certificate of one of the authorities in this file.
    #[must_use]
    pub fn client_ca(mut self, authorities: impl Into<PathBuf>, wanted: ClientCertificates) -> Self {
        self.client_ca = Some(authorities.into());
        self.client_certificates = wanted;
        self
    }

    /// Returns the paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let paths = [&self.certificate, &self.key].into_iter().chain(&self.client_ca);
        paths.map(PathBuf::as_path)
    }
}

impl fmt::Display for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::ClientCa => "client_ca",
        })
    }
}
