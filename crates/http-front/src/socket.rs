//! The TCP socket of a connection, and how many bytes of answers the kernel takes ahead of its peer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::account::Account;
use crate::costs;

/// A socket that takes more of an answer at once after its peer has shown a good credential.
///
/// Each time that the kernel has room again, the task of the connection wakes up and writes. With little room a large
/// answer costs many of these turns; with much room, peers that read nothing hold much memory of the kernel.
pub(crate) struct Socket {
    stream: TcpStream,
    account: Account,
    /// Whether more room was asked for.
    has_asked: bool,
    room: Option<OwnedSemaphorePermit>,
}

impl Socket {
    /// Returns the socket of the connection with this account.
    pub(crate) fn new(stream: TcpStream, account: Account) -> Self {
        set_unsent(&stream, costs::UNSENT);
        Self {
            stream,
            account,
            has_asked: false,
            room: None,
        }
    }

    fn widen(&mut self) {
        if !self.has_asked && self.account.is_known() {
            self.has_asked = true;
            self.room = self.account.wide_socket();
            if self.room.is_some() {
                set_unsent(&self.stream, costs::UNSENT_KNOWN);
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.widen();
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
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
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::account::Accounts;

    /// Returns how many bytes of an answer a peer that reads nothing is sent.
    async fn taken(is_known: bool) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _deaf = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let account = Accounts::of(1, Arc::default()).open(address.ip(), false).unwrap();
        if is_known {
            account.vouch();
        }
        let mut socket = Socket::new(stream, account);
        let (piece, mut taken) = ([0; 16 * 1024], 0);
        // As long as the kernel takes bytes it takes them at once.
        while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(500), socket.write(&piece)).await {
            taken += count;
        }
        taken
    }

    /// The receive buffer of the peer is part of both. Without a limit the kernel takes 2.5 MB and more.
    #[tokio::test]
    async fn the_kernel_takes_little_of_an_answer_that_a_stranger_does_not_read_and_more_of_a_known_peers() {
        let (stranger, known) = (taken(false).await, taken(true).await);
        assert!(stranger < 1_000_000, "{stranger} bytes");
        assert!(known > stranger + 64 * 1024, "{stranger} and {known} bytes");
    }
}
