//! The connections to every MISP: one set of them for sites with the same settings, whatever the address and the key.
//!
//! Connections for HTTPS hold the certificates of the system. So they are not made for each key that a token brings,
//! and a question drops those that were not used lately.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache::{Clock, Moment};
use misp_client::{Client, ClientBuilder, Connections, Error, Protocol};

use crate::{FeedError, Upstream};

/// The most sets of connections. Each site has one, or two if tokens name both protocols; a site with the defaults
/// shares that of the others.
const MOST: usize = 64;

/// Connections without a question in this time are dropped, for example those of a replaced certificate file.
const IDLE: Duration = Duration::from_secs(300);

/// The connections that were used lately.
pub(crate) struct MispConnections {
    lately: Mutex<HashMap<ConnectionSettings, Used>>,
    clock: Arc<dyn Clock>,
}

struct Used {
    connections: Connections,
    at: Moment,
}

/// What decides whether two clients may have the same connections.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct ConnectionSettings {
    protocol: Option<Protocol>,
    pub(crate) verify_certificate: bool,
    /// Its content, since a file replaced under the same name is another authority.
    pub(crate) ca_certificate: Option<Vec<u8>>,
    /// The time-out of a question, which bounds the time to connect.
    pub(crate) timeout: Duration,
}

impl ConnectionSettings {
    /// Returns the settings of the upstream's site.
    ///
    /// # Errors
    /// [`FeedError::Internal`] when the certificate file cannot be read.
    pub(crate) fn of(upstream: &Upstream) -> Result<Self, FeedError> {
        let site = &upstream.site;
        let file = site.ca_certificate.as_deref();
        let ca_certificate = file
            .map(std::fs::read)
            .transpose()
            .map_err(|error| FeedError::internal("reading the site's ca_certificate", error))?;
        Ok(Self {
            protocol: upstream.misp_address().map(|(protocol, ..)| protocol),
            verify_certificate: site.verify_certificate,
            ca_certificate,
            timeout: question_timeout(site.timeout),
        })
    }
}

impl MispConnections {
    /// Returns no connections yet; those without a question are dropped by this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            lately: Mutex::default(),
            clock,
        }
    }

    /// Builds a client over the connections with these settings.
    pub(crate) fn client(&self, settings: ConnectionSettings, builder: ClientBuilder) -> Result<Client, Error> {
        if let Some(connections) = self.used(&settings) {
            return builder.connections(connections).build();
        }
        // Reading certificates takes milliseconds, so nothing is locked meanwhile.
        let client = builder.build()?;
        self.keep(settings, client.connections());
        Ok(client)
    }

    /// Returns the connections with these settings, which a question uses now.
    fn used(&self, settings: &ConnectionSettings) -> Option<Connections> {
        let now = self.clock.now();
        let mut lately = self.lock();
        lately.retain(|_, used| now.since(used.at) < IDLE);
        let used = lately.get_mut(settings)?;
        used.at = now;
        Some(used.connections.clone())
    }

    fn keep(&self, settings: ConnectionSettings, connections: Connections) {
        let at = self.clock.now();
        let mut lately = self.lock();
        if lately.len() >= MOST
            && let Some(oldest) = lately
                .iter()
                .min_by_key(|(_, used)| used.at)
                .map(|(key, _)| key.clone())
        {
            lately.remove(&oldest);
        }
        lately.insert(settings, Used { connections, at });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConnectionSettings, Used>> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question may take a little less than a caller waits, so that the caller learns how it ended, and no question
/// that is about to fail is left for the next caller to join.
fn question_timeout(site_timeout: Duration) -> Duration {
    site_timeout * 19 / 20
}

#[cfg(test)]
mod tests {
    use cache::ManualClock;
    use misp_client::AuthKey;

    use super::*;

    /// The connections of sites with `http`, which need no certificates.
    struct Bench {
        clock: Arc<ManualClock>,
        connections: MispConnections,
    }

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new());
            Self {
                connections: MispConnections::new(Arc::clone(&clock) as Arc<dyn Clock>),
                clock,
            }
        }

        fn ask(&self, site_timeout_seconds: u64) -> Client {
            let settings = ConnectionSettings {
                protocol: Some(Protocol::Http),
                verify_certificate: true,
                ca_certificate: None,
                timeout: Duration::from_secs(site_timeout_seconds),
            };
            let (url, key) = ("http://misp.example.net".parse().unwrap(), AuthKey::new("k").unwrap());
            self.connections.client(settings, Client::builder(url, key)).unwrap()
        }
    }

    #[test]
    fn connections_without_a_question_for_a_while_are_dropped() {
        let bench = Bench::new();
        bench.ask(1);
        bench.clock.advance(IDLE / 2);
        bench.ask(2);
        assert_eq!(bench.connections.len(), 2);
        bench.clock.advance(IDLE / 2);
        bench.ask(2);
        assert_eq!(bench.connections.len(), 1, "the first ones were idle");
    }

    #[test]
    fn beyond_the_bound_the_connections_go_that_were_unused_for_the_longest_time() {
        let bench = Bench::new();
        for timeout in 0..200 {
            bench.clock.advance(Duration::from_millis(1));
            bench.ask(timeout);
            bench.ask(0);
        }
        assert_eq!(bench.connections.len(), MOST);
        let kept = bench.connections.lock();
        let mut timeouts: Vec<u64> = kept.keys().map(|settings| settings.timeout.as_secs()).collect();
        timeouts.sort_unstable();
        assert_eq!((timeouts[0], timeouts[1]), (0, 137), "and 0 was used all the time");
    }
}
