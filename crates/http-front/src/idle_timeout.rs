//! A time-out for connections on which no byte moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Counts the requests of one connection that the service has not answered yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenRequests(Arc<AtomicUsize>);

/// One request that the service has not answered yet, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenRequest(Arc<AtomicUsize>);

impl OpenRequests {
    /// Counts one more.
    pub(crate) fn one(&self) -> OpenRequest {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenRequest(Arc::clone(&self.0))
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when no byte moves in either direction for too long.
///
/// hyper bounds the time for the head of a request only: neither the time until it knows the version of HTTP, nor the
/// time in which a peer takes an answer. While the service works on an answer, no time is counted: the peer has to wait
/// then.
#[derive(Debug)]
pub(crate) struct IdleTimeout<S> {
    stream: S,
    requests: OpenRequests,
    patience: Duration,
    moved_at: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> IdleTimeout<S> {
    /// Returns a stream on which no byte may move for `patience`.
    pub(crate) fn new(stream: S, requests: OpenRequests, patience: Duration) -> Self {
        Self {
            stream,
            requests,
            patience,
            moved_at: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(patience)),
        }
    }

    /// Passes on the outcome of the stream; looks at the clock where the stream is pending.
    fn check<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved_at = Instant::now();
            return outcome;
        }
        // The alarm is set anew only when it goes off: setting it at every byte would cost more.
        while self.alarm.as_mut().poll(context).is_ready() {
            if !self.requests.is_empty() {
                self.moved_at = Instant::now();
            }
            let ends_at = self.moved_at + self.patience;
            if ends_at <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(ends_at);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.check(context, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.check(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_disconnected() {
        let (_peer, stream) = tokio::io::duplex(64);
        let started = Instant::now();
        let error = IdleTimeout::new(stream, OpenRequests::default(), PATIENCE)
            .read_u8()
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), started.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 10)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_starts_the_time_anew() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let mut timed = IdleTimeout::new(stream, OpenRequests::default(), PATIENCE);
        let sender = async move {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                peer.write_u8(1).await.unwrap();
            }
            peer
        };
        let receiver = async {
            for _ in 0..5 {
                timed.read_u8().await.unwrap();
            }
        };
        tokio::join!(sender, receiver);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_byte_is_disconnected() {
        let (_peer, stream) = tokio::io::duplex(4);
        let mut timed = IdleTimeout::new(stream, OpenRequests::default(), PATIENCE);
        assert_eq!(
            timed.write_all(&[0; 100]).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_peer_is_disconnected_while_the_service_works() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let requests = OpenRequests::default();
        let mut timed = IdleTimeout::new(stream, requests.clone(), PATIENCE);
        let making = async {
            let open = requests.one();
            tokio::time::sleep(PATIENCE * 5).await;
            drop(open);
            tokio::time::sleep(PATIENCE / 2).await;
            peer.write_u8(1).await.unwrap();
        };
        let (_, byte) = tokio::join!(making, timed.read_u8());
        assert_eq!(byte.unwrap(), 1);
    }
}
