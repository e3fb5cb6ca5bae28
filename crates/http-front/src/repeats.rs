//! A stream that answers repeated requests below hyper.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use bytes::buf::Chain;
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::body_file::BodyFile;
use crate::date_line;
use crate::head_timer::HeadTimer;
use crate::ready_answer::ReadyAnswer;
use crate::repetition::Repetition;
use crate::send_file::SendFile;

/// The stream of one connection of HTTP/1. hyper reads from it, and sees nothing of the requests that are answered
/// here.
///
/// That is right only between two requests: hyper waits for a head, has got nothing of it, and the peer has got every
/// byte of the answers before. Three marks say so together: hyper's timer for the head runs, [`Repetition`] knows where
/// requests begin, and hyper has flushed since it wrote last, which it does only when it holds nothing back.
pub(crate) struct Repeats<S> {
    stream: S,
    repetition: Arc<Repetition>,
    head: HeadTimer,
    is_flushed: bool,
    sending: Option<Sending>,
}

/// The part of an answer that has not been sent.
enum Sending {
    Bytes(Chain<Chain<Bytes, Bytes>, Bytes>),
    File {
        head: Bytes,
        file: Arc<BodyFile>,
        /// How many bytes of the file were sent.
        sent: usize,
    },
}

impl<S: AsyncRead + AsyncWrite + SendFile + Unpin> Repeats<S> {
    /// Returns the stream. `head` is the timer of its connection.
    pub(crate) fn new(stream: S, repetition: Arc<Repetition>, head: HeadTimer) -> Self {
        Self {
            stream,
            repetition,
            head,
            is_flushed: true,
            sending: None,
        }
    }

    /// Returns the answer to these bytes, unless hyper has to get them.
    fn answer(&self, bytes: &[u8]) -> Option<Sending> {
        if !(self.is_flushed && self.head.is_waiting()) {
            return None;
        }
        let ReadyAnswer { head, body, .. } = self.repetition.answer(bytes)?;
        let date = date_line::now();
        let sends_files = self.stream.sends_files();
        Some(match sends_files.then(|| self.repetition.file(&body)).flatten() {
            None => Sending::Bytes(head.chain(date).chain(body)),
            Some(file) => Sending::File {
                head: [head, date].concat().into(),
                file,
                sent: 0,
            },
        })
    }

    /// Writes the answer that is under way to its end. The time for the next head begins after it.
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(sending) = &mut self.sending else {
            return Poll::Ready(Ok(()));
        };
        while !sending.has_ended() {
            let count = ready!(sending.poll_some(&mut self.stream, context))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            sending.advance(count);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.sending = None;
        self.head.begin();
        Poll::Ready(Ok(()))
    }
}

impl Sending {
    fn has_ended(&self) -> bool {
        match self {
            Self::Bytes(bytes) => !bytes.has_remaining(),
            Self::File { file, sent, .. } => *sent == file.length(),
        }
    }

    /// Writes as much as the stream takes at once.
    fn poll_some<S>(&self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite + SendFile + Unpin,
    {
        match self {
            Self::Bytes(bytes) => {
                let mut slices = [IoSlice::new(&[]); 3];
                let count = bytes.chunks_vectored(&mut slices);
                let slices = slices.get(..count).unwrap_or_default();
                Pin::new(stream).poll_write_vectored(context, slices)
            }
            Self::File { head, file, sent } => stream.poll_send_file(context, head, file, *sent),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::File { head, .. } if head.has_remaining() => head.advance(count),
            Self::File { sent, .. } => *sent += count,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + SendFile + Unpin> AsyncRead for Repeats<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_sent(context))?;
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let bytes = buffer.filled().get(before..).unwrap_or_default();
            let Some(sending) = self.answer(bytes) else {
                self.repetition.pass(bytes);
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before);
            self.head.pause();
            self.sending = Some(sending);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + SendFile + Unpin> AsyncWrite for Repeats<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_flushed = false;
        ready!(self.poll_sent(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_flushed = false;
        ready!(self.poll_sent(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_sent(context))?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_sent(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
