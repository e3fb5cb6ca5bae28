//! How a site is called.

use std::borrow::Borrow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The name of a site: a host name in lower case, or an address in its shortest form.
///
/// Two spellings of one name are equal after parsing: `MISP.Example.NET` and `misp.example.net`, `2001:DB8:0::10`,
/// `[2001:db8::10]` and `2001:db8::10`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteName(String);

impl SiteName {
    /// Returns the name as text; an IPv6 address has no brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as it stands in a URL: as [`SiteName::as_str`], with brackets around an IPv6 address.
    #[must_use]
    pub fn url_host(&self) -> String {
        if self.0.contains(':') {
            format!("[{}]", self.0)
        } else {
            self.0.clone()
        }
    }
}

impl FromStr for SiteName {
    type Err = SiteNameError;

    fn from_str(text: &str) -> Result<Self, SiteNameError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        let inside = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(Ok(address)) = inside.map(str::parse::<Ipv6Addr>) {
            return Ok(Self(address.to_string()));
        }
        if !is_host_name(text) {
            return Err(SiteNameError);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// RFC 1123 with underscores. A last label of digits alone would be a mistyped address.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let digits = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(label) && !text.rsplit('.').next().is_none_or(digits)
}

/// The text is neither a host name nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a host name nor an address")]
#[non_exhaustive]
pub struct SiteNameError;

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for SiteName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// So that a map by site name can be asked with text. The text must be in the name's own form: parse what comes from
/// outside.
impl Borrow<str> for SiteName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_site_are_one_name() {
        let name = |text: &str| text.parse::<SiteName>().map(|n| n.to_string());
        assert_eq!(name("MISP.Example.net"), Ok("misp.example.net".to_owned()));
        assert_eq!(name("2001:DB8:0::10"), Ok("2001:db8::10".to_owned()));
        assert_eq!(name("[2001:db8::10]"), Ok("2001:db8::10".to_owned()));
        assert_eq!(name("192.0.2.10"), Ok("192.0.2.10".to_owned()));
        assert_eq!(name("misp"), Ok("misp".to_owned()));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            "a..b",
            "../x",
            "a/b",
            "-a.example",
            "192.0.2.300",
            "10",
            "a b",
            "a.",
            "[192.0.2.1]",
            &long,
        ] {
            assert_eq!(text.parse::<SiteName>(), Err(SiteNameError), "{text:?}");
        }
    }

    #[test]
    fn ipv6_gets_brackets_in_a_url() {
        let name: SiteName = "2001:db8::10".parse().unwrap();
        assert_eq!(name.url_host(), "[2001:db8::10]");
    }
}
