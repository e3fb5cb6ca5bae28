//! Which MISP a request goes to, and as whom.

use std::fmt;
use std::sync::Arc;

use misp_client::Protocol;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use site_config::{Mappings, Site};

/// One MISP as seen by one key: a site's rules, how it is reached, and the key.
///
/// Two upstreams with the same key share what is cached, whichever token they come from.
#[derive(Clone)]
pub struct Upstream {
    pub(crate) site: Arc<Site>,
    pub(crate) mappings: Arc<Mappings>,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) auth_key: SecretString,
    key_digest: KeyDigest,
}

/// Stands for a MISP key where the key itself must not be: in cache keys.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct KeyDigest([u8; 16]);

/// What makes two upstreams the same one for a cache or a connection pool.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct UpstreamId {
    pub(crate) site: String,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) key: KeyDigest,
}

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
        Self {
            site,
            mappings,
            protocol,
            port,
            auth_key,
            key_digest: KeyDigest(key),
        }
    }

    /// Returns the site's rules.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Returns `protocol://site:port`, with an IPv6 site in brackets.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}://{}:{}", self.protocol, self.site.name.url_host(), self.port)
    }

    pub(crate) fn id(&self) -> UpstreamId {
        UpstreamId {
            site: self.site.name.as_str().to_owned(),
            protocol: self.protocol,
            port: self.port,
            key: self.key_digest,
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
