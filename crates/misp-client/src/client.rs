//! The client: one MISP, one key, one pool of connections.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use reqwest::Certificate;
use reqwest::redirect::Policy;

use crate::breaker::Breaker;
use crate::breakers::Breakers;
use crate::pace::PagePace;
use crate::transport::Transport;
use crate::{AuthKey, BaseUrl, Error, ErrorKind, RetryPolicy, Traffic};

/// Default time-out of one question.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// PHP sends a body in one go, so after a silence this long no more will come.
const MAX_SILENCE: Duration = Duration::from_secs(30);
/// Web servers drop idle connections after 5 s (Apache) and more; one that we dropped ourselves cannot fail when used
/// again.
const POOL_IDLE: Duration = Duration::from_secs(4);
const DEFAULT_MAX_PAGE_BYTES: u64 = 256 << 20;
const DEFAULT_MAX_PAGES: u32 = 10_000;
/// With warninglists, MISP takes up to 4 ms for a row of addresses: a million take an hour.
const DEFAULT_SEARCH_TIMEOUT: Duration = Duration::from_secs(3_600);
const DEFAULT_MAX_ATTRIBUTES: u64 = 5_000_000;

/// A client for one MISP with one key. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    limits: Limits,
    pace: Option<PagePace>,
}

/// Bounds of one search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) page_bytes: u64,
    pub(crate) pages: u32,
    pub(crate) attributes: u64,
    pub(crate) search_time: Duration,
}

impl Client {
    /// Returns a builder of a client for this MISP and this key.
    #[must_use]
    pub fn builder(base_url: BaseUrl, key: AuthKey) -> ClientBuilder {
        ClientBuilder {
            base_url,
            key,
            verify_certificate: true,
            root_certificates: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            system_proxy: false,
            user_agent: concat!("misp-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            retries: RetryPolicy::default(),
            limits: Limits {
                page_bytes: DEFAULT_MAX_PAGE_BYTES,
                pages: DEFAULT_MAX_PAGES,
                attributes: DEFAULT_MAX_ATTRIBUTES,
                search_time: DEFAULT_SEARCH_TIMEOUT,
            },
            pace: None,
            breakers: Breakers::default(),
        }
    }

    /// Returns the address of MISP.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        self.transport.base_url()
    }

