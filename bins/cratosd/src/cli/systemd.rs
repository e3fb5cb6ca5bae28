//! The interface to systemd: sockets of a `.socket` unit, readiness, reloads and the watchdog. Without systemd all of
//! it does nothing.

use std::future::Future;
use std::time::Duration;

use gateway::Gateway;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use site_config::Loaded;
use tokio::net::TcpListener;

use crate::exit::Failure;

/// Returns the socket that a `.socket` unit has passed on, if there is one.
///
/// # Errors
/// A failure that says so for anything but one listening TCP socket.
pub(super) fn listener() -> Result<Option<TcpListener>, Failure> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        let number = passed.len();
        return Err(Failure::usage(format!(
            "systemd passes on {number} sockets: write one ListenStream= into the .socket unit"
        )));
    }
    let taken = || -> std::io::Result<Option<TcpListener>> {
        let Some(listener) = passed.take_tcp_listener(0)? else {
            return Ok(None);
        };
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Some)
    }();
    taken.map_err(|error| {
        Failure::usage(format!(
            "the socket that systemd passes on cannot be served: {error}: write ListenStream=ADDRESS:PORT into the .socket unit"
        ))
    })
}

/// Reports to systemd that the daemon serves, with this configuration.
pub(super) fn ready(loaded: &Loaded) {
    let sites = loaded.sites.values().filter(|site| site.enabled).count();
    let status = format!("Serving feeds of {sites} sites");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Reports to systemd that a reload has begun; [`ready`] reports its end.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// Reports to systemd that the daemon is about to end.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Reports to the watchdog of systemd, if it is on, that the daemon is alive, for as long as it is.
///
/// Alive means that a new task gets a thread and can take everything that each request takes. A daemon with all
/// connections in use, or with a MISP that does not answer, is alive.
pub(super) fn watchdog(gateway: &Gateway) -> impl Future<Output = ()> + use<> {
    let gateway = gateway.clone();
    async move {
        let Some(patience) = sd_notify::watchdog_enabled() else {
            return std::future::pending().await;
        };
        // Three times, so that one that is late does no harm.
        let pause = patience / 3;
        loop {
            if is_alive(&gateway, pause).await {
                notify(&[NotifyState::Watchdog]);
            } else {
                tracing::error!("a task of the daemon gets no answer; systemd will start it again if that stays so");
            }
            tokio::time::sleep(pause).await;
        }
    }
}

async fn is_alive(gateway: &Gateway, patience: Duration) -> bool {
    let gateway = gateway.clone();
    let look = tokio::spawn(async move { gateway.touch() });
    matches!(tokio::time::timeout(patience, look).await, Ok(Ok(())))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be notified");
    }
}
