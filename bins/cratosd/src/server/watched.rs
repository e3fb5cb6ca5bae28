//! A socket that gives up on a peer that has stopped moving.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Counts the requests of one connection whose answers are still being made.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<AtomicUsize>);

/// Stands for one request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<AtomicUsize>);

impl Requests {
    /// Counts one more.
    pub(super) fn begin(&self) -> UnderWay {
        self.0.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.0))
    }

    fn are_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that ends with [`io::ErrorKind::TimedOut`] when nothing moves in either direction for too long.
///
/// hyper bounds the time for the head of a request, and nothing else: not the time until it knows which HTTP is spoken, nor that in
/// which a peer takes an answer. While an answer is being made, waiting is our part and is not counted.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    requests: Requests,
    patience: Duration,
    moved_at: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    /// Watches a stream that may stand still for `patience`.
    pub(super) fn new(stream: S, requests: Requests, patience: Duration) -> Self {
        Self {
            stream,
            requests,
            patience,
            moved_at: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(patience)),
        }
    }

    /// Passes on what the stream says; where it says nothing, looks at the clock.
    fn watch<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved_at = Instant::now();
            return outcome;
        }
        // The alarm is set anew only when it goes off: setting it at every byte would cost more.
        while self.alarm.as_mut().poll(context).is_ready() {
            if self.requests.are_under_way() {
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

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, outcome)
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
    async fn a_peer_that_says_nothing_is_left() {
        let (_peer, stream) = tokio::io::duplex(64);
        let started = Instant::now();
        let error = Watched::new(stream, Requests::default(), PATIENCE)
            .read_u8()
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), started.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 10)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_starts_the_patience_anew() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let mut watched = Watched::new(stream, Requests::default(), PATIENCE);
        let sender = async move {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                peer.write_u8(1).await.unwrap();
            }
            peer
        };
        let receiver = async {
            for _ in 0..5 {
                watched.read_u8().await.unwrap();
            }
        };
        tokio::join!(sender, receiver);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_left() {
        let (_peer, stream) = tokio::io::duplex(4);
        let mut watched = Watched::new(stream, Requests::default(), PATIENCE);
        assert_eq!(
            watched.write_all(&[0; 100]).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_left_while_an_answer_is_being_made() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let requests = Requests::default();
        let mut watched = Watched::new(stream, requests.clone(), PATIENCE);
        let making = async {
            let under_way = requests.begin();
            tokio::time::sleep(PATIENCE * 5).await;
            drop(under_way);
            tokio::time::sleep(PATIENCE / 2).await;
            peer.write_u8(1).await.unwrap();
        };
        let (_, byte) = tokio::join!(making, watched.read_u8());
        assert_eq!(byte.unwrap(), 1);
    }
}
