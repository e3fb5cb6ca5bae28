//! The clients of every MISP, over connections that all keys share.

use std::collections::BTreeMap;
use std::sync::Arc;

use cache::Clock;
use misp_client::{AuthKey, BaseUrl, Client, ClientBuilder};
use secrecy::ExposeSecret as _;

use crate::misp_breakers::{MispBreakers, Suspensions};
use crate::misp_connections::{ConnectionSettings, MispConnections};
use crate::paces::{Paces, SitePages};
use crate::{FeedError, Upstream};

/// Makes clients, and has what several of them share.
pub(crate) struct MispClients {
    connections: MispConnections,
    breakers: MispBreakers,
    paces: Paces,
}

impl MispClients {
    /// Returns no connections yet. Addresses and keys are suspended, and unused connections forgotten, by this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            connections: MispConnections::new(Arc::clone(&clock)),
            breakers: MispBreakers::new(clock),
            paces: Paces::default(),
        }
    }

    /// Returns a client for this upstream. The key goes with each question, so clients of all keys share connections.
    ///
    /// # Errors
    /// [`FeedError::BadUpstream`] when site, port or key make no usable address, or the certificate file cannot be read.
    pub(crate) fn of(&self, upstream: &Upstream) -> Result<Client, FeedError> {
        let settings = ConnectionSettings::of(upstream)?;
        let builder = builder(upstream, &settings)?
            .page_pace(self.paces.of(upstream.id().address()))
            .address_breaker(self.breakers.of_address(upstream))
            .key_breaker(self.breakers.of_key(upstream));
        self.connections.client(settings, builder).map_err(bad_upstream)
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

fn builder(upstream: &Upstream, settings: &ConnectionSettings) -> Result<ClientBuilder, FeedError> {
    let site = &upstream.site;
    let auth_key = upstream.auth_key().ok_or_else(|| FeedError::NotAMisp {
        name: upstream.name().to_owned(),
    })?;
    let url = BaseUrl::parse(&upstream.address()).map_err(bad_upstream)?;
    let key = AuthKey::new(auth_key.expose_secret().to_owned()).map_err(bad_upstream)?;
    let mut builder = Client::builder(url, key)
        .user_agent(concat!("cratos/", env!("CARGO_PKG_VERSION")))
        .verify_certificate(settings.verify_certificate)
        .timeout(settings.timeout)
        .search_timeout(site.max_search_time)
        .max_page_bytes(site.max_answer_bytes)
        .max_attributes(site.max_attributes);
    if let Some(pem) = &settings.ca_certificate {
        builder = builder.add_root_certificate(pem.clone());
    }
    Ok(builder)
}

fn bad_upstream(error: misp_client::Error) -> FeedError {
    FeedError::BadUpstream(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use cache::ManualClock;
    use misp_client::Protocol;

    use super::*;

    #[test]
    fn keys_of_one_site_share_their_connections() {
        let clients = MispClients::new(Arc::new(ManualClock::new()));
        let list = Upstream::named("misp.example.net").unwrap();
        for (number, port) in (0..300).zip((8_443..8_543).cycle()) {
            let key = format!("{number:040}").into();
            let upstream = Upstream::new(list.site.clone(), list.mappings.clone(), Protocol::Http, port, key);
            clients.of(&upstream).unwrap();
        }
        assert_eq!(clients.connections.len(), 1);
    }
}
