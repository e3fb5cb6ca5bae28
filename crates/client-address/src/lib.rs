#![doc = include_str!("../README.md")]

mod error;
mod forwarded;
mod node;
mod proxy_header;

pub use error::{ForwardingError, ProxyHeaderError};
pub use forwarded::Forwarding;
pub use proxy_header::ProxyHeader;
