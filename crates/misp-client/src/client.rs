//! The client: one MISP, one key, and the connections that its questions take.

use std::fmt;
use std::time::Duration;

use crate::breaker::Breaker;
use crate::breakers::Breakers;
use crate::connections::{ConnectionSettings, Connections};
use crate::pace::PagePace;
use crate::transport::Transport;
use crate::{AuthKey, BaseUrl, Error, RetryPolicy, Traffic};

/// Default time-out of one question.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// PHP sends a body in one go, so after a silence this long no more will come.
const MAX_SILENCE: Duration = Duration::from_secs(30);
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
            opening: ConnectionSettings {
                verify_certificate: true,
                root_certificates: Vec::new(),
                system_proxy: false,
                user_agent: concat!("misp-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            },
            connections: None,
            timeout: DEFAULT_TIMEOUT,
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

    /// Returns the connections of this client, for clients with other keys.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.transport.connections().clone()
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
    opening: ConnectionSettings,
    /// Those of another client.
    connections: Option<Connections>,
    timeout: Duration,
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
        self.opening.verify_certificate = verify;
        self
    }

    /// Adds trusted certificates in PEM to those of the system.
    #[must_use]
    pub fn add_root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.opening.root_certificates.push(pem.into());
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
        self.opening.user_agent = name.into();
        self
    }

    /// Uses the proxy in `HTTPS_PROXY` and similar variables (default: no proxy, even if a variable is set).
    #[must_use]
    pub fn system_proxy(mut self, use_it: bool) -> Self {
        self.opening.system_proxy = use_it;
        self
    }

    /// Sends questions over these connections of another client (default: over new ones). Certificates, proxy, user
    /// agent and the time to connect are then those of the other client.
    ///
    /// Take them from a client with the same protocol: connections that were made for `http` trust no system
    /// certificate.
    ///
    /// ```no_run
    /// # use misp_client::{AuthKey, Client, Error};
    /// # fn run() -> Result<(), Error> {
    /// let first = Client::builder("https://misp.example.net".parse()?, AuthKey::new("one")?).build()?;
    /// let second = Client::builder("https://misp.example.net".parse()?, AuthKey::new("two")?)
    ///     .connections(first.connections())
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn connections(mut self, connections: Connections) -> Self {
        self.connections = Some(connections);
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
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) when a certificate is not PEM, the user agent cannot be sent, or
    /// certificates are to be checked on a machine that has no trusted ones.
    pub fn build(self) -> Result<Client, Error> {
        let connections = match self.connections {
            Some(connections) => connections,
            None => {
                let time = self.timeout.min(MAX_CONNECT_TIMEOUT);
                Connections::new(&self.opening, self.base_url.is_https(), time)?
            }
        };
        let silence = self.timeout.min(MAX_SILENCE);
        Ok(Client {
            transport: Transport::new(connections, self.base_url, self.key.header()?, self.timeout, silence)
                .with_retries(self.retries)
                .with_breakers(self.breakers),
            limits: self.limits,
            pace: self.pace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

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
