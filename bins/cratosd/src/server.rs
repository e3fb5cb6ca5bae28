//! Sockets: who may connect, how long they may take, and how it ends.

mod connection;
mod newcomers;
mod places;
mod proxy_header;
mod shares;
mod tls;
mod watched;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use site_config::ReverseProxy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::App;
use crate::background::Background;
use newcomers::{Newcomer, Newcomers};
use shares::{Share, Shares};

/// After this long the answers that are still on their way at the end are given up.
const GRACE: Duration = Duration::from_secs(30);

/// A pause after a connection could not be accepted: mostly we are out of file descriptors, and some must be closed first.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(50);

/// Returns how many connections are served at a time.
pub(crate) fn connections() -> usize {
    places::available()
}

/// Serves HTTP/1.1 and HTTP/2, inside TLS if the core file says so, on `listener` until `shutdown` is done, then finishes what has begun.
///
/// No fault of one connection ends it, and no panic of one request reaches another.
///
/// # Errors
/// Only if the listener is not usable at all.
pub async fn serve(app: Arc<App>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    listener.local_addr()?;
    // Further connections wait in the queue of the kernel.
    let places = Arc::new(Semaphore::new(places::available()));
    let shares = Shares::of(places::available());
    let _following = crate::tls::Following::begin(&app);
    let background = Background::begin(&app);
    let (end, ending) = watch::channel(());
    let (graceful, newcomers) = (GracefulShutdown::new(), Newcomers::none());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let open = app.metrics().connection();
                let (watcher, newcomer) = (graceful.watcher(), newcomers.one());
                let (app, ending, shares) = (Arc::clone(&app), ending.clone(), shares.clone());
                let connection = begin(app, watcher, newcomer, ending, stream, peer.ip().to_canonical(), shares);
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
    drop(listener);
    app.streams().end_all();
    // Whom the end is told before the first request is there is left without an answer.
    newcomers.settled().await;
    drop(end);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("answers that were still on their way were given up");
    }
    // After the last answer: whoever was told 202 is counted on.
    background.end().await;
    Ok(())
}

/// Takes one connection from its first byte to its end. `ending` tells that nobody is waited for any more: who has not got as far as HTTP
/// is then left.
async fn begin(
    app: Arc<App>,
    watcher: Watcher,
    newcomer: Newcomer,
    mut ending: watch::Receiver<()>,
    mut stream: TcpStream,
    peer: IpAddr,
    shares: Shares,
) {
    // Answers are written in one go; waiting for more would only delay them. A socket that refuses is slower, not wrong.
    let _ = stream.set_nodelay(true);
    let config = app.configuration().snapshot();
    let caller = tokio::select! {
        biased;
        caller = proxy_header::caller(&config.loaded.core.reverse_proxy, &mut stream, peer) => caller,
        _ = ending.changed() => None,
    };
    let share = caller.and_then(|caller| share(&shares, caller, &config.loaded.core.reverse_proxy));
    // The configuration that the connection began with must not be kept alive by it.
    drop(config);
    let (Some(caller), Some(_share)) = (caller, share) else {
        return;
    };
    let Some(tls) = app.tls() else {
        return connection::serve(app, watcher, newcomer, stream, caller).await;
    };
    let stream = tokio::select! {
        biased;
        stream = tls::handshake(tls, stream, caller) => stream,
        _ = ending.changed() => None,
    };
    if let Some(stream) = stream {
        connection::serve(app, watcher, newcomer, stream, caller).await;
    }
}

/// Returns nothing where the address has too many connections already. The addresses of trusted proxies may have any number.
fn share(shares: &Shares, caller: IpAddr, proxy: &ReverseProxy) -> Option<Share> {
    let has_proxies = proxy.enabled || proxy.proxy_protocol;
    if has_proxies && proxy.trusts(caller) {
        return Some(Share::of_a_proxy());
    }
    shares.take(caller)
}
