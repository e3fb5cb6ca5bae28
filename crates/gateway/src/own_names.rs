//! Whether a request names this service as its host.
//!
//! A page of `evil.example` can have that name lead to this machine once it is loaded (DNS rebinding). The browser then
//! sends its requests here and shows it the answers, as if the page were ours. Only the host in the request shows that:
//! a browser writes what stands in its address bar. So it has to be a name that no stranger can point anywhere.

use std::net::IpAddr;

use client_address::forwarded_hosts;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Authority;
use site_config::Core;

use crate::origin;

/// The header in which most proxies repeat the host that their caller asked for.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The longest name of a host.
const MAX_NAME_BYTES: usize = 253;

/// Returns the first host in the request that is not this service, as it may be shown.
///
/// Every host that the request names has to be ours: that of its target, in `Host`, in `Origin`, and the one that a
/// proxy forwards. A forged forwarded host can therefore only refuse its own request, so no proxy needs to be trusted.
///
/// Ours are all addresses, since no page has an address of ours as its own; `localhost`; the name of this machine; and
/// `public_names`. Where cratosd itself ends TLS, every host is ours: the browser has compared it with the certificate.
pub(crate) fn foreign(core: &Core, target: Option<&Authority>, headers: &HeaderMap) -> Option<String> {
    if core.tls.is_some() {
        return None;
    }
    let hosts = hosts(target, headers);
    let foreign = hosts.iter().find(|host| !is_ours(core, host))?;
    Some(shown(foreign))
}

/// Returns all hosts that the request names, with their ports.
fn hosts(target: Option<&Authority>, headers: &HeaderMap) -> Vec<String> {
    let values = |name| headers.get_all(name).iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut hosts: Vec<String> = target.map(ToString::to_string).into_iter().collect();
    hosts.extend(values(header::HOST.as_str()).map(text));
    for value in values(FORWARDED_HOST) {
        hosts.extend(text(value).split(',').map(|host| host.trim().to_owned()));
    }
    match forwarded_hosts(values(header::FORWARDED.as_str()).map(HeaderValue::as_bytes)) {
        Ok(forwarded) => hosts.extend(forwarded),
        Err(_) => hosts.push(String::new()),
    }
    // `null` and the pages of extensions have no host; `sender` judges those.
    let origins = values(header::ORIGIN.as_str()).filter_map(|value| origin::parsed(value.to_str().ok()?));
    hosts.extend(origins.map(|(_, authority)| authority.to_string()));
    hosts
}

fn is_ours(core: &Core, host: &str) -> bool {
    let Some(name) = name_of(host) else {
        return false;
    };
    let is_address = || {
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        bare.unwrap_or(&name).parse::<IpAddr>().is_ok()
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || is_address()
        || core.public_names.contains(&name)
        || name == machine_name()
}

/// Returns the name in a host without its port, in lower case.
fn name_of(host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    let name = authority.host();
    let is_whole = !host.contains('@') && !name.is_empty();
    is_whole.then(|| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

fn machine_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_ascii_lowercase()
}

/// Returns the name for an answer and the log, or words if it is no name: the answer repeats no other text.
fn shown(host: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let name = name_of(host).filter(|name| name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain));
    name.unwrap_or_else(|| "the host of this request".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn core(keys: &str) -> Core {
        let text = format!("encryption_key: {}\nsalt: {}\n{keys}", "k".repeat(64), "s".repeat(32));
        Core::from_yaml(&text).unwrap()
    }

    fn found(core: &Core, pairs: &[(&'static str, &str)]) -> Option<String> {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        foreign(core, None, &pairs.collect())
    }

    #[test]
    fn addresses_this_machine_and_public_names_are_ours() {
        let core = core("public_names: [Cratos.example.net]\n");
        let machine = machine_name();
        for host in [
            "127.0.0.1:8080",
            "192.0.2.7",
            "[2001:db8::7]:8080",
            "localhost:8080",
            "LocalHost",
            "feeds.localhost",
            "cratos.example.net",
            "CRATOS.example.NET.:8443",
            &machine,
        ] {
            assert_eq!(found(&core, &[("host", host)]), None, "{host}");
        }
        for (host, shown) in [
            ("evil.example:8080", "evil.example"),
            ("cratos.example.net.evil.example", "cratos.example.net.evil.example"),
            ("x.cratos.example.net", "x.cratos.example.net"),
            ("example.net", "example.net"),
            ("localhost.evil.example", "localhost.evil.example"),
            ("127.0.0.1.evil.example", "127.0.0.1.evil.example"),
            ("127.0.0.1@evil.example", "the host of this request"),
            ("evil.example\"<b>", "the host of this request"),
            ("", "the host of this request"),
        ] {
            assert_eq!(found(&core, &[("host", host)]).as_deref(), Some(shown), "{host}");
        }
    }

    /// A page can forge no `Host` and no `Origin`, and a header that it can write only adds a host.
    #[test]
    fn every_host_in_a_request_has_to_be_ours() {
        let core = core("public_names: [cratos.example.net]\n");
        let ours = ("host", "127.0.0.1:8080");
        for (name, value, is_ours) in [
            ("x-forwarded-host", "cratos.example.net", true),
            ("x-forwarded-host", "cratos.example.net, localhost", true),
            ("x-forwarded-host", "evil.example", false),
            ("x-forwarded-host", "cratos.example.net, evil.example", false),
            ("forwarded", "for=192.0.2.7;host=cratos.example.net;proto=https", true),
            ("forwarded", "for=192.0.2.7", true),
            (
                "forwarded",
                "host=cratos.example.net, for=192.0.2.7;host=\"evil.example:80\"",
                false,
            ),
            ("forwarded", "host=\"cratos", false),
            ("origin", "https://cratos.example.net", true),
            ("origin", "http://evil.example:8080", false),
            ("origin", "null", true),
        ] {
            assert_eq!(
                found(&core, &[ours, (name, value)]).is_none(),
                is_ours,
                "{name}: {value}"
            );
        }
        let forged = [("host", "evil.example"), ("x-forwarded-host", "cratos.example.net")];
        assert_eq!(found(&core, &forged).as_deref(), Some("evil.example"));
        let target = "evil.example:8080".parse().unwrap();
        assert!(foreign(&core, Some(&target), &HeaderMap::new()).is_some(), "HTTP/2");
    }

    #[test]
    fn with_tls_the_certificate_has_the_names() {
        let core = core("tls: {certificate: own.pem, key: own.key}\n");
        assert_eq!(found(&core, &[("host", "feeds.example.net")]), None);
    }

    proptest! {
        #[test]
        fn no_host_breaks_out_of_the_text_that_shows_it(text in "[ -~]{0,300}") {
            let core = core("");
            let shown = found(&core, &[("host", &text), ("forwarded", &text)]).unwrap_or_default();
            prop_assert!(shown.len() <= MAX_NAME_BYTES && !shown.contains(['"', '`', '<', '\\', '\n']));
        }
    }
}
