//! The sockets of one service: which connections are accepted, and how serving ends.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::account::{Account, Accounts};
use crate::body_file::BodyFiles;
use crate::connection::{self, Begun, Belongings, Stream};
use crate::ending::{Ending, Watcher};
use crate::newcomers::{Newcomer, Newcomers};
use crate::refusal::Refusal;
use crate::signal::Signal;
use crate::socket::Socket;
use crate::{AccessLog, Certificates, HttpService, Proxies};
use crate::{costs, handshake, places, proxy_protocol};

/// How long the end of serving waits for answers that have begun.
const GRACE: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted. Mostly the process has no free file descriptor, and some must be
/// closed first.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(50);

/// The front of an HTTP service. Clones share their settings and their numbers.
#[derive(Clone)]
pub struct Front {
    proxies: Arc<dyn Fn() -> Proxies + Send + Sync>,
    certificates: Option<Certificates>,
    access_log: Option<AccessLog>,
    on_refusal: Arc<OnRefusal>,
    open: Arc<AtomicUsize>,
    evicted: Arc<AtomicU64>,
    repeated: Arc<AtomicU64>,
    files: BodyFiles,
}

type OnRefusal = dyn Fn(IpAddr, &Refusal) + Send + Sync;

impl Front {
    /// Returns a front without proxies, without TLS and without access log.
    #[must_use]
    pub fn new() -> Self {
        Self {
            proxies: Arc::new(Proxies::default),
            certificates: None,
            access_log: None,
            on_refusal: Arc::new(|peer, refusal| tracing::debug!(%peer, %refusal, "a connection was closed")),
            open: Arc::default(),
            evicted: Arc::default(),
            repeated: Arc::default(),
            files: BodyFiles::default(),
        }
    }

    /// Sets the proxies. `proxies` is called for every connection, so a change of its answer counts from the next
    /// connection on.
    #[must_use]
    pub fn proxies(mut self, proxies: impl Fn() -> Proxies + Send + Sync + 'static) -> Self {
        self.proxies = Arc::new(proxies);
        self
    }

