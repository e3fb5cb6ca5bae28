//! The place that indicators come from: a MISP with a key, or a list without a MISP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use misp_client::Protocol;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use site_config::{Mappings, Site};

use crate::caller_id::CallerId;

/// Where a feed comes from, as one key sees it: a MISP with its site's rules ([`Upstream::new`]), or a list that only
/// an [`IndicatorSource`](crate::IndicatorSource) outside of this crate knows ([`Upstream::named`]).
///
/// Two upstreams with the same name, address and key share their cached feeds, for any token.
///
/// ```
/// use std::time::Duration;
///
/// use feed_engine::Upstream;
///
/// let list = Upstream::named("my-list")?.soft_expiry(Duration::from_secs(60));
/// assert_eq!(list.name(), "my-list");
/// # Ok::<(), feed_engine::UpstreamNameError>(())
/// ```
#[derive(Clone)]
pub struct Upstream {
    pub(crate) site: Arc<Site>,
    pub(crate) mappings: Arc<Mappings>,
    misp: Option<Arc<Misp>>,
    caller: Option<CallerId>,
}

/// The way to a MISP, and its key. Upstreams are copied at every request, and copies share it.
struct Misp {
    protocol: Protocol,
    port: u16,
    auth_key: SecretString,
    key_digest: KeyDigest,
}

/// A digest of a MISP key, for cache keys, which must not hold the key itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct KeyDigest([u8; 16]);

/// The parts that make two upstreams the same one for a cache or a connection pool.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct UpstreamId {
    pub(crate) site: String,
    misp: Option<(Protocol, u16, KeyDigest)>,
}

/// The address of a MISP.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct MispAddress {
    site: String,
    at: Option<(Protocol, u16)>,
}

impl MispAddress {
    /// Returns the name of the site.
    pub(crate) fn site(&self) -> &str {
        &self.site
    }
}

impl UpstreamId {
    /// Returns the address, the same for all keys.
    pub(crate) fn address(&self) -> MispAddress {
        MispAddress {
            site: self.site.clone(),
            at: self.misp.map(|(protocol, port, _)| (protocol, port)),
        }
    }

    /// Returns a digest of site, address and key, which names the upstream in files; nothing for one without a MISP.
    pub(crate) fn fingerprint(&self) -> Option<[u8; 32]> {
        let (protocol, port, key_digest) = self.misp.as_ref()?;
        let mut digest = Sha256::new();
        for part in [&self.site, protocol.as_str(), &port.to_string()] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        digest.update(key_digest.0);
        Some(digest.finalize().into())
    }
}

/// The text cannot name an upstream.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} cannot name an upstream: use letters, digits, `-`, `_` and dots, for example `my-list`")]
pub struct UpstreamNameError(String);

impl Upstream {
    /// Returns the MISP of `site`, asked over `protocol` at `port` with `auth_key`.
    #[must_use]
    pub fn new(
        site: Arc<Site>,
        mappings: Arc<Mappings>,
        protocol: Protocol,
        port: u16,
        auth_key: SecretString,
    ) -> Self {
        let digest = Sha256::digest(auth_key.expose_secret().as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        let misp = Misp {
            protocol,
            port,
            auth_key,
            key_digest: KeyDigest(key),
        };
        Self {
            site,
            mappings,
            misp: Some(Arc::new(misp)),
            caller: None,
        }
    }

    /// Sets the caller (default: not known). Questions of one caller take three quarters of the places for questions
    /// with its key at most, so that other callers with the same key find one. The caller makes no difference to
    /// caches.
    #[must_use]
    pub fn asked_by(mut self, caller: CallerId) -> Self {
        self.caller = Some(caller);
        self
    }

    pub(crate) fn caller(&self) -> Option<CallerId> {
        self.caller
    }

    /// Returns an upstream without a MISP, for an engine with a source of its own: the defaults of a site file (fresh
    /// for 300 s, served for at most 7 days while the source fails, 100 s for one answer) under this name.
    ///
    /// # Errors
    /// [`UpstreamNameError`] unless the name has the form of a host name, for example `my-list` or `lists.example.net`.
    pub fn named(name: &str) -> Result<Self, UpstreamNameError> {
        let refused = || UpstreamNameError(name.chars().take(100).collect());
        let site_name = name.parse().map_err(|_| refused())?;
        let site = Site::from_yaml(site_name, "tag: none").map_err(|_| refused())?;
        Ok(Self {
            site: Arc::new(site),
            mappings: Arc::default(),
            misp: None,
            caller: None,
        })
    }

    /// Sets the age from which a feed is gathered anew while callers still get it; raises the age set by
    /// [`max_stale`](Self::max_stale) where that is lower.
    #[must_use]
    pub fn soft_expiry(mut self, age: Duration) -> Self {
        let site = Arc::make_mut(&mut self.site);
        site.soft_expiry = age;
        site.max_stale = site.max_stale.max(age);
        self
    }

    /// Sets the age from which a feed is not served any more, even while the source fails; never less than the soft
    /// expiry.
    #[must_use]
    pub fn max_stale(mut self, age: Duration) -> Self {
        let site = Arc::make_mut(&mut self.site);
        site.max_stale = age.max(site.soft_expiry);
        self
    }

    /// Sets how long a caller waits for the source.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.site).timeout = timeout;
        self
    }

