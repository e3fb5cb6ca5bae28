//! A time-out for connections on which no answer moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::account::Account;
use crate::answer_frames::AnswerFrames;
use crate::body_file::BodyFile;
use crate::head_timer::HeadTimer;
use crate::send_file::SendFile;

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

/// What counts as a sign of life on a connection. Bytes that the peer sends never do: a peer that takes no answer could
/// send pings for ever. A new request does, since the service works on it.
#[derive(Debug)]
pub(crate) enum Movement {
    /// Each byte that we send: HTTP/1 has answers only. While it waits for a head, the time for that counts too.
    EveryByte(HeadTimer),
    /// Bytes of answers among the frames of HTTP/2.
    Frames(AnswerFrames),
}

impl Movement {
    /// Returns when to look again if nothing moves until then. A head that has taken too long ends here, and hyper
    /// with it.
    fn next_look(&self, now: Instant, ends_at: Instant) -> Instant {
        match self {
            Self::EveryByte(head) => head.look(now).min(ends_at),
            Self::Frames(_) => ends_at,
        }
    }

    fn note(&mut self, mut sent: usize, slices: &[io::IoSlice<'_>]) -> bool {
        let Self::Frames(frames) = self else {
            return sent > 0;
        };
        let mut is_answer = false;
        for slice in slices {
            let part = slice.get(..sent.min(slice.len())).unwrap_or_default();
            is_answer |= frames.note(part);
            sent -= part.len();
        }
        is_answer
    }
}

type Room = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream that fails with [`io::ErrorKind::TimedOut`] when no answer moves for too long.
///
/// hyper bounds the time for the head of a request only, not the time in which a peer takes an answer. While the
/// service works on an answer, no time is counted: the peer has to wait then.
pub(crate) struct IdleTimeout<S> {
    stream: S,
    account: Account,
    requests: OpenRequests,
    movement: Movement,
    patience: Duration,
    moved_at: Instant,
    alarm: Pin<Box<Sleep>>,
    /// The end of a wait for memory.
    room: Option<Room>,
}

impl<S> IdleTimeout<S> {
    /// Returns a stream on which an answer must move within `patience`.
    pub(crate) fn new(
        stream: S,
        account: Account,
        requests: OpenRequests,
        movement: Movement,
        patience: Duration,
    ) -> Self {
        let now = Instant::now();
        let first_look = movement.next_look(now, now + patience);
        Self {
            stream,
            account,
            requests,
            movement,
            patience,
            moved_at: now,
            alarm: Box::pin(tokio::time::sleep_until(first_look)),
            room: None,
        }
    }

    /// Returns whether HTTP/2 may get more bytes, which may be a hundred requests. While memory is short, strangers
    /// wait until the connections that must end are gone.
    fn may_read(&mut self, context: &mut Context<'_>) -> bool {
        if matches!(self.movement, Movement::EveryByte(_)) || self.account.has_room() {
            self.room = None;
            return true;
        }
        let room = self.room.get_or_insert_with(|| {
            let account = self.account.clone();
            Box::pin(async move { account.room().await })
        });
        let is_there = room.as_mut().poll(context).is_ready();
        if is_there {
            self.room = None;
        }
        is_there
    }

    /// Passes on the outcome of writing these slices.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(sent)) = outcome
            && self.movement.note(sent, slices)
        {
            self.moved_at = Instant::now();
            self.account.moved_at(self.moved_at);
        }
        self.check(context, outcome)
    }