    /// Speaks TLS with these certificates. While a listener is served, their files are read again when they change.
    #[must_use]
    pub fn tls(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// Writes one line for each answer into this log.
    #[must_use]
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Calls `report` with the peer for each connection that is closed before TLS begins. Any host on the network can
    /// cause that, so `report` should log seldom. Without this, refusals are logged at the level `debug`.
    #[must_use]
    pub fn on_refusal(mut self, report: impl Fn(IpAddr, &Refusal) + Send + Sync + 'static) -> Self {
        self.on_refusal = Arc::new(report);
        self
    }

    /// Returns how many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns how many connections were closed to make room for others, since the start.
    #[must_use]
    pub fn evicted_connections(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Returns how many requests were answered by an [`AnswerAgain`](crate::AnswerAgain), since the start.
    #[must_use]
    pub fn repeated_requests(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Serves HTTP/1.1 and HTTP/2 on `listener` until `shutdown` is done, then waits up to 30 seconds for answers that
    /// have begun.
    ///
    /// Each request has the address of its connection as an extension of the type [`Peer`](client_address::Peer). A
    /// panic of the service is an empty 500 for its own request. A fault of one connection ends that connection only.
    ///
    /// When places or memory run short, connections are closed for newcomers: first those on which no answer has moved
    /// for the longest time, and none for which the service has called [`Connection::vouch`](crate::Connection::vouch)
    /// while there are others.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve<S: HttpService>(
        &self,
        listener: TcpListener,
        service: S,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        listener.local_addr()?;
        let _reload = self.certificates.as_ref().map(Certificates::reload_when_changed);
        let places = Arc::new(Semaphore::new(places()));
        let accounts = Accounts::of(crate::places(), Arc::clone(&self.evicted));
        let (end, ending) = watch::channel(());
        let (graceful, newcomers) = (Ending::new(), Newcomers::none());
        let entrance = Entrance {
            front: self.clone(),
            service,
            accounts: accounts.clone(),
            ending,
        };
        let mut shutdown = std::pin::pin!(shutdown);
        // Places that closed connections are about to give back. Before they have, no others are closed.
        let mut expected = 0_usize;
        loop {
            let accepted = async {
                if places.available_permits() == 0 && expected == 0 {
                    expected = accounts.make_some_places();
                }
                // The semaphore is never closed.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                expected = expected.saturating_sub(1);
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let open = OpenConnection::count(&self.open);
                    let (watcher, newcomer) = (graceful.watcher(), newcomers.one());
                    let connection = entrance
                        .clone()
                        .admit(stream, peer.ip().to_canonical(), watcher, newcomer);
                    tokio::spawn(async move {
                        connection.await;
                        drop((place, open));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAULT).await;
                }
            }
        }
        drop((listener, entrance));
        // A connection that learns of the end before its first request is closed without an answer.
        newcomers.settled().await;
        drop(end);
        if tokio::time::timeout(GRACE, graceful.begin()).await.is_err() {
            tracing::warn!(
                "answers that were not complete after {} s were cut off",
                GRACE.as_secs()
            );
        }
        Ok(())
    }
}

impl Default for Front {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("certificates", &self.certificates)
            .field("open_connections", &self.open_connections())
            .finish_non_exhaustive()
    }
}

/// One open connection in the count, until it is dropped.
struct OpenConnection(Arc<AtomicUsize>);

impl OpenConnection {
    fn count(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The way of a connection from its first byte to HTTP.
#[derive(Clone)]
struct Entrance<S> {
    front: Front,
    service: S,
    accounts: Accounts,
    /// Its sender is dropped when the end of serving waits no longer for connections that have not come as far as HTTP.
    ending: watch::Receiver<()>,
}

impl<S: HttpService> Entrance<S> {
    /// Takes one connection from its first byte to its end. What it holds before HTTP begins is small: thousands of
    /// connections may never come that far.
    async fn admit(self, mut stream: TcpStream, peer: IpAddr, watcher: Watcher, newcomer: Newcomer) {
        let mut ending = self.ending.clone();
        // Answers are written in one piece; waiting for more would only delay them. A socket that refuses this is
        // slower, not wrong.
        let _ = stream.set_nodelay(true);
        let checked = tokio::select! {
            biased;
            checked = self.check(&mut stream, peer) => checked,
            _ = ending.changed() => return,
        };
        let (client, account) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return (self.front.on_refusal)(peer, &refusal),
        };
        let serving = async {
            let begun = tokio::select! {
                biased;
                begun = self.begin(stream, client, &account) => begun,
                _ = ending.changed() => None,
            };
            let Some(begun) = begun else { return };
            let belongings = Belongings {
                service: self.service,
                log: self.front.access_log,
                account: account.clone(),
                newcomer,
                peer: client,
                repeated: self.front.repeated,
                files: self.front.files,
            };
            if let Err(error) = Box::pin(connection::serve(begun, belongings, watcher)).await {
                tracing::debug!(peer = %client, %error, "a connection ended early");
            }
        };
        let must_go = Signal::new(account.must_go(), || account.is_leaving());
        tokio::select! {
            biased;
            () = must_go => tracing::debug!(peer = %client, "a connection was closed to make room"),
            () = serving => {}
        }
    }

    /// Returns the address that counts from here on, and the account of the connection.
    async fn check(&self, stream: &mut TcpStream, peer: IpAddr) -> Result<(IpAddr, Account), Refusal> {
        // Looked up for each connection and not kept, so that no connection keeps old settings alive.
        let proxies = (self.front.proxies)();
        let client = proxy_protocol::client(&proxies, stream, peer).await?;
        let account = self.accounts.open(client, proxies.include(client))?;
        Ok((client, account))
    }

    /// Takes a connection through TLS to the first bytes of HTTP; returns nothing if it must be closed.
    async fn begin(&self, stream: TcpStream, client: IpAddr, account: &Account) -> Option<Begun> {
        let mut charge = account.charge(costs::WAITING);
        let stream = Socket::new(stream, account.clone());
        let stream: Stream = match &self.front.certificates {
            None => Box::new(stream),
            Some(certificates) => {
                charge.grow_to(costs::WAITING + costs::TLS);
                Box::new(Box::pin(handshake::accept(certificates, stream, client)).await?)
            }
        };
        match connection::begin(stream, charge).await {
            Ok(begun) => begun,
            Err(error) => {
                tracing::debug!(peer = %client, %error, "a connection ended before its first request");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use http::Response;
    use http_body_util::Empty;
    use hyper::body::Bytes;
    use hyper::service::service_fn;

    /// Thousands of connections may wait for a request that never comes.
    #[tokio::test]
    async fn a_connection_without_a_request_is_small() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_end, ending) = watch::channel(());
        let entrance = Entrance {
            front: Front::new(),
            service: service_fn(|_| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }),
            accounts: Accounts::of(1, Arc::default()),
            ending,
        };
        let (watcher, newcomer) = (Ending::new().watcher(), Newcomers::none().one());
        let connection = entrance.admit(stream, "192.0.2.1".parse().unwrap(), watcher, newcomer);
        let size = size_of_val(&connection);
        assert!(size < 2_000, "{size} bytes");
    }
}
