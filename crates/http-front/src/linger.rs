//! Connections that are closed while the kernel has much of an answer for their peers.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::writable;

/// How long a peer has to take it, as long as an open connection may stay without a movement.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps a connection whose socket is about to be dropped, and its place, until its peer has taken most of what the
/// kernel has for it. A peer that does not take it is reset: the kernel would keep the bytes for minutes, in no
/// account.
pub(crate) fn close(stream: &TcpStream, place: OwnedSemaphorePermit) {
    let (Ok(copy), Ok(runtime)) = (copy(stream), Handle::try_current()) else {
        return reset(stream);
    };
    runtime.spawn(async move {
        let taken = poll_fn(|context| writable::poll(&copy, context));
        if tokio::time::timeout(PATIENCE, taken).await.is_err() {
            reset(&copy);
        }
        drop((copy, place));
    });
}

fn copy(stream: &TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(stream.as_fd().try_clone_to_owned()?.into())
}

/// Has the kernel forget what it has for the peer when the socket is dropped.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
