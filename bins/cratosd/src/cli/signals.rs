//! The signals that a daemon obeys.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// SIGHUP, SIGINT and SIGTERM, from now on.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes over the three signals.
    pub(super) fn listen() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")));
        Ok(Self {
            hangup: take(SignalKind::hangup())?,
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for the signal to read the configuration again, or for one to stop.
    pub(super) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.hangup.recv() => Order::Reload,
            _ = self.interrupt.recv() => Order::Stop("SIGINT"),
            _ = self.terminate.recv() => Order::Stop("SIGTERM"),
        }
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Read the configuration again.
    Reload,
    /// Stop; the name of the signal.
    Stop(&'static str),
}
