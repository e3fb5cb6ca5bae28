//! The keys `reverse_proxy*` and `proxy_protocol`: the proxies that cratosd trusts for the address of the caller.

use std::net::IpAddr;
use std::sync::LazyLock;

use config_file::{Place, Report, Scalar, Section, Wrong, value};
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use super::Core;
use crate::site::Site;

/// Memory that the compiled expression may take. `\w` and `\d`, which know all scripts, take some ten kilobytes each.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// The addresses of this machine itself.
const THIS_MACHINE: &[&str] = &["127.0.0.0/8", "::1/128"];

/// The expression that is written unless the file has another one.
const WHOLE: &str = "^(.*)$";

#[expect(clippy::expect_used, reason = "a constant, which a test compiles")]
static WHOLE_VALUE: LazyLock<Regex> = LazyLock::new(|| Regex::new(WHOLE).expect("it is one"));

/// Finds an address in the value of a header.
///
/// The default is not compiled before it is used. Most installations never use it, and the compiler of expressions
/// would stay in their memory.
#[derive(Clone, Debug)]
pub struct AddressExpression {
    /// Any but the default.
    written: Option<Regex>,
}

impl AddressExpression {
    /// Returns the compiled expression.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        self.written.as_ref().unwrap_or_else(|| &WHOLE_VALUE)
    }

    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.written.as_ref().map_or(WHOLE, Regex::as_str)
    }

    fn groups(&self) -> usize {
        self.written.as_ref().map_or(1, |regex| regex.captures_len() - 1)
    }
}

/// The keys `reverse_proxy*` and `proxy_protocol`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReverseProxy {
    /// Whether a header of the proxy in front names the caller (`reverse_proxy: True`).
    pub enabled: bool,
    /// Whether such headers are to be passed over (`reverse_proxy: ignore`), since no proxy is in front. Default: no,
    /// and so a request from this machine that has one is refused.
    pub ignores_headers: bool,
    /// Name of that header. Default: `X-Forwarded-For`.
    pub header: String,
    /// Finds the address in its value. Default: `^(.*)$`.
    pub real_ip_regex: AddressExpression,
    /// The group of that expression that is the address; there is one of this number. Default: 1.
    pub regex_place: usize,
    /// The proxies: peers whose header is believed, and addresses that are passed over in it. Default: loopback.
    /// Callers have private addresses too, so a private address does not show a proxy.
    pub trusted: Vec<IpNet>,
    /// Whether the file lists the proxies.
    pub lists_trusted: bool,
    /// Whether every connection must begin with a header of the PROXY protocol, from a `trusted` peer. Default: no.
    pub proxy_protocol: bool,
    /// Where `reverse_proxy` stands, or else the beginning of the file.
    place: Place,
    /// The same for `proxy_protocol`.
    protocol_place: Place,
}

impl ReverseProxy {
    /// Whether the header of this peer is believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&peer))
    }
}

pub(super) fn read(section: &mut Section<'_>) -> ReverseProxy {
    let (enabled_at, protocol_at) = (section.place_of("reverse_proxy"), section.place_of("proxy_protocol"));
    let mode = section.value_or_default("reverse_proxy", mode);
    let enabled = mode == Mode::Believe;
    let proxy_protocol = section.value_or_default("proxy_protocol", value::yes_no);
    let lists_trusted = section.has("reverse_proxy_trusted");
    let trusted = section.list_or_default("reverse_proxy_trusted", value::network);
    if (enabled || proxy_protocol) && trusted.is_empty() {
        let (place, key) = if enabled {
            (enabled_at, "reverse_proxy")
        } else {
            (protocol_at, "proxy_protocol")
        };
        section.note(place, key, "believes nobody, since `reverse_proxy_trusted` is empty");
    }
    let (header, real_ip_regex, regex_place) = header(section);
    ReverseProxy {
        enabled,
        ignores_headers: mode == Mode::Ignore,
        header,
        real_ip_regex,
        regex_place,
        trusted,
        lists_trusted,
        proxy_protocol,
        place: enabled_at,
        protocol_place: protocol_at,
    }
}

