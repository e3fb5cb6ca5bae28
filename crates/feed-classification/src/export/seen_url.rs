//! The part of a URL that a sensor in the network can see: the common part of `suricata` and `snort`.

use url::Url;

use crate::export::QuarantineReason;
use crate::grammar::url::is_absolute;

/// The network shows only the host of such a URL, and the list does not name the whole host.
const ENCRYPTED: QuarantineReason = QuarantineReason::because("encrypted_path");
const OTHER_SCHEME: QuarantineReason = QuarantineReason::because("scheme");

/// The part of a URL that a sensor can see, in the form of clients: host in punycode, other letters percent-encoded.
pub(super) enum SeenUrl {
    /// A request over HTTP.
    Request {
        host: String,
        /// None for the usual port.
        port: Option<u16>,
        /// Path and query.
        target: String,
    },
    /// The server name of a TLS greeting.
    ServerName(String),
}

impl SeenUrl {
    /// # Errors
    /// The reason why a sensor cannot see the URL.
    pub(super) fn of(value: &str) -> Result<Self, QuarantineReason> {
        let parsed = if is_absolute(value) {
            Url::parse(value)
        } else {
            // A URL without a scheme in MISP comes from the log of a proxy.
            Url::parse(&format!("http://{value}"))
        };
        let url = parsed.map_err(|_| QuarantineReason::UNREPRESENTABLE)?;
        let host = url.host_str().ok_or(QuarantineReason::UNREPRESENTABLE)?.to_owned();
        match url.scheme() {
            "http" => Ok(Self::Request {
                host,
                port: url.port(),
                target: match url.query() {
                    Some(query) => format!("{}?{query}", url.path()),
                    None => url.path().to_owned(),
                },
            }),
            "https" if url.path() == "/" && url.query().is_none() && url.domain().is_some() => {
                Ok(Self::ServerName(host))
            }
            "https" => Err(ENCRYPTED),
            _ => Err(OTHER_SCHEME),
        }
    }
}
