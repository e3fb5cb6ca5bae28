//! Connections to MISPs: the certificates that they trust, and how they are opened.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use reqwest::Certificate;
use reqwest::redirect::Policy;

use crate::{Error, ErrorKind};

/// Web servers drop idle connections after 5 s (Apache) and more; one that we dropped ourselves cannot fail when used
/// again.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// Open connections to any number of MISPs, with the certificates that they trust. Clones share them.
///
/// Clients of several addresses and keys may use the same ones, since the key goes with each question:
/// [`ClientBuilder::connections`](crate::ClientBuilder::connections). Connections for HTTPS hold the certificates of
/// the system, which every other client would read and keep once more.
#[derive(Clone)]
pub struct Connections(reqwest::Client);

/// What connections are made with.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    pub(crate) verify_certificate: bool,
    /// Certificates to trust besides those of the system, in PEM.
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) system_proxy: bool,
    pub(crate) user_agent: String,
}

impl Connections {
    /// Returns no connections yet; one may take `connect_timeout` to open.
    pub(crate) fn new(settings: &ConnectionSettings, is_https: bool, connect_timeout: Duration) -> Result<Self, Error> {
        ensure_tls_provider()?;
        let own = settings.own_certificates()?;
        let http = || settings.http(connect_timeout);
        // Plain HTTP needs no certificates, for example in a bare container that has none.
        let built = if !is_https && !settings.system_proxy {
            http()?.tls_certs_only(own).build()
        } else {
            match http()?.tls_certs_merge(own.clone()).build() {
                // The system has none to merge with.
                Err(_) if !own.is_empty() => http()?.tls_certs_only(own).build(),
                outcome => outcome,
            }
        };
        let built = built.map_err(|error| setup("the certificates to trust").with_source(error.without_url()))?;
        Ok(Self(built))
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0
    }
}

impl ConnectionSettings {
    fn http(&self, connect_timeout: Duration) -> Result<reqwest::ClientBuilder, Error> {
        let agent = HeaderValue::from_str(&self.user_agent).map_err(|_| setup("the user agent cannot be sent"))?;
        let http = reqwest::Client::builder()
            // A redirect would carry the key to another host.
            .redirect(Policy::none())
            .referer(false)
            .user_agent(agent)
            .gzip(true)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .tls_danger_accept_invalid_certs(!self.verify_certificate);
        Ok(if self.system_proxy { http } else { http.no_proxy() })
    }

    fn own_certificates(&self) -> Result<Vec<Certificate>, Error> {
        let mut all = Vec::new();
        for pem in &self.root_certificates {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|error| setup("not a PEM certificate").with_source(error.without_url()))?;
            if certificates.is_empty() {
                return Err(setup("no certificate in the PEM text"));
            }
            all.extend(certificates);
        }
        Ok(all)
    }
}

/// Without the feature `aws-lc` TLS needs a provider that the program has installed; without one, reqwest would panic.
fn ensure_tls_provider() -> Result<(), Error> {
    if cfg!(feature = "aws-lc") || rustls::crypto::CryptoProvider::get_default().is_some() {
        return Ok(());
    }
    Err(setup(
        "no TLS provider: enable the feature `aws-lc`, or install one, for example \
         `rustls::crypto::ring::default_provider().install_default()`",
    ))
}

fn setup(detail: &'static str) -> Error {
    Error::new(ErrorKind::Setup).with_detail(detail)
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
