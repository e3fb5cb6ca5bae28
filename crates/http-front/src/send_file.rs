//! Streams that may send a body out of a file.

use std::io;
use std::task::{Context, Poll};

use tokio_rustls::server::TlsStream;

use crate::body_file::BodyFile;

/// A stream that sends the bytes of a file without copying them, if it can. By default it cannot.
pub(crate) trait SendFile {
    /// Returns whether it can.
    fn sends_files(&self) -> bool {
        false
    }

    /// Sends `head`, or if that is empty, the file from `offset` on; returns how many bytes of it were taken. After a
    /// head the file must follow at once.
    fn poll_send_file(
        &mut self,
        _context: &mut Context<'_>,
        _head: &[u8],
        _file: &BodyFile,
        _offset: usize,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

impl<S: SendFile + ?Sized> SendFile for Box<S> {
    fn sends_files(&self) -> bool {
        (**self).sends_files()
    }

    fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        file: &BodyFile,
        offset: usize,
    ) -> Poll<io::Result<usize>> {
        (**self).poll_send_file(context, head, file, offset)
    }
}

/// Its bytes have to be encrypted.
impl<S> SendFile for TlsStream<S> {}

#[cfg(test)]
impl SendFile for tokio::io::DuplexStream {}
