//! The end of serving: each connection learns of it, and is waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_util::server::graceful::GracefulConnection;
use pin_project_lite::pin_project;
use tokio::sync::watch;

use crate::signal::Signal;

/// Ends all connections as [`hyper_util::server::graceful`] does: each answers the requests that have come and closes
/// then. Until that it costs a connection nearly nothing at each request.
#[derive(Debug)]
pub(crate) struct Ending {
    signal: watch::Sender<()>,
    has_begun: Arc<AtomicBool>,
}

/// The end of serving for one connection. It is waited for until this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    told: watch::Receiver<()>,
    has_begun: Arc<AtomicBool>,
}

impl Ending {
    /// Returns an end that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            signal: watch::Sender::new(()),
            has_begun: Arc::default(),
        }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher {
            told: self.signal.subscribe(),
            has_begun: Arc::clone(&self.has_begun),
        }
    }

    /// Begins the end and waits until all watchers are gone.
    pub(crate) async fn begin(self) {
        self.has_begun.store(true, Ordering::Release);
        // An error means that there is no connection.
        let _ = self.signal.send(());
        self.signal.closed().await;
    }
}

/// An end that is dropped begins, too.
impl Drop for Ending {
    fn drop(&mut self) {
        self.has_begun.store(true, Ordering::Release);
    }
}

impl Watcher {
    /// Serves a connection to its end, which comes earlier where serving ends.
    pub(crate) fn watch<C: GracefulConnection>(self, connection: C) -> impl Future<Output = C::Output> {
        let Self { mut told, has_begun } = self;
        let comes = async move {
            // A signal has to register its waker when it is first asked, also where the task's budget is used up. An
            // error means that serving has ended.
            let _ = tokio::task::unconstrained(told.changed()).await;
            told
        };
        Watched {
            connection,
            told: Signal::new(comes, move || has_begun.load(Ordering::Acquire)),
            until_the_end: None,
        }
    }
}

pin_project! {
    struct Watched<C, S, T> {
        #[pin]
        connection: C,
        #[pin]
        told: S,
        // Held until the connection is closed.
        until_the_end: Option<T>,
    }
}

impl<C: GracefulConnection, S: Future<Output = T>, T> Future for Watched<C, S, T> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let mut this = self.project();
        if this.until_the_end.is_none()
            && let Poll::Ready(receiver) = this.told.poll(context)
        {
            *this.until_the_end = Some(receiver);
            this.connection.as_mut().graceful_shutdown();
        }
        this.connection.poll(context)
    }
}
