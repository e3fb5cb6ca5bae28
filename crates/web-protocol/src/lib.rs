#![doc = include_str!("../README.md")]

use std::{fmt, str::FromStr};

/// The protocol of a web address.
///
/// ```
/// use web_protocol::Protocol;
///
/// let address = format!("{}://misp.example.net", Protocol::Https);
/// assert_eq!(address, "https://misp.example.net");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Without encryption: for example to a server on the same host, or behind a TLS proxy there.
    Http,
    /// Over TLS.
    Https,
}

impl Protocol {
    /// Returns `http` or `https`, the scheme of a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The error for a text that is neither `http` nor `https`.
///
/// ```
/// let error = "ftp".parse::<web_protocol::Protocol>().unwrap_err();
/// assert_eq!(error.to_string(), "not a web protocol: write http or https");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a web protocol: write http or https")]
#[non_exhaustive]
pub struct UnknownProtocol;

/// Reads `http` and `https` in any case, as URLs do.
impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        let named = |protocol: &Self| protocol.as_str().eq_ignore_ascii_case(name);
        [Self::Http, Self::Https].into_iter().find(named).ok_or(UnknownProtocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_read_in_any_case() {
        assert_eq!("HTTPS".parse(), Ok(Protocol::Https));
        assert_eq!("Http".parse(), Ok(Protocol::Http));
        assert_eq!("httpsx".parse::<Protocol>(), Err(UnknownProtocol));
    }
}
