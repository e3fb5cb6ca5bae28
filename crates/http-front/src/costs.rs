//! What a connection and a request cost in memory, measured with `cargo xtask attack` and rounded up.

use hyper::body::{Body as _, Incoming};
use hyper::{Request, Version};

/// The most bytes of a request body that wait for the service, for HTTP/1 and for one request of HTTP/2.
pub(crate) const WAITING_BODY: u32 = 32 * 1024;

/// A connection before its first request: its task, its socket, its timer.
pub(crate) const WAITING: usize = 7 * 1024;

/// The sessions of TLS: keys and buffers.
pub(crate) const TLS: usize = 16 * 1024;

/// The most encrypted bytes that wait for the socket: one record of TLS.
pub(crate) const TLS_UNSENT: usize = 16 * 1024;

/// The bytes of an answer that the kernel takes before it has sent the earlier ones. Without this it would take up to 4
/// MiB for each peer that reads nothing. It is the kernel's memory and part of no account.
pub(crate) const UNSENT: u32 = 64 * 1024;

/// The same for a known peer: an answer of some hundred kilobytes leaves in one turn. With much more a slow peer would
/// have to take a megabyte a minute to be seen to take anything.
pub(crate) const UNSENT_KNOWN: u32 = 256 * 1024;

/// The most sockets that have so much room at a time: 256 MiB of the kernel's memory. Further ones are as those of
/// strangers.
pub(crate) const WIDE_SOCKETS: usize = 1_024;

/// The same for a known peer that reads fast: an answer of two megabytes leaves in one turn.
pub(crate) const UNSENT_FAST: u32 = 4 * 1024 * 1024;

/// The most sockets that have so much room at a time: 128 MiB of the kernel's memory.
pub(crate) const FAST_SOCKETS: usize = 32;

/// Buffers for reading and for writing, and the state of hyper.
pub(crate) const HTTP1: usize = 32 * 1024;

/// A request of HTTP/1 that is answered below hyper: its head twice, the service's answerer, and what logs need of it.
pub(crate) const REPEATED: usize = 20 * 1024;

/// The same, with the tables of HPACK and the streams that have ended for us and not for the peer.
pub(crate) const HTTP2: usize = 96 * 1024;

/// A request of HTTP/2, from its head until its peer has taken the answer.
const STREAM: usize = 8 * 1024;

/// Returns what a request costs beyond its connection.
pub(crate) fn of_request(request: &Request<Incoming>) -> usize {
    let body = if request.body().is_end_stream() {
        0
    } else {
        WAITING_BODY as usize
    };
    if request.version() == Version::HTTP_2 {
        let fields = request.headers().iter();
        let head: usize = fields.map(|(name, value)| name.as_str().len() + value.len()).sum();
        STREAM + 2 * head + body
    } else {
        body
    }
}
