//! Why nobody can tell who is asking. Always the fault of the proxy, or of how we read it: never of the caller's own words.

/// The forwarding header of a proxy names no address.
///
/// The value is not in the text: it is whatever somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardingError {
    /// The value has bytes that are no visible ASCII.
    #[error("the value is not plain text")]
    NotText,
    /// The value is empty, or has nothing but commas.
    #[error("the value is empty")]
    Empty,
    /// The configured expression finds nothing in the value, or not the group that is the address.
    #[error("the configured expression does not match the value")]
    NoMatch,
    /// What stands where the address should be is none.
    #[error("what stands where the address should be is no address")]
    NotAnAddress,
    /// The value of `Forwarded` breaks the grammar of RFC 7239.
    #[error("the value is not what RFC 7239 allows")]
    Malformed,
}

/// A connection does not begin as the PROXY protocol wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// It begins with something else: mostly a peer that does not speak the protocol.
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    /// It begins like a header and goes on wrongly.
    #[error("the PROXY header is malformed")]
    Malformed,
    /// The header is longer than any that we read.
    #[error("the PROXY header is longer than {} bytes", crate::ProxyHeader::MAX_BYTES)]
    TooLong,
    /// The header speaks of a datagram, which is nothing that HTTP could come in.
    #[error("the PROXY header speaks of a datagram")]
    NotAStream,
}
