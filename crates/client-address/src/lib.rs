#![doc = include_str!("../README.md")]

mod error;
mod forwarded;
mod node;
mod peer;
mod proxy_header;

pub use error::{ForwardingError, ProxyHeaderError};
pub use forwarded::{Forwarding, forwarded_hosts};
pub use peer::Peer;
pub use proxy_header::ProxyHeader;

/// Headers in which proxies commonly name their client. A request with one of them came through a proxy, or pretends
/// to.
///
/// After the three common ones come those of CDNs and load balancers.
pub const FORWARDING_HEADERS: [&str; 7] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
];