    /// Returns what this client and its clones have sent and received so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.transport.traffic().read()
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn pace(&self) -> Option<&PagePace> {
        self.pace.as_ref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", self.base_url())
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Client`]; every setting has a default.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    base_url: BaseUrl,
    key: AuthKey,
    verify_certificate: bool,
    root_certificates: Vec<Vec<u8>>,
    timeout: Duration,
    system_proxy: bool,
    user_agent: String,
    retries: RetryPolicy,
    limits: Limits,
    pace: Option<PagePace>,
    breakers: Breakers,
}

impl ClientBuilder {
    /// Sets whether MISP's certificate is checked (default: yes). Without the check every host on the way can read the
    /// key.
    #[must_use]
    pub fn verify_certificate(mut self, verify: bool) -> Self {
        self.verify_certificate = verify;
        self
    }

    /// Adds trusted certificates in PEM to those of the system.
    #[must_use]
    pub fn add_root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Bounds one question, from the connection to the last byte of its body (default 30 s); each page is a question.
    ///
    /// The time that the caller takes between batches does not count. Connecting may take 10 s of it at most. The
    /// client gives up earlier when a body stops for 30 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Bounds what MISP may take for all pages of one search together (default 1 h). The time that the caller takes
    /// between batches does not count.
    #[must_use]
    pub fn search_timeout(mut self, timeout: Duration) -> Self {
        self.limits.search_time = timeout;
        self
    }

    /// Bounds the body of one answer in bytes, after decompression (default 256 MiB).
    #[must_use]
    pub fn max_page_bytes(mut self, bytes: u64) -> Self {
        self.limits.page_bytes = bytes;
        self
    }

    /// Bounds the pages of one search (default 10 000).
    #[must_use]
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.limits.pages = pages;
        self
    }

    /// Bounds the attributes of one search (default 5 million).
    #[must_use]
    pub fn max_attributes(mut self, attributes: u64) -> Self {
        self.limits.attributes = attributes;
        self
    }

    /// Adapts the size of pages to the time that MISP takes for them (default: every page has the size in the search).
    ///
    /// The size in the search is then the largest one. A page should take about 5 s, and has 250 rows at least. The
    /// client requests a page that does not come in half of the time-out once more, with a quarter of its rows, in the
    /// rest of the time-out.
    #[must_use]
    pub fn page_pace(mut self, pace: PagePace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Lets questions fail at once while this breaker is open, which connection faults and time-outs do (default:
    /// none). Give it to all clients of this address.
    #[must_use]
    pub fn address_breaker(mut self, breaker: Breaker) -> Self {
        self.breakers.address = Some(breaker);
        self
    }

    /// Lets questions fail at once while this breaker is open, which answers that refuse the key do (default: none).
    /// Give it to all clients of this address and key.
    #[must_use]
    pub fn key_breaker(mut self, breaker: Breaker) -> Self {
        self.breakers.key = Some(breaker);
        self
    }

    /// Sets the `User-Agent` header; `misp-client/<version>` by default.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Uses the proxy in `HTTPS_PROXY` and similar variables (default: no proxy, even if a variable is set).
    #[must_use]
    pub fn system_proxy(mut self, use_it: bool) -> Self {
        self.system_proxy = use_it;
        self
    }

    /// Sets how often a question is sent again after a connection fault (default 2); 0 turns that off.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.retries = self.retries.max_retries(retries);
        self
    }

    /// Sets when a question is sent again after a connection fault or a rate limit.
    #[must_use]
    pub fn retries(mut self, policy: RetryPolicy) -> Self {
        self.retries = policy;
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when a certificate is not PEM, the user agent cannot be sent, or certificates are to be
    /// checked on a machine that has no trusted ones.
    pub fn build(self) -> Result<Client, Error> {
        ensure_tls_provider()?;
        let own = self.own_certificates()?;
        // Plain HTTP needs no certificates, for example in a bare container that has none.
        let http = if !self.base_url.is_https() && !self.system_proxy {
            self.http()?.tls_certs_only(own).build()
        } else {
            match self.http()?.tls_certs_merge(own.clone()).build() {
                // The system has none to merge with.
                Err(_) if !own.is_empty() => self.http()?.tls_certs_only(own).build(),
                outcome => outcome,
            }
        };
        let http = http.map_err(|error| setup("the certificates to trust").with_source(error.without_url()))?;
        let silence = self.timeout.min(MAX_SILENCE);
        Ok(Client {
            transport: Transport::new(http, self.base_url, self.timeout, silence, self.retries)
                .with_breakers(self.breakers),
            limits: self.limits,
            pace: self.pace,
        })
    }

    fn http(&self) -> Result<reqwest::ClientBuilder, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.key.header()?);
        let agent = HeaderValue::from_str(&self.user_agent).map_err(|_| setup("the user agent cannot be sent"))?;
        let http = reqwest::Client::builder()
            // A redirect would carry the key to another host.
            .redirect(Policy::none())
            .referer(false)
            .user_agent(agent)
            .default_headers(headers)
            .gzip(true)
            .connect_timeout(self.timeout.min(MAX_CONNECT_TIMEOUT))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> ClientBuilder {
        Client::builder(
            BaseUrl::parse("http://misp.example.net").unwrap(),
            AuthKey::new("verysecretkey").unwrap(),
        )
    }

    #[test]
    fn key_is_shown_nowhere() {
        let builder = builder();
        assert!(!format!("{builder:?}").contains("verysecret"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("verysecret"));
    }

    #[test]
    fn certificate_file_without_a_certificate_is_refused() {
        for pem in [
            "",
            "not pem",
            "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(
                builder().add_root_certificate(pem).build().unwrap_err().kind(),
                ErrorKind::Setup,
                "{pem:?}"
            );
        }
    }

    #[test]
    fn user_agent_that_cannot_be_a_header_is_refused() {
        assert_eq!(
            builder().user_agent("a\nb").build().unwrap_err().kind(),
            ErrorKind::Setup
        );
    }
}