/// What becomes of forwarding headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They are not believed; from this machine they are a sign of a proxy that is not configured.
    Off,
    Believe,
    Ignore,
}

fn mode(scalar: &Scalar) -> Result<Mode, Wrong> {
    if scalar.text.as_str() == "ignore" {
        return Ok(Mode::Ignore);
    }
    let instead = "write True, False or ignore, without quotes";
    let yes = value::yes_no(scalar).map_err(|wrong| Wrong::new(wrong.what, instead))?;
    Ok(if yes { Mode::Believe } else { Mode::Off })
}

/// Adds notes about proxies that the file does not name: one elsewhere while no proxies are listed, and one on this
/// machine while `reverse_proxy` is off.
///
/// Where this machine may ask for a site, that is a difference from Cratos FastAPI: its sample files say so, and there
/// such a proxy was believed in any case. Where the daemon listens on this machine only, a proxy is likely, and it is
/// noted.
pub(crate) fn tell_of_unmentioned_proxy<'s>(core: &Core, sites: impl Iterator<Item = &'s Site>, report: &mut Report) {
    let proxy = &core.reverse_proxy;
    tell_of_unlisted_proxies(core, report);
    if proxy.enabled && core.public_names.is_empty() && core.tls.is_none() {
        let what = "lists no name: tokens are made under addresses and the name of this machine only; write the names that \
            callers of the proxy use, as in `public_names: [\"cratos.example.net\"]`";
        report.note(proxy.place, "public_names", what);
    }
    let refused = "a request that a proxy on this machine sends on is answered with 503";
    if let Some(own) = core.listen.map(|listen| listen.ip()).filter(IpAddr::is_loopback)
        && (proxy.enabled && !proxy.proxy_protocol)
        && !(proxy.trusted.is_empty() || proxy.trusts(own))
    {
        let what = format!(
            "does not trust {own}, on which this service listens: {refused}; add {own} to `reverse_proxy_trusted`"
        );
        report.note(proxy.place, "reverse_proxy", what);
    }
    if proxy.enabled || proxy.ignores_headers || proxy.proxy_protocol {
        return;
    }
    let cure = "write `reverse_proxy: True` if such a proxy is in front, `reverse_proxy: ignore` if none is";
    if let Some(place) = where_loopback_may_ask(core, sites) {
        let theirs =
            "Cratos FastAPI took the caller's address from X-Forwarded-For of this machine, whatever this key says";
        let what = format!("is off while this machine stands in {place}: {refused} ({theirs}); {cure}");
        report.difference(proxy.place, "reverse_proxy", what);
    }
    if core.listen.is_some_and(|listen| listen.ip().is_loopback()) {
        let what = format!("is off while `listen` is an address of this machine: {refused}; {cure}");
        report.note(proxy.place, "reverse_proxy", what);
    }
}

/// Says how to list a proxy on another machine. If the daemon listens on this machine only, no other can connect.
fn tell_of_unlisted_proxies(core: &Core, report: &mut Report) {
    let proxy = &core.reverse_proxy;
    let (place, key) = match (proxy.enabled, proxy.proxy_protocol) {
        (true, _) => (proxy.place, "reverse_proxy"),
        (false, true) => (proxy.protocol_place, "proxy_protocol"),
        (false, false) => return,
    };
    if proxy.lists_trusted || core.listen.is_some_and(|listen| listen.ip().is_loopback()) {
        return;
    }
    let what = "believes proxies on this machine only, since none is listed; list each proxy that connects from another \
        address, also from a private one, as in `reverse_proxy_trusted: [\"127.0.0.1\", \"::1\", \"10.0.0.2\"]`";
    report.note(place, key, what);
}

