//! Reasons why the client's address is unknown: always a fault of the proxy or of its configuration here, never of the
//! client.

/// The forwarding header of a proxy names no address.
///
/// The text does not contain the value, because a client may have written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardingError {
    /// The value has bytes outside of visible ASCII.
    #[error("the value is not plain text")]
    NotText,
    /// The value is empty, or has only commas.
    #[error("the value is empty")]
    Empty,
    /// The configured expression does not match the value, or its address group takes no part in the match.
    #[error("the configured expression does not match the value")]
    NoMatch,
    /// The text in the place of the address is not an address, for example `unknown`.
    #[error("the text in the place of the address is not an address")]
    NotAnAddress,
    /// The value of `Forwarded` breaks the grammar of RFC 7239.
    #[error("the value breaks the grammar of RFC 7239")]
    Malformed,
}

/// A connection does not begin with a valid PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// It begins with other bytes, mostly because the peer does not speak the protocol.
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    /// It begins like a header and then breaks the format.
    #[error("the PROXY header is malformed")]
    Malformed,
    /// The header is longer than [`ProxyHeader::MAX_BYTES`](crate::ProxyHeader::MAX_BYTES).
    #[error("the PROXY header is longer than {} bytes", crate::ProxyHeader::MAX_BYTES)]
    TooLong,
    /// The header is for a datagram, and HTTP needs a stream.
    #[error("the PROXY header is for a datagram")]
    NotAStream,
}
