//! The common part of the proxies' and mail filters' formats: a URL as a client sends it, in normal form.

use std::borrow::Cow;

use url::Url;

use crate::export::{QuarantineReason, escape, web_request};
use crate::grammar::url::is_absolute;

/// The consumer has no room for a URL of this length.
pub(super) const TOO_LONG: QuarantineReason = QuarantineReason::because("too_long");

/// A URL of HTTP or HTTPS, taken apart as clients do it.
#[derive(Debug)]
pub(super) struct SentUrl {
    url: Url,
    has_scheme: bool,
}

impl SentUrl {
    /// Reads a URL. One without a scheme is of both, since it comes from a log that names none.
    pub(super) fn of(value: &str) -> Result<Self, QuarantineReason> {
        // What the URL has outside of ASCII is encoded below.
        if let Some(reason) = web_request::refuses(value, "", &[]) {
            return Err(reason);
        }
        // The parser would silently remove line breaks and tabs.
        if value.contains(char::is_control) || escape::has_line_break(value) {
            return Err(QuarantineReason::UNREPRESENTABLE);
        }
        let has_scheme = is_absolute(value);
        let absolute = if has_scheme {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(format!("http://{value}"))
        };
        let url = Url::parse(&absolute).map_err(|_| QuarantineReason::UNREPRESENTABLE)?;
        // The dot at the end of a name is not a part of the name, and consumers cut it or not.
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || host.ends_with('.') {
            return Err(QuarantineReason::UNREPRESENTABLE);
        }
        Ok(Self { url, has_scheme })
    }

    /// Returns `http` or `https`, or `None` if the URL stands for both.
    pub(super) fn scheme(&self) -> Option<&str> {
        self.has_scheme.then(|| self.url.scheme())
    }

    /// Returns the host in lower case and punycode, an IPv6 address with its brackets.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns the port, unless it is the default port of the scheme.
    pub(super) fn port(&self) -> Option<u16> {
        self.url.port()
    }

    /// Returns path and query, percent-encoded as browsers do it. It begins with a slash.
    pub(super) fn path_and_query(&self) -> Cow<'_, str> {
        match self.url.query() {
            Some(query) => Cow::Owned(format!("{}?{query}", self.url.path())),
            None => Cow::Borrowed(self.url.path()),
        }
    }

    /// Returns host, port and [`SentUrl::path_and_query`].
    pub(super) fn without_scheme(&self) -> String {
        let port = self.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}{}", self.host(), self.path_and_query())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_written_as_clients_send_it() {
        for (url, expected) in [
            ("HTTP://Evil.example:80/a/../b?c=d", "evil.example/b?c=d"),
            ("https://bücher.example:443/ü x", "xn--bcher-kva.example/%C3%BC%20x"),
            ("http://evil.example:8080", "evil.example:8080/"),
            ("evil.example?q=\"", "evil.example/?q=%22"),
            ("https://[2001:DB8:0::1]/", "[2001:db8::1]/"),
        ] {
            assert_eq!(SentUrl::of(url).unwrap().without_scheme(), expected, "{url}");
        }
    }

    #[test]
    fn a_url_without_a_scheme_is_of_both() {
        assert_eq!(SentUrl::of("evil.example/x").unwrap().scheme(), None);
        assert_eq!(SentUrl::of("HTTPS://evil.example/x").unwrap().scheme(), Some("https"));
    }

    #[test]
    fn what_no_request_has_is_refused_with_its_reason() {
        for (url, reason) in [
            ("ftp://evil.example/x", "scheme"),
            ("http://user@evil.example/", "user_information"),
            ("http://evil.example/#x", "fragment"),
            ("http://evil.example./x", "unrepresentable"),
            ("http://a b/", "unrepresentable"),
        ] {
            assert_eq!(SentUrl::of(url).unwrap_err().reason(), reason, "{url}");
        }
    }
}
