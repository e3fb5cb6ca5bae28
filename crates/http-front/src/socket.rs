//! The TCP socket of a connection, and how many bytes of answers the kernel takes ahead of its peer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::account::Account;
#[cfg(target_os = "linux")]
use crate::body_file::BodyFile;
use crate::costs;
use crate::send_file::SendFile;
use crate::{linger, writable};

/// In this time a peer that reads fast makes the kernel take bytes again: at least a megabyte a second.
const FAST: Duration = Duration::from_millis(100);

/// A socket that takes more of an answer at once after its peer has shown a good credential, and still more after it
/// has read fast.
///
/// Each time that the kernel has room again, the task of the connection wakes up and writes. With little room a large
/// answer costs many of these turns; with much room, peers that read nothing hold much memory of the kernel.
pub(crate) struct Socket {
    stream: TcpStream,
    account: Account,
    room: Room,
    /// Since when the kernel takes no more.
    full_since: Option<Instant>,
}

/// How much the kernel takes.
enum Room {
    Stranger,
    /// All that a known peer gets, with its place if one was free.
    Known(Option<OwnedSemaphorePermit>),
    /// With its place until the end.
    Fast(Option<OwnedSemaphorePermit>),
}

impl Socket {
    /// Returns the socket of the connection with this account.
    pub(crate) fn new(stream: TcpStream, account: Account) -> Self {
        set_unsent(&stream, costs::UNSENT);
        Self {
            stream,
            account,
            room: Room::Stranger,
            full_since: None,
        }
    }

    fn widen(&mut self) {
        if matches!(self.room, Room::Stranger) && self.account.is_known() {
            let place = self.account.wide_socket();
            if place.is_some() {
                set_unsent(&self.stream, costs::UNSENT_KNOWN);
            }
            self.room = Room::Known(place);
        }
    }

    /// Passes on the outcome of writing.
    fn wrote<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            self.full_since.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.full_since.take()
            && since.elapsed() < FAST
            && matches!(self.room, Room::Known(Some(_)))
            && let Some(place) = self.account.fast_socket()
        {
            set_unsent(&self.stream, costs::UNSENT_FAST);
            self.room = Room::Fast(Some(place));
        }
        outcome
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Room::Fast(place) = &mut self.room
            && let Some(place) = place.take()
        {
            set_unsent(&self.stream, costs::UNSENT_KNOWN);
            if !writable::is(&self.stream) {
                linger::close(&self.stream, place);
            }
        }
    }
}

/// Sets how many bytes the kernel takes that it has not sent yet. A socket that refuses this takes more, and nothing is
/// wrong.
fn set_unsent(stream: &TcpStream, bytes: u32) {
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(bytes);
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, bytes);
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.widen();
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.widen();
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// A fast peer has to take most of what the kernel has for it before the connection can close.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.room, Room::Fast(_)) {
            set_unsent(&self.stream, costs::UNSENT_KNOWN);
            ready!(writable::poll(&self.stream, context))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(not(target_os = "linux"))]
impl SendFile for Socket {}

#[cfg(target_os = "linux")]
impl SendFile for Socket {
    fn sends_files(&self) -> bool {
        true
    }

    fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        file: &BodyFile,
        offset: usize,
    ) -> Poll<io::Result<usize>> {
        self.widen();
        let stream = &self.stream;
        let send = || {
            if head.is_empty() {
                return file.send(stream, offset);
            }
            // The kernel keeps the head back until the file follows, so both leave in one packet.
            Ok(rustix::net::send(stream, head, SendFlags::MORE | SendFlags::NOSIGNAL)?)
        };
        let outcome = writable::poll_io(stream, context, send);
        self.wrote(outcome)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
