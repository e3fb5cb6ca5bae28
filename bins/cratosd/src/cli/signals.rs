//! The signals that the daemon handles.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// Receives SIGHUP, SIGINT and SIGTERM.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Starts to receive the three signals, which no longer end the process.
    pub(super) fn listen() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")));
        Ok(Self {
            hangup: take(SignalKind::hangup())?,
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.hangup.recv() => Order::Reload,
            _ = self.interrupt.recv() => Order::Stop("SIGINT"),
            _ = self.terminate.recv() => Order::Stop("SIGTERM"),
        }
    }
}

/// The meaning of a signal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// SIGHUP: read the configuration again.
    Reload,
    /// Stop, with the name of the signal.
    Stop(&'static str),
}
