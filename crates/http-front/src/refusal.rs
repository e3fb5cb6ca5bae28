//! Connections that were closed before their first request.

use std::io;
use std::net::IpAddr;

use client_address::ProxyHeaderError;

/// Why a connection was closed before TLS and HTTP began.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Every connection must come from a proxy, and this peer is not in [`Proxies`](crate::Proxies).
    #[error("the peer is not one of the listed proxies")]
    NotAProxy,
    /// The PROXY header was not complete after five seconds.
    #[error("the PROXY header did not arrive in time")]
    HeaderTimeout,
    /// The peer closed the connection inside the PROXY header.
    #[error("the connection ended before the PROXY header was complete")]
    HeaderCut(#[source] io::Error),
    /// The bytes at the start of the connection are not a PROXY header.
    #[error(transparent)]
    Header(#[from] ProxyHeaderError),
    /// The address has half of all places already.
    #[error("its address {address} already has {most} connections, half of all")]
    TooManyConnections {
        /// The client's address, also behind a proxy that speaks the PROXY protocol.
        address: IpAddr,
        /// Connections that one address may have at a time.
        most: usize,
    },
}
