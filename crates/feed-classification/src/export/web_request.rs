//! URLs as a device between a browser and a server sees them in web requests.
//!
//! A request names its host in punycode, in lower case and without a dot at its end, and no default port. It encodes
//! every other character outside of ASCII, and holds neither user information nor a fragment. An entry that differs
//! from that never matches.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::export::QuarantineReason;
use crate::grammar::url::{self, Parts};

/// The URL has a fragment, which no request shows.
const FRAGMENT: QuarantineReason = QuarantineReason::because("fragment");
/// The URL has no path, and the device would take its entry for the whole site or domain.
const NO_PATH: QuarantineReason = QuarantineReason::because("no_path");
/// The URL has another port than its scheme, and an entry cannot have one.
const PORT: QuarantineReason = QuarantineReason::because("port");
/// The URL has another scheme than `http` and `https`.
const SCHEME: QuarantineReason = QuarantineReason::because("scheme");
/// The URL has user information, which no request shows.
const USER_INFORMATION: QuarantineReason = QuarantineReason::because("user_information");
/// The URL has a character that the device reads as a wildcard.
const WILDCARD: QuarantineReason = QuarantineReason::because("wildcard");

/// Returns why no web request matches the entry of this URL, or why the device would read the entry in another way.
///
/// `entry` is the URL in the form of the device, and `wildcards` are the characters with a meaning to it.
pub(super) fn refuses(url: &str, entry: &str, wildcards: &[char]) -> Option<QuarantineReason> {
    let parts = Parts::of(url);
    let is_web = |scheme: &str| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if !parts.scheme.is_none_or(is_web) {
        Some(SCHEME)
    } else if parts.user.is_some() {
        Some(USER_INFORMATION)
    } else if parts.fragment().is_some() {
        Some(FRAGMENT)
    } else if !entry.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some(QuarantineReason::UNREPRESENTABLE)
    } else if entry.contains(wildcards) {
        Some(WILDCARD)
    } else {
        None
    }
}

/// Returns the reason if the URL has another port than the default of its scheme, for devices whose entries have none.
pub(super) fn refuses_port(url: &str) -> Option<QuarantineReason> {
    Parts::of(url).other_port().map(|_| PORT)
}

/// Returns the reason if the URL names a host and nothing on it, for devices that would block all of the domain.
pub(super) fn refuses_bare_host(url: &str) -> Option<QuarantineReason> {
    matches!(Parts::of(url).rest, "" | "/").then_some(NO_PATH)
}

/// Returns the URL as clients name it: scheme and host in lower case, the host in punycode, a path, and no default
/// port.
pub(super) fn entry(url: &str) -> Cow<'_, str> {
    let parts = Parts::of(url);
    let scheme = parts.scheme.map(lower_case);
    let (host, port) = (requested_host(&parts, url), parts.other_port());
    let has_path = parts.rest.starts_with('/');
    if has_path && scheme.as_deref() == parts.scheme && host == parts.host && port == parts.port {
        return Cow::Borrowed(url);
    }
    let (scheme, mark) = scheme.map_or((Cow::Borrowed(""), ""), |scheme| (scheme, "://"));
    let (colon, port) = port.map_or(("", ""), |port| (":", port));
    let slash = if has_path { "" } else { "/" };
    Cow::Owned(format!("{scheme}{mark}{host}{colon}{port}{slash}{}", parts.rest))
}

/// Returns host, path and query. A scheme is cut at the front only: `c.example/?u=http://d.example/` has none. With the
/// scheme goes its port.
pub(super) fn entry_without_scheme(url: &str) -> Cow<'_, str> {
    let parts = Parts::of(url);
    let host = requested_host(&parts, url);
    if host != parts.host || parts.port.is_some() {
        return Cow::Owned(format!("{host}{}", parts.rest));
    }
    let scheme = parts.scheme.map_or(0, |scheme| scheme.len() + "://".len());
    Cow::Borrowed(url.get(scheme..).unwrap_or(url))
}

/// Returns the host as in requests: in punycode and lower case, without a dot at its end, and an IPv6 address in its
/// shortest form.
fn requested_host<'v>(parts: &Parts<'v>, url: &'v str) -> Cow<'v, str> {
    let host = parts.host;
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = inside.parse::<Ipv6Addr>();
        return address.map_or_else(|_| lower_case(host), |address| Cow::Owned(format!("[{address}]")));
    }
    let is_plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if host.bytes().all(is_plain) && !host.ends_with('.') {
        return Cow::Borrowed(host);
    }
    url::host(url).unwrap_or(Cow::Borrowed(host))
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_scheme_host_and_port_of_requests_and_all_else_as_it_is() {
        for (url, whole, cut) in [
            ("http://a.example/x", "http://a.example/x", "a.example/x"),
            ("http://a.example:80/x", "http://a.example/x", "a.example/x"),
            ("HTTPS://A.Example:0443/X", "https://a.example/X", "a.example/X"),
            ("A.Example/X", "a.example/X", "a.example/X"),
            ("http://a.example", "http://a.example/", "a.example"),
            ("http://a.example?x", "http://a.example/?x", "a.example?x"),
            ("a.example/x", "a.example/x", "a.example/x"),
            (
                "https://Bücher.example.:8443/ü?a#b",
                "https://xn--bcher-kva.example:8443/ü?a#b",
                "xn--bcher-kva.example/ü?a#b",
            ),
            (
                "c.example/?u=http://d.example/",
                "c.example/?u=http://d.example/",
                "c.example/?u=http://d.example/",
            ),
            ("http://[2001:db8::7]/x", "http://[2001:db8::7]/x", "[2001:db8::7]/x"),
            ("http://[2001:DB8:0::7]/x", "http://[2001:db8::7]/x", "[2001:db8::7]/x"),
        ] {
            assert_eq!((&*entry(url), &*entry_without_scheme(url)), (whole, cut));
        }
    }

    #[test]
    fn a_url_without_a_path_names_its_host_only() {
        for (url, is_bare) in [
            ("http://a.example", true),
            ("a.example/", true),
            ("http://a.example/x", false),
            ("http://a.example/?x", false),
            ("http://a.example?x", false),
        ] {
            assert_eq!(refuses_bare_host(url).is_some(), is_bare, "{url}");
        }
    }
}
