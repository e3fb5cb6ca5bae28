//! The client and its settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::error::Error;
use crate::retry::Retry;
use crate::token::Token;

/// A server that does not accept a connection within this time gets no more of it.
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// A client for one cratosd. Clones share connections and settings.
///
/// ```no_run
/// # async fn run() -> Result<(), cratos_client::Error> {
/// use cratos_client::{Age, Client, Feed, FeedAnswer, FeedName, IndicatorType, Token};
///
/// let client = Client::new("https://cratos.example.net".parse().unwrap(), Token::new("…"))?;
/// let feed = Feed::new(FeedName::Block, IndicatorType::Domain, Age::Weeks1);
/// if let FeedAnswer::Values(values) = client.feed(&feed, None).await? {
///     for domain in &values.set {
///         println!("{domain}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) token: Option<Token>,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) retry: Retry,
}

/// The settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct Builder {
    base: Url,
    token: Option<Token>,
    timeout: Duration,
    max_body: usize,
    retry: Retry,
    user_agent: String,
    plain_http: bool,
    certificates: Certificates,
}

/// The certificates that a client trusts.
#[derive(Clone, Debug)]
enum Certificates {
    System,
    SystemAnd(Vec<u8>),
    Only(Vec<u8>),
}

impl Client {
    /// Makes a client with the default settings of [`Client::builder`].
    ///
    /// # Errors
    /// If the URL cannot be used, see [`Builder::build`].
    pub fn new(base: Url, token: Token) -> Result<Self, Error> {
        Self::builder(base).token(token).build()
    }

    /// Returns the settings for a client of the cratosd at `base`, for example `https://cratos.example.net` or
    /// `https://gateway.example.net/cratos`.
    #[must_use]
    pub fn builder(base: Url) -> Builder {
        Builder {
            base,
            token: None,
            timeout: Duration::from_secs(60),
            max_body: 64 << 20,
            retry: Retry::default(),
            user_agent: concat!("cratos-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            plain_http: false,
            certificates: Certificates::System,
        }
    }

    /// Returns the URL that the client was made with.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.shared.base
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.shared.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets the token. A client without one can only [mint](Client::mint) tokens.
    #[must_use]
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets how long one answer may take, from the first byte sent to the last one read; 60 s if not set. For a stream
    /// it is the time until the stream begins.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the size limit of an answer in bytes, compressed or not; 64 MiB if not set. In a stream each change has
    /// this limit.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets when requests are repeated.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the name that the client gives itself, for example `my-firewall/1.2`.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Trusts these certificate authorities (PEM) in addition to those of the system.
    #[must_use]
    pub fn trust_also(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates = Certificates::SystemAnd(pem.into());
        self
    }

    /// Trusts these certificate authorities (PEM) and no others.
    #[must_use]
    pub fn trust_only(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates = Certificates::Only(pem.into());
        self
    }

    /// Allows `http://` to other hosts. The token then goes over the network unprotected.
    #[must_use]
    pub const fn allow_plain_http(mut self, allow: bool) -> Self {
        self.plain_http = allow;
        self
    }

    /// Makes the client. It follows no redirect and uses no proxy, so the token goes to this server only.
    ///
    /// # Errors
    /// If the URL is not `http` or `https`, holds a user, a password, a query or a fragment, or is `http` to another
    /// host although [`allow_plain_http`](Self::allow_plain_http) is not set; if the certificates cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        check(&self.base, self.plain_http)?;
        let certificates = |error: reqwest::Error| Error::Certificates(error.into());
        let bundle = |pem: &[u8]| Certificate::from_pem_bundle(pem).map_err(certificates);
        let mut http = reqwest::Client::builder()
            // A redirect would carry the token to another host.
            .redirect(Policy::none())
            .no_proxy()
            // Answers are decompressed here, within the size limit.
            .no_gzip()
            .connect_timeout(self.timeout.min(MAX_CONNECT))
            .user_agent(self.user_agent);
        http = match self.certificates {
            Certificates::System => http,
            Certificates::SystemAnd(pem) => http.tls_certs_merge(bundle(&pem)?),
            Certificates::Only(pem) => http.tls_certs_only(bundle(&pem)?),
        };
        let shared = Shared {
            http: http.build().map_err(certificates)?,
            base: self.base,
            token: self.token,
            timeout: self.timeout,
            max_body: self.max_body,
            retry: self.retry,
        };
        Ok(Client {
            shared: Arc::new(shared),
        })
    }
}

fn check(base: &Url, plain_http: bool) -> Result<(), Error> {
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return Err(Error::Url("it is not the URL of a web server"));
    }
    if !base.username().is_empty() || base.password().is_some() || base.query().is_some() || base.fragment().is_some() {
        return Err(Error::Url("it holds a user, a password, a query or a fragment"));
    }
    let is_this_host = match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if base.scheme() == "http" && !is_this_host && !plain_http {
        return Err(Error::Url(
            "over http:// the token would go over the network unprotected",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(url: &str) -> Result<Client, Error> {
        Client::builder(url.parse().unwrap())
            .token(Token::new("a-token"))
            .build()
    }

    #[test]
    fn urls_that_would_leak_a_secret_are_refused() {
        for good in [
            "https://cratos.example.net",
            "https://gateway.example.net/cratos/",
            "http://127.0.0.1:8000",
            "http://[::1]:8000",
        ] {
            assert!(outcome(good).is_ok(), "{good}");
        }
        for wrong in [
            "http://cratos.example.net",
            "https://user@cratos.example.net",
            "https://:word@cratos.example.net",
            "https://cratos.example.net/?token=x",
            "https://cratos.example.net/#x",
            "ftp://cratos.example.net",
            "data:text/plain,x",
        ] {
            assert!(matches!(outcome(wrong), Err(Error::Url(_))), "{wrong}");
        }
        let allowed = Client::builder("http://cratos.example.net".parse().unwrap()).allow_plain_http(true);
        assert!(allowed.build().is_ok());
    }

    #[test]
    fn debug_output_of_client_and_settings_does_not_show_the_token() {
        let settings = Client::builder("https://cratos.example.net".parse().unwrap()).token(Token::new("a-token"));
        let shown = format!("{settings:?} {:?}", settings.clone().build().unwrap());
        assert!(!shown.contains("a-token"), "{shown}");
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        let settings = Client::builder("https://cratos.example.net".parse().unwrap());
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for wrong in [settings.clone().trust_also(pem), settings.trust_only(pem)] {
            assert!(matches!(wrong.build(), Err(Error::Certificates(_))));
        }
    }
}
