//! The clients of every MISP: a pool of connections for each address, key and site's settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cache::{Clock, MemoryStore, Weigh};
use misp_client::{AuthKey, BaseUrl, Client, ClientBuilder};
use secrecy::ExposeSecret as _;

use crate::misp_breakers::{MispBreakers, Suspensions};
use crate::paces::{Paces, SitePages};
use crate::upstream::UpstreamId;
use crate::{FeedError, Upstream};

/// Connection pools are kept up to this much memory: tokens of many keys may come by.
const CLIENTS_BYTES: u64 = 64 * 1024 * 1024;

/// The estimated memory of one pool with an idle TLS connection.
const CLIENT_BYTES: usize = 64 * 1024;

/// The clients that were used lately, with what they know of their MISP.
pub(crate) struct MispClients {
    clients: MemoryStore<ClientKey, PooledClient>,
    breakers: MispBreakers,
    paces: Paces,
}

/// The settings of a client; a reload that changes one of them gets a new client.
#[derive(Clone, Eq, Hash, PartialEq)]
struct ClientKey {
    upstream: UpstreamId,
    verify_certificate: bool,
    timeout: Duration,
    max_search_time: Duration,
    /// Its content, since a file replaced under the same name is another authority.
    ca_certificate: Option<Vec<u8>>,
    max_answer_bytes: u64,
    max_attributes: u64,
}

#[derive(Clone)]
struct PooledClient(Client);

impl Weigh for PooledClient {
    fn weight_bytes(&self) -> usize {
        CLIENT_BYTES
    }
}

impl MispClients {
    /// Returns no clients yet. Addresses and keys are suspended by this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clients: MemoryStore::new(CLIENTS_BYTES),
            breakers: MispBreakers::new(clock),
            paces: Paces::default(),
        }
    }

    /// Returns the client of this upstream, the same one for the same settings.
    ///
    /// # Errors
    /// [`FeedError::BadUpstream`] when site, port or key make no usable address, or the certificate file cannot be read.
    pub(crate) fn of(&self, upstream: &Upstream) -> Result<Client, FeedError> {
        let site = &upstream.site;
        let ca_certificate = ca_certificate(upstream)?;
        let key = ClientKey {
            upstream: upstream.id(),
            verify_certificate: site.verify_certificate,
            timeout: site.timeout,
            max_search_time: site.max_search_time,
            ca_certificate: ca_certificate.clone(),
            max_answer_bytes: site.max_answer_bytes,
            max_attributes: site.max_attributes,
        };
        if let Some(PooledClient(client)) = self.clients.get(&key) {
            return Ok(client);
        }
        let client = builder(upstream, ca_certificate)?
            .page_pace(self.paces.of(upstream.id().address()))
            .address_breaker(self.breakers.of_address(upstream))
            .key_breaker(self.breakers.of_key(upstream))
            .build()
            .map_err(bad_upstream)?;
        self.clients.insert(key, PooledClient(client.clone()));
        Ok(client)
    }

    /// Returns the suspended addresses and keys, by the name of the site.
    pub(crate) fn suspensions(&self) -> BTreeMap<String, Suspensions> {
        self.breakers.suspensions()
    }

    /// Returns the number and time of pages.
    pub(crate) fn pages(&self) -> Vec<SitePages> {
        self.paces.all()
    }
}

fn builder(upstream: &Upstream, ca_certificate: Option<Vec<u8>>) -> Result<ClientBuilder, FeedError> {
    let site = &upstream.site;
    let auth_key = upstream.auth_key().ok_or_else(|| FeedError::NotAMisp {
        name: upstream.name().to_owned(),
    })?;
    let url = BaseUrl::parse(&upstream.address()).map_err(bad_upstream)?;
    let key = AuthKey::new(auth_key.expose_secret().to_owned()).map_err(bad_upstream)?;
    let mut builder = Client::builder(url, key)
        .user_agent(concat!("cratos/", env!("CARGO_PKG_VERSION")))
        .verify_certificate(site.verify_certificate)
        .timeout(question_timeout(site.timeout))
        .search_timeout(site.max_search_time)
        .max_page_bytes(site.max_answer_bytes)
        .max_attributes(site.max_attributes);
    if let Some(pem) = ca_certificate {
        builder = builder.add_root_certificate(pem);
    }
    Ok(builder)
}

fn bad_upstream(error: misp_client::Error) -> FeedError {
    FeedError::BadUpstream(Arc::new(error))
}

fn ca_certificate(upstream: &Upstream) -> Result<Option<Vec<u8>>, FeedError> {
    let path = upstream.site.ca_certificate.as_deref();
    path.map(std::fs::read)
        .transpose()
        .map_err(|error| FeedError::internal("reading the site's ca_certificate", error))
}

/// One question may take a little less than a caller waits, so that the caller learns how it ended, and no question
/// that is about to fail is left for the next caller to join.
fn question_timeout(site_timeout: Duration) -> Duration {
    site_timeout * 19 / 20
}
