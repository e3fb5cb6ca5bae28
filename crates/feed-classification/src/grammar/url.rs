//! URLs: accepted or not, never rewritten; their parts, and the key by which two of them are compared.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::DropReason;
use crate::grammar::{address, name, text};

/// A URL taken apart, each part as it is written. The parts are not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'v> {
    /// Without `://`; `None` if the URL begins with its host.
    pub(crate) scheme: Option<&'v str>,
    /// The text before the last `@` of the authority.
    pub(crate) user: Option<&'v str>,
    /// With its brackets, if it is an IPv6 address.
    pub(crate) host: &'v str,
    /// The text behind the colon after the host; may be empty.
    pub(crate) port: Option<&'v str>,
    /// Path, query and fragment.
    pub(crate) rest: &'v str,
}

impl<'v> Parts<'v> {
    /// Splits any text.
    pub(crate) fn of(value: &'v str) -> Self {
        // A scheme has no colon in it, so the first colon ends it.
        let divided = value.split_once(':');
        let (scheme, after) = match divided.and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?))) {
            Some((scheme, after)) if is_scheme(scheme) => (Some(scheme), after),
            _ => (None, value),
        };
        let end = after.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
        let end = end.unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = host_and_port_of(host_and_port);
        Self {
            scheme,
            user,
            host,
            port,
            rest,
        }
    }

    /// Returns the port if it is not the default port of the scheme.
    pub(crate) fn other_port(&self) -> Option<&'v str> {
        let digits = self.port.map(|port| port.trim_start_matches('0'));
        digits.filter(|port| !port.is_empty() && self.scheme.and_then(default_port) != Some(*port))
    }

    /// Returns the fragment without its `#`.
    pub(crate) fn fragment(&self) -> Option<&'v str> {
        self.rest.split_once('#').map(|(_, fragment)| fragment)
    }
}

/// Accepts a URL and keeps every character: an analyst saw this case, these spaces, quotes, commas and non-ASCII
/// letters, and a proxy logs them.
///
/// With a scheme the host must be a name, of one label too, or an address. Without one it must be a domain or an
/// address: a bare word is not a URL. A port is 1 to 65535. Spellings that keep people from clicking (`hxxp://`,
/// `evil[.]example`) name nothing that a device can meet and are dropped, and so are invisible characters, which no
/// client sends unescaped.
pub(crate) fn url(value: &str) -> Result<&str, DropReason> {
    let value = text::one_line_without_tab(value)?;
    if !value.is_ascii() && value.chars().any(text::is_invisible) {
        return Err(DropReason::InvisibleCharacter);
    }
    let parts = Parts::of(value);
    match parts.scheme {
        Some(scheme) if is_defanged_scheme(scheme) => Err(DropReason::Defanged),
        Some(_) => has_host(&parts).map(|()| value),
        None if is_site(&parts) => Ok(value),
        None if is_defanged_host(parts.host) => Err(DropReason::Defanged),
        None => Err(DropReason::NotAUrl),
    }
}

/// Returns the spelling by which URLs are compared; see [`crate::canonical_key`]. Any other text comes back unchanged.
pub(crate) fn key(value: &str) -> Cow<'_, str> {
    let parts = Parts::of(value);
    let Ok(host) = normal_host(parts.host) else {
        return Cow::Borrowed(value);
    };
    if parts.scheme.is_none() && !host.contains(['.', '[']) {
        return Cow::Borrowed(value);
    }
    let has_capitals = |scheme: &str| scheme.bytes().any(|byte| byte.is_ascii_uppercase());
    let port = parts.other_port();
    let is_key = host == parts.host
        && port == parts.port
        && parts.rest.starts_with('/')
        && !parts.scheme.is_some_and(has_capitals);
    if is_key {
        return Cow::Borrowed(value);
    }
    let mut key = String::with_capacity(value.len() + 1);
    if let Some(scheme) = parts.scheme {
        key.push_str(&scheme.to_ascii_lowercase());
        key.push_str("://");
    }
    if let Some(user) = parts.user {
        key.push_str(user);
        key.push('@');
    }
    key.push_str(&host);
    if let Some(port) = port {
        key.push(':');
        key.push_str(port);
    }
    if !parts.rest.starts_with('/') {
        key.push('/');
    }
    key.push_str(parts.rest);
    Cow::Owned(key)
}

