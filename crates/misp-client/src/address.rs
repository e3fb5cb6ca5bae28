//! The address of a MISP, and its key.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use web_protocol::Protocol;

use crate::{Error, ErrorKind};

/// The address of one MISP: scheme, host, port, and a path when MISP does not live at the root.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Builds the address from its parts; an IPv6 host may have brackets or not.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when the host is neither a name nor an address, or the port is 0.
    pub fn new(protocol: Protocol, host: &str, port: u16) -> Result<Self, Error> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match (bare, host.parse::<Ipv6Addr>()) {
            (Some(inside), _) => {
                format!("[{}]", inside.parse::<Ipv6Addr>().map_err(|_| bad_host())?)
            }
            (None, Ok(address)) => format!("[{address}]"),
            (None, Err(_)) => checked_host(host)?.to_owned(),
        };
        if port == 0 {
            return Err(invalid("the port must be 1 to 65535"));
        }
        Self::parse(&format!("{protocol}://{host}:{port}"))
    }

    /// Reads an address such as `https://misp.example.net` or `https://[2001:db8::1]:8443/misp`.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] for anything but http and https, a missing host, a user name, a password, a query or a
    /// fragment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|_| invalid("the address of MISP is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are spoken to MISP"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the address of MISP must not hold a user name or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("the address of MISP must not have a query or a fragment"));
        }
        if url.port() == Some(0) {
            return Err(invalid("the port must be 1 to 65535"));
        }
        match url.host() {
            None => return Err(bad_host()),
            Some(url::Host::Domain(name)) => drop(checked_host(name)?),
            Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => {}
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Returns the address without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true when connections to this MISP use TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

/// Reads an address as [`BaseUrl::parse`] does: `"https://misp.example.net".parse()`.
impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Checks for a host name or an IPv4 address: no character that could change the rest of a URL.
fn checked_host(host: &str) -> Result<&str, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed) && !host.starts_with('.');
    let all_digits = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_name && (!all_digits || host.parse::<Ipv4Addr>().is_ok()) {
        Ok(host)
    } else {
        Err(bad_host())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::Setup).with_detail(why)
}

fn bad_host() -> Error {
    invalid("the host of MISP is neither a name nor an IP address")
}

/// A MISP key: sent in `Authorization`, never printed.
#[derive(Clone)]
pub struct AuthKey(SecretString);

impl AuthKey {
    /// Takes a key: 1 to 256 visible ASCII characters (MISP makes 40 letters and digits).
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when it is empty, too long, or could not be sent in a header. The key is not in the error.
    pub fn new(key: impl Into<SecretString>) -> Result<Self, Error> {
        let key = key.into();
        let text = key.expose_secret();
        if text.is_empty() || text.len() > 256 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(bad_key());
        }
        Ok(Self(key))
    }

    /// Returns the header value, marked so that HTTP code neither prints nor indexes it.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(self.0.expose_secret()).map_err(|_| bad_key())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey([hidden])")
    }
}

fn bad_key() -> Error {
    invalid("a MISP key is 1 to 256 visible ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_built_from_names_and_both_families() {
        let url = |protocol, host, port| BaseUrl::new(protocol, host, port).unwrap().to_string();
        assert_eq!(
            url(Protocol::Https, "misp.example.net", 443),
            "https://misp.example.net"
        );
        assert_eq!(url(Protocol::Http, "192.0.2.7", 8080), "http://192.0.2.7:8080");
        assert_eq!(url(Protocol::Https, "2001:db8::7", 8443), "https://[2001:db8::7]:8443");
        assert_eq!(url(Protocol::Https, "[2001:DB8::7]", 443), "https://[2001:db8::7]");
    }

    #[test]
    fn host_that_would_change_the_url_is_refused() {
        for host in [
            "",
            "a b",
            "user@host",
            "host/path",
            "host?x",
            "host#x",
            "host:1",
            "[::1",
            "1.2.3",
            "999.1.1.1",
            ".x",
            "hö",
        ] {
            let error = BaseUrl::new(Protocol::Https, host, 443).unwrap_err();
            assert!(error.to_string().contains("the host of MISP"), "{host}: {error}");
        }
        assert!(
            BaseUrl::new(Protocol::Https, "host", 0)
                .unwrap_err()
                .to_string()
                .contains("port")
        );
    }

    #[test]
    fn text_with_user_info_query_or_other_scheme_is_refused() {
        for (text, reason) in [
            ("https://u@h", "user name"),
            ("https://u:p@h", "password"),
            ("https://h/?a", "query"),
            ("https://h/#a", "fragment"),
            ("ftp://h", "http and https"),
            ("h", "not a URL"),
            ("https://h:0", "port"),
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Setup);
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
        assert_eq!(BaseUrl::parse("https://h/misp/").unwrap().as_str(), "https://h/misp");
        assert_eq!("https://h/misp/".parse::<BaseUrl>().unwrap().as_str(), "https://h/misp");
        assert!("h".parse::<BaseUrl>().is_err());
    }

    #[test]
    fn key_that_cannot_be_a_header_is_refused_and_a_good_one_is_never_shown() {
        for key in ["", "with space", "line\nfeed", "ümlaut"] {
            assert!(AuthKey::new(key).is_err());
        }
        let key = AuthKey::new("verysecretkey").unwrap();
        assert!(!format!("{key:?} {:?}", key.header().unwrap()).contains("secret"));
    }
}
