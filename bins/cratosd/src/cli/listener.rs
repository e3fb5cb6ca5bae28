//! The socket on which the daemon listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::exit::Failure;

/// Listens on `address`.
///
/// # Errors
/// A failure that says which address to choose instead.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there; choose another port with --listen, or 0 for any free one"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another one with --listen",
            io::ErrorKind::AddrNotAvailable => {
                "no interface of this machine has that address; choose another one with --listen"
            }
            _ => "choose another address with --listen",
        };
        Failure::failed(format!("cannot listen on {address}: {error}: {remedy}"))
    })
}

/// Returns the address to connect to: the loopback address for a socket that listens on all addresses.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