/// Returns the host in its canonical spelling, an IPv6 address without brackets.
pub(crate) fn host(value: &str) -> Option<Cow<'_, str>> {
    let host = Parts::of(value).host;
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().ok().map(|_| address::canonical_text(inside));
    }
    normal_host(host).ok()
}

/// Returns whether a URL begins with its scheme; `evil.example/?u=http://b.example` does not.
pub(crate) fn is_absolute(value: &str) -> bool {
    Parts::of(value).scheme.is_some()
}

/// Returns whether a text is a port in digits: 1 to 65535.
pub(crate) fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
}

/// `hxxp`, `hXXps`, `fxp`: people write these so that a reader cannot click on the URL by mistake.
fn is_defanged_scheme(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    ["hxxp", "hxtp", "htxp", "fxp"].contains(&scheme.strip_suffix('s').unwrap_or(&scheme))
}

/// `evil[.]example`, `evil(dot)example`: names have no brackets.
fn is_defanged_host(host: &str) -> bool {
    host.contains(['[', ']', '(', ')', '{', '}'])
}

/// Returns the host with its brackets, and the text behind the colon that follows it.
fn host_and_port_of(text: &str) -> (&str, Option<&str>) {
    if text.starts_with('[') {
        // Text between the bracket and the colon makes the host invalid.
        if let Some((address, port)) = text.rsplit_once("]:")
            && let Some((host, _)) = text.split_at_checked(address.len() + 1)
        {
            return (host, Some(port));
        }
        return (text, None);
    }
    match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    match () {
        () if is("http") || is("ws") => Some("80"),
        () if is("https") || is("wss") => Some("443"),
        () if is("ftp") => Some("21"),
        () => None,
    }
}

fn has_host(parts: &Parts<'_>) -> Result<(), DropReason> {
    let user_has = |marks: fn(char) -> bool| parts.user.is_some_and(|user| user.contains(marks));
    if user_has(char::is_whitespace) {
        return Err(DropReason::NotAUrl);
    }
    if parts.host.is_empty() {
        return Err(DropReason::NoHost);
    }
    // Browsers read a backslash as a slash, other programs do not: they would not agree on the host.
    if user_has(|char| char == '\\') {
        return Err(DropReason::BadHost);
    }
    normal_host(parts.host).map_err(|reason| match reason {
        _ if parts.host.contains(char::is_whitespace) => DropReason::NotAUrl,
        reason => reason,
    })?;
    match parts.port {
        None | Some("") => Ok(()),
        Some(port) if is_port(port) => Ok(()),
        Some(_) => Err(DropReason::BadPort),
    }
}

fn is_site(parts: &Parts<'_>) -> bool {
    let is_host = match normal_host(parts.host) {
        Ok(host) => host.contains(['.', '[']),
        Err(_) => false,
    };
    parts.user.is_none() && is_host && parts.port.is_none_or(is_port)
}

/// Returns a host in lower case and punycode without its trailing dot, or an address, IPv6 in its brackets and
/// IPv4-mapped as IPv4.
fn normal_host(host: &str) -> Result<Cow<'_, str>, DropReason> {
    if let Some(inside) = host.strip_prefix('[') {
        let address = inside
            .strip_suffix(']')
            .and_then(|inside| inside.parse::<Ipv6Addr>().ok());
        let text = match address.map(|address| (address, address.to_ipv4_mapped())) {
            Some((_, Some(mapped))) => mapped.to_string(),
            Some((address, None)) => format!("[{address}]"),
            None => return Err(DropReason::NotAUrl),
        };
        return Ok(if text == host {
            Cow::Borrowed(host)
        } else {
            Cow::Owned(text)
        });
    }
    if host.starts_with(|first: char| first.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_ok() {
        return Ok(Cow::Borrowed(host));
    }
    let name = name::host(host).map_err(|reason| match reason {
        _ if is_defanged_host(host) => DropReason::Defanged,
        DropReason::Wildcard => DropReason::Wildcard,
        _ => DropReason::BadHost,
    })?;
    // `0x7f.1` and `0xC0000201` are addresses to a browser, and names to others.
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(DropReason::BadHost);
    }
    Ok(name)
}

fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x");
    hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || label.bytes().all(|byte| byte.is_ascii_digit())
}
