//! URLs: accepted or not, never rewritten.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Dropped;
use crate::grammar::{name, text};

/// Accepts a URL as it stands: case, spaces, quotes, commas and non-ASCII letters are what an analyst saw and what a proxy logs.
///
/// With a scheme there must be a host without white space in it. Without one the part before the first `/`, `?` or `#` must be a
/// domain or an address, so that a bare word is none.
pub(crate) fn url(value: &str) -> Result<&str, Dropped> {
    let value = text::one_line_without_tab(value)?;
    match value.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => has_host(authority(rest)).map(|()| value),
        _ if is_site(authority(value)) => Ok(value),
        _ => Err(Dropped::NotAUrl),
    }
}

/// Returns whether a URL begins with its scheme; `evil.example/?u=http://b.example` does not.
pub(crate) fn is_absolute(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
}

/// The part before the path, the query and the fragment.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn has_host(authority: &str) -> Result<(), Dropped> {
    if authority.contains(char::is_whitespace) {
        return Err(Dropped::NotAUrl);
    }
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host_and_port.starts_with('[') {
        return if is_bracketed(host_and_port) {
            Ok(())
        } else {
            Err(Dropped::NotAUrl)
        };
    }
    match host_and_port.split(':').next() {
        None | Some("") => Err(Dropped::NoHost),
        Some(_) => Ok(()),
    }
}

fn is_site(authority: &str) -> bool {
    if authority.starts_with('[') {
        return is_bracketed(authority);
    }
    let (host, port_fits) = match authority.split_once(':') {
        None => (authority, true),
        Some((host, port)) => (host, is_port(port)),
    };
    port_fits && (host.parse::<Ipv4Addr>().is_ok() || name::domain(host).is_ok())
}

/// `[2001:db8::1]`, with or without a port.
fn is_bracketed(authority: &str) -> bool {
    let Some((address, after)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return false;
    };
    address.parse::<Ipv6Addr>().is_ok() && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port))
}

/// Returns whether a text is a port in digits: 1 to 65535.
pub(crate) fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}
