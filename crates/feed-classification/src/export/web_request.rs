//! URLs as a device between a browser and a server sees them in web requests.
//!
//! A request names its host in punycode and without a dot at its end, encodes every other character outside of ASCII,
//! and holds neither user information nor a fragment. An entry that differs from that never matches.

use std::borrow::Cow;

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

/// Returns the URL with its host as in requests.
pub(super) fn entry(url: &str) -> Cow<'_, str> {
    let parts = Parts::of(url);
    let Some(host) = requested_host(&parts, url) else {
        return Cow::Borrowed(url);
    };
    let (scheme, mark) = parts.scheme.map_or(("", ""), |scheme| (scheme, "://"));
    let (colon, port) = parts.port.map_or(("", ""), |port| (":", port));
    Cow::Owned(format!("{scheme}{mark}{host}{colon}{port}{}", parts.rest))
}

/// Returns host, path and query. A scheme is cut at the front only: `c.example/?u=http://d.example/` has none. With the
/// scheme goes its port.
pub(super) fn entry_without_scheme(url: &str) -> Cow<'_, str> {
    let parts = Parts::of(url);
    if let Some(host) = requested_host(&parts, url) {
        return Cow::Owned(format!("{host}{}", parts.rest));
    }
    match (parts.scheme, parts.port) {
        (Some(_), Some(_)) => Cow::Owned(format!("{}{}", parts.host, parts.rest)),
        (Some(scheme), None) => Cow::Borrowed(url.get(scheme.len() + "://".len()..).unwrap_or(url)),
        (None, _) => Cow::Borrowed(url),
    }
}

/// Returns the host as in requests if the URL spells it in another way.
fn requested_host<'v>(parts: &Parts<'v>, url: &'v str) -> Option<Cow<'v, str>> {
    let is_respelled = !parts.host.is_ascii() || parts.host.ends_with('.');
    is_respelled.then(|| url::host(url).unwrap_or(Cow::Borrowed(parts.host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_host_of_requests_and_all_else_as_it_is() {
        for (url, whole, cut) in [
            ("http://a.example/x", "http://a.example/x", "a.example/x"),
            ("http://a.example:80/x", "http://a.example:80/x", "a.example/x"),
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
