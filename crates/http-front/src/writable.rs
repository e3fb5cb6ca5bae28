//! Whether the kernel takes more of an answer, by its own word.
//!
//! What tokio knows may be older than the last change of how much the kernel takes.

use std::io;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Returns whether the kernel takes more now. A socket that has failed counts as one: it takes everything.
pub(crate) fn is(stream: &TcpStream) -> bool {
    let mut wanted = [PollFd::new(stream, PollFlags::OUT)];
    rustix::event::poll(&mut wanted, Some(&Timespec::default())) != Ok(0)
}

/// Waits until the kernel takes more.
pub(crate) fn poll(stream: &TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    poll_io(stream, context, || match is(stream) {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    })
}

/// Does something with a socket as soon as it is writable.
pub(crate) fn poll_io<T>(
    stream: &TcpStream,
    context: &mut Context<'_>,
    mut action: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        ready!(stream.poll_write_ready(context))?;
        match stream.try_io(Interest::WRITABLE, &mut action) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return Poll::Ready(outcome),
        }
    }
}
