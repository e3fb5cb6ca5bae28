//! The address of a connection, as a value that travels with its requests.

use std::net::IpAddr;

/// The other end of a connection: the address of the socket, or the client that a PROXY header names. An IPv4 address
/// is in IPv4 form.
///
/// A server puts it into the extensions of each request, and a service reads it there. Neither needs to know the other.
///
/// ```
/// use client_address::Peer;
///
/// let peer = Peer("192.0.2.7".parse().unwrap());
/// assert!(peer.0.is_ipv4());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);