    /// Passes on the outcome of the stream; looks at the clock where the stream is pending.
    fn check<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            return outcome;
        }
        // The alarm is set anew only when it goes off: setting it at every byte would cost more.
        while self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if !self.requests.is_empty() {
                self.moved_at = now;
            }
            let ends_at = self.moved_at + self.patience;
            if ends_at <= now {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let next_look = self.movement.next_look(now, ends_at);
            self.alarm.as_mut().reset(next_look);
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
        let outcome = if self.may_read(context) {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        } else {
            Poll::Pending
        };
        self.check(context, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, outcome, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, outcome, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.check(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.check(context, outcome)
    }
}

impl<S: SendFile> SendFile for IdleTimeout<S> {
    fn sends_files(&self) -> bool {
        self.stream.sends_files()
    }

    fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        file: &BodyFile,
        offset: usize,
    ) -> Poll<io::Result<usize>> {
        let outcome = self.stream.poll_send_file(context, head, file, offset);
        // Only HTTP/1 sends files, and it looks at no slices.
        self.wrote(context, outcome, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Accounts;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn every_byte() -> Movement {
        Movement::EveryByte(HeadTimer::new(PATIENCE))
    }

    fn frames() -> Movement {
        Movement::Frames(AnswerFrames::default())
    }

    fn timed<S>(stream: S, requests: &OpenRequests, movement: Movement) -> IdleTimeout<S> {
        let account = Accounts::of(10, Arc::default())
            .open("192.0.2.1".parse().unwrap(), false)
            .unwrap();
        IdleTimeout::new(stream, account, requests.clone(), movement, PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_disconnected() {
        let (_peer, stream) = tokio::io::duplex(64);
        let started = Instant::now();
        let error = timed(stream, &OpenRequests::default(), every_byte())
            .read_u8()
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), started.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, 10)
        );
    }

    /// Writes one piece again and again, while the peer takes everything and sends bytes too; returns when that ended.
    async fn ends_after(movement: Movement, piece: &'static [u8]) -> Option<Duration> {
        let (mut peer, stream) = tokio::io::duplex(64);
        let (mut reading, mut writing) = tokio::io::split(timed(stream, &OpenRequests::default(), movement));
        let started = Instant::now();
        let writer = async {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                writing.write_all(piece).await.unwrap();
                peer.write_u8(1).await.unwrap();
                peer.read_exact(&mut vec![0; piece.len()]).await.unwrap();
            }
        };
        let reader = async {
            while reading.read_u8().await.is_ok() {}
            started.elapsed()
        };
        tokio::select! {
            () = writer => None,
            ended = reader => Some(ended),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_of_an_answer_starts_the_time_anew_and_bytes_of_the_peer_do_not() {
        const DATA: &[u8] = &[0, 0, 1, 0, 0, 0, 0, 0, 1, b'x'];
        const PONG: &[u8] = &[0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(ends_after(every_byte(), b"x").await, None);
        assert_eq!(ends_after(frames(), DATA).await, None);
        assert_eq!(ends_after(frames(), PONG).await, Some(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_byte_is_disconnected() {
        let (_peer, stream) = tokio::io::duplex(4);
        let mut timed = timed(stream, &OpenRequests::default(), every_byte());
        assert_eq!(
            timed.write_all(&[0; 100]).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }

    /// TLS takes bytes that its socket does not take yet.
    struct Buffered;

    impl AsyncWrite for Buffered {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_take_the_last_bytes_is_disconnected() {
        let requests = OpenRequests::default();
        let mut timed = timed(Buffered, &requests, every_byte());
        timed.write_all(b"the last bytes").await.unwrap();
        assert_eq!(timed.flush().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(timed.shutdown().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn no_peer_is_disconnected_while_the_service_works() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let requests = OpenRequests::default();
        let mut timed = timed(stream, &requests, every_byte());
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

    #[tokio::test(start_paused = true)]
    async fn more_of_http2_is_read_when_the_memory_of_closed_connections_is_free() {
        let accounts = Accounts::of(10, Arc::default());
        let charged = |address: &str| {
            let account = accounts.open(address.parse().unwrap(), false).unwrap();
            (account.charge(30 * 1024 * 1024), account)
        };
        let (oldest, _second) = (charged("192.0.2.1"), charged("192.0.2.2"));
        let (_charge, account) = charged("192.0.2.3");
        oldest.1.must_go().await;
        let (mut peer, stream) = tokio::io::duplex(64);
        let requests = OpenRequests::default();
        let mut timed = IdleTimeout::new(stream, account, requests, frames(), PATIENCE);
        peer.write_u8(1).await.unwrap();
        let early = tokio::time::timeout(PATIENCE / 2, timed.read_u8()).await;
        assert!(
            early.is_err(),
            "the oldest connection is closed, and its memory is not free yet"
        );
        let (byte, ()) = tokio::join!(timed.read_u8(), async { drop(oldest) });
        assert_eq!(byte.unwrap(), 1);
    }
}
