//! The socket that is served on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::exit::Failure;

/// Listens on `address`.
///
/// # Errors
/// A failure that says what to do about the address.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let what_to_do = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there; choose another port with --listen, or 0 for any free one"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another one with --listen",
            io::ErrorKind::AddrNotAvailable => {
                "no interface of this machine has that address; choose another one with --listen"
            }
            _ => "choose another address with --listen",
        };
        Failure::failed(format!("cannot listen on {address}: {error}: {what_to_do}"))
    })
}

/// Returns where to connect to for a listening address: the loopback address where it listens on all.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