/// Names the first list of allowed networks in which this machine stands.
fn where_loopback_may_ask<'s>(core: &Core, mut sites: impl Iterator<Item = &'s Site>) -> Option<String> {
    let loopback = networks(THIS_MACHINE);
    let overlaps = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    let has_loopback = |list: &[IpNet]| list.iter().any(|net| loopback.iter().any(|own| overlaps(net, own)));
    if has_loopback(&core.allways_allowed_ips) {
        return Some("`allways_allowed_ips`".to_owned());
    }
    let site = sites.find(|site| site.enabled && has_loopback(&site.allowed_ips))?;
    Some(format!("`allowed_ips` of {}", site.name))
}

/// Name of the header, the expression and the number of its group.
fn header(section: &mut Section<'_>) -> (String, AddressExpression, usize) {
    let header = section.value_or_default("reverse_proxy_header", header_name);
    let regex_at = section.place_of("reverse_proxy_real_ip_regex");
    let is_written = section.has("reverse_proxy_real_ip_regex");
    let before = section.report.problems.len();
    let regex = section.value_or_default("reverse_proxy_real_ip_regex", expression);
    let is_bad = section.report.problems.len() > before;
    let whole_value = section.default_text("reverse_proxy_real_ip_regex");
    let place_at = section.place_of("reverse_proxy_regex_place");
    let place = section.value_or_default("reverse_proxy_regex_place", |scalar| value::number(scalar, 0, 99));
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    if !is_bad && place > regex.groups() {
        let what = match regex.groups() {
            0 => "the expression has no group".to_owned(),
            1 => format!("the expression has no group {place}, only one"),
            groups => format!("the expression has no group {place}, only {groups}"),
        };
        let instead = "put the address in ( ) in `reverse_proxy_real_ip_regex` and count the opening ones, or write 0 for all that it finds";
        section.wrong(place_at, "reverse_proxy_regex_place", Wrong::new(what, instead));
    }
    if header.eq_ignore_ascii_case("forwarded") && is_written && regex.as_str() != whole_value {
        let what = "is not used: the header Forwarded is read as RFC 7239 says";
        section.note(regex_at, "reverse_proxy_real_ip_regex", what);
    }
    (header, regex, place)
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn header_name(scalar: &Scalar) -> Result<String, Wrong> {
    let name = value::some_text(scalar)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.len() > 128 || !name.bytes().all(allowed) {
        let what = format!("{} is not a header name", value::shown(scalar));
        return Err(Wrong::new(what, "write a name like X-Forwarded-For"));
    }
    Ok(name)
}

/// Cratos FastAPI takes what Python's `re` takes; ours runs in linear time and therefore lacks some of it.
fn expression(scalar: &Scalar) -> Result<AddressExpression, Wrong> {
    let text = value::some_text(scalar)?;
    if text == WHOLE {
        return Ok(AddressExpression { written: None });
    }
    if text.len() > 512 {
        return Err(Wrong::new("is longer than 512 bytes", "write a shorter expression"));
    }
    let compiled = RegexBuilder::new(&text)
        .size_limit(MAX_REGEX_BYTES)
        .nest_limit(50)
        .build();
    let written = compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Wrong::new("the expression takes too much memory", "repeat less in it"),
        other => {
            // The text quotes the expression over several lines; its last one says why.
            let text = other.to_string();
            let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let instead =
                "write it without what only Python has: look-around, back references, possessive repeats, \\Z (use $)";
            Wrong::new(format!("is no expression that can be used: {why}"), instead)
        }
    })?;
    Ok(AddressExpression { written: Some(written) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_what_they_say() {
        let proxy = Section::defaults(super::super::CORE, "", read);
        assert!(
            proxy.real_ip_regex.written.is_none(),
            "compiled, though it is the default"
        );
        assert_eq!(proxy.real_ip_regex.regex().as_str(), proxy.real_ip_regex.as_str());
        assert_eq!(
            proxy.real_ip_regex.regex().captures_len() - 1,
            proxy.real_ip_regex.groups()
        );
        let trusted: Vec<String> = proxy.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(trusted, THIS_MACHINE);
        assert!(!proxy.lists_trusted);
        assert_eq!((proxy.header.as_str(), proxy.regex_place), ("X-Forwarded-For", 1));
    }
}
