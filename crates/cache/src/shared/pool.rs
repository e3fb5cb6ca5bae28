//! A store behind TCP connections, one question at a time on each.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{future::Future, io};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{ItemKey, SharedStore, StoreError, StoreFuture};

/// Connections to one server, at most.
const MAX_CONNECTIONS: usize = 8;

/// One question, as a protocol gets it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    Get(&'a [ItemKey]),
    Put(&'a [(ItemKey, Bytes)], Duration),
    Add(&'a ItemKey, &'a [u8], Duration),
    Delete(&'a [ItemKey]),
    DeleteIf(&'a ItemKey, &'a [u8]),
}

/// The answer to a question; `Done` for yes or no.
#[derive(Debug)]
pub(crate) enum Answer {
    Values(Vec<Option<Bytes>>),
    Done(bool),
}

/// The protocol of one kind of server.
pub(crate) trait Speak: Send + Sync + 'static {
    type Connection: Send;

    fn connect(&self, moved: &Arc<AtomicU64>) -> impl Future<Output = Result<Self::Connection, StoreError>> + Send;

    fn ask(
        &self,
        connection: &mut Self::Connection,
        question: Question<'_>,
    ) -> impl Future<Output = Result<Answer, StoreError>> + Send;
}

/// A pool of connections of one kind. A connection whose question was abandoned is closed: its answer may still come.
pub(crate) struct Pool<S: Speak> {
    speak: S,
    place: String,
    idle: Mutex<Vec<S::Connection>>,
    seats: Semaphore,
    moved: Arc<AtomicU64>,
}

impl<S: Speak> Pool<S> {
    pub(crate) fn new(speak: S, place: String) -> Self {
        Self {
            speak,
            place,
            idle: Mutex::default(),
            seats: Semaphore::new(MAX_CONNECTIONS),
            moved: Arc::default(),
        }
    }

    async fn ask(&self, question: Question<'_>) -> Result<Answer, StoreError> {
        // The semaphore is never closed, so a seat comes at some time.
        let _seat = self.seats.acquire().await.map_err(|_| StoreError::Slow)?;
        let known = self.idle().pop();
        if let Some(connection) = known {
            match self.ask_on(connection, question).await {
                // The server was restarted, or closes idle connections: a new connection shows which.
                Err(StoreError::Broken(_)) => self.disconnect(),
                answer => return answer,
            }
        }
        let connection = self.speak.connect(&self.moved).await?;
        self.ask_on(connection, question).await
    }

    async fn ask_on(&self, mut connection: S::Connection, question: Question<'_>) -> Result<Answer, StoreError> {
        let answer = self.speak.ask(&mut connection, question).await;
        let keep = match &answer {
            Ok(_) => true,
            Err(error) => error.leaves_connection_usable(),
        };
        if keep {
            self.idle().push(connection);
        }
        answer
    }

    async fn done(&self, question: Question<'_>) -> Result<bool, StoreError> {
        match self.ask(question).await? {
            Answer::Done(done) => Ok(done),
            Answer::Values(_) => Err(StoreError::Protocol("values where none were asked for")),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<S::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Speak> SharedStore for Pool<S> {
    fn place(&self) -> &str {
        &self.place
    }

    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            match self.ask(Question::Get(keys)).await? {
                Answer::Values(values) if values.len() == keys.len() => Ok(values),
                _ => Err(StoreError::Protocol("not one answer for each key")),
            }
        })
    }

    fn put<'a>(&'a self, items: &'a [(ItemKey, Bytes)], life: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.done(Question::Put(items, life)).await.map(drop) })
    }

    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> StoreFuture<'a, bool> {
        Box::pin(self.done(Question::Add(key, value, life)))
    }

    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.done(Question::Delete(keys)).await.map(drop) })
    }

    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> StoreFuture<'a, bool> {
        Box::pin(self.done(Question::DeleteIf(key, value)))
    }

    fn moved_bytes(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    fn disconnect(&self) {
        self.idle().clear();
    }
}

impl<S: Speak> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Returns a TCP connection that counts its bytes.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    moved: &Arc<AtomicU64>,
) -> Result<CountingStream<TcpStream>, StoreError> {
    let stream = TcpStream::connect((host, port)).await.map_err(StoreError::Connect)?;
    stream.set_nodelay(true).map_err(StoreError::Connect)?;
    Ok(CountingStream {
        stream,
        moved: Arc::clone(moved),
    })
}

/// A stream that counts its bytes.
#[derive(Debug)]
pub(crate) struct CountingStream<S> {
    stream: S,
    moved: Arc<AtomicU64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for CountingStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        count(&this.moved, buf.filled().len().saturating_sub(before));
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountingStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = polled {
            count(&this.moved, written);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

fn count(moved: &AtomicU64, bytes: usize) {
    moved.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}