    /// Returns the site's rules.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Returns the name of the site or list.
    #[must_use]
    pub fn name(&self) -> &str {
        self.site.name.as_str()
    }

    /// Returns which attribute types of MISP each indicator type is made of.
    #[must_use]
    pub fn mappings(&self) -> &Arc<Mappings> {
        &self.mappings
    }

    /// Returns the key for this MISP; nothing for an upstream without one.
    #[must_use]
    pub fn auth_key(&self) -> Option<&SecretString> {
        self.misp.as_ref().map(|misp| &misp.auth_key)
    }

    /// Returns `protocol://site:port`, with an IPv6 site in brackets; for an upstream without a MISP its name alone.
    #[must_use]
    pub fn address(&self) -> String {
        match self.misp.as_deref() {
            Some(Misp { protocol, port, .. }) => {
                format!("{protocol}://{}:{port}", self.site.name.url_host())
            }
            None => self.name().to_owned(),
        }
    }

    /// Returns the way to the MISP and its key; nothing for an upstream without one.
    pub(crate) fn misp_address(&self) -> Option<(Protocol, u16, &SecretString)> {
        let misp = self.misp.as_ref()?;
        Some((misp.protocol, misp.port, &misp.auth_key))
    }

    /// Returns the same MISP and key under these rules.
    pub(crate) fn with_rules(&self, site: Arc<Site>, mappings: Arc<Mappings>) -> Self {
        Self {
            site,
            mappings,
            ..self.clone()
        }
    }

    /// Returns eight hex digits that name the key for people and do not show it; nothing without a key.
    pub(crate) fn key_name(&self) -> Option<String> {
        let digest = &self.misp.as_ref()?.key_digest.0;
        Some(digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns whether the other one shares everything with this one, its caller included.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        let is_same_misp = match (&self.misp, &other.misp) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            _ => false,
        };
        is_same_misp
            && Arc::ptr_eq(&self.site, &other.site)
            && Arc::ptr_eq(&self.mappings, &other.mappings)
            && self.caller == other.caller
    }

    pub(crate) fn id(&self) -> UpstreamId {
        let misp = self.misp.as_ref();
        UpstreamId {
            site: self.name().to_owned(),
            misp: misp.map(|misp| (misp.protocol, misp.port, misp.key_digest)),
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_without_a_misp_has_a_name_and_the_defaults_of_a_site() {
        let list = Upstream::named("My-List").unwrap();
        assert_eq!((list.name(), list.address().as_str()), ("my-list", "my-list"));
        assert!(list.auth_key().is_none());
        assert_eq!(list.site().soft_expiry, Duration::from_secs(300));
        let error = Upstream::named("my list").unwrap_err().to_string();
        assert!(error.contains("my list") && error.contains("for example"), "{error}");
    }

    #[test]
    fn a_feed_is_never_served_for_a_shorter_time_than_it_is_fresh() {
        let day = Duration::from_secs(86_400);
        let list = Upstream::named("my-list").unwrap();
        assert_eq!(list.clone().soft_expiry(day * 30).site().max_stale, day * 30);
        assert_eq!(list.soft_expiry(day).max_stale(Duration::ZERO).site().max_stale, day);
    }

    #[test]
    fn the_same_name_with_and_without_a_misp_is_not_the_same_upstream() {
        let list = Upstream::named("misp.example.net").unwrap();
        let key = "k".repeat(40).into();
        let misp = Upstream::new(list.site.clone(), list.mappings.clone(), Protocol::Https, 443, key);
        assert_ne!(list.id(), misp.id());
        assert_eq!(misp.address(), "https://misp.example.net:443");
    }

    #[test]
    fn a_key_has_a_short_name_that_does_not_show_it() {
        let list = Upstream::named("misp.example.net").unwrap();
        assert_eq!(list.key_name(), None);
        let name = |key: &str| {
            let key = key.repeat(40).into();
            let misp = Upstream::new(list.site.clone(), list.mappings.clone(), Protocol::Https, 443, key);
            misp.key_name().unwrap()
        };
        let (one, other) = (name("a"), name("b"));
        assert!(
            one.len() == 8 && one.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{one}"
        );
        assert!(one == name("a") && one != other && one != "aaaaaaaa", "{one} {other}");
    }
}
