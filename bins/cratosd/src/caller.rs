//! Who is asking: the other end of the connection, or whom a proxy in front speaks for.

use std::net::IpAddr;

use client_address::{Forwarding, ForwardingError};
use http::HeaderMap;
use site_config::ReverseProxy;

use crate::reject::Reject;
use crate::seldom::Seldom;

/// A proxy that cannot be understood says so for every request.
static UNREADABLE: Seldom = Seldom::once_a_minute();

/// Returns the address that counts for a request that came from `peer`.
///
/// The header is believed from trusted peers only; without it, the peer counts, as in the reference: a monitor that asks past the proxy.
///
/// # Errors
/// 503 where a trusted proxy sends a header in which the address cannot be read. The proxy's own address is no answer then, since it
/// may well be allowed; and 403 would make firewalls stop enforcing their lists for what is a fault on our side of the wire.
pub(crate) fn of(proxy: &ReverseProxy, headers: &HeaderMap, peer: IpAddr) -> Result<IpAddr, Reject> {
    if !(proxy.enabled && proxy.trusts(peer)) {
        return Ok(peer);
    }
    let forwarding = Forwarding::new(&proxy.header, &proxy.real_ip_regex, proxy.regex_place, &proxy.hops);
    let values = headers
        .get_all(proxy.header.as_str())
        .iter()
        .map(http::HeaderValue::as_bytes);
    match forwarding.client(values) {
        Ok(client) => Ok(client.unwrap_or(peer)),
        Err(error) => Err(unreadable(proxy, peer, error)),
    }
}

fn unreadable(proxy: &ReverseProxy, peer: IpAddr, error: ForwardingError) -> Reject {
    UNREADABLE.say(|more| {
        tracing::warn!(%peer, header = proxy.header, %error, more, "a proxy does not say who is asking; its requests are refused with 503");
    });
    Reject::unavailable("The proxy in front of this service does not say who is asking.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use site_config::Core;

    fn caller(keys: &str, headers: &[(&'static str, &str)], peer: &str) -> Option<String> {
        let text = format!("encryption_key: {}\nsalt: {}\n{keys}", "k".repeat(64), "s".repeat(32));
        let proxy = Core::from_yaml(&text).unwrap().reverse_proxy;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        of(&proxy, &map, peer.parse().unwrap())
            .ok()
            .map(|address| address.to_string())
    }

    const FORGED: &[(&str, &str)] = &[("x-forwarded-for", "198.51.100.66")];

    #[test]
    fn only_trusted_peers_are_believed_and_only_if_the_file_says_so() {
        assert_eq!(caller("", FORGED, "127.0.0.1").unwrap(), "127.0.0.1");
        assert_eq!(
            caller("reverse_proxy: yes\n", FORGED, "192.0.2.7").unwrap(),
            "192.0.2.7"
        );
        assert_eq!(
            caller("reverse_proxy: yes\n", FORGED, "127.0.0.1").unwrap(),
            "198.51.100.66"
        );
        let listed = "reverse_proxy: yes\nreverse_proxy_trusted: [192.0.2.7]\n";
        assert_eq!(caller(listed, FORGED, "192.0.2.7").unwrap(), "198.51.100.66");
        assert_eq!(caller(listed, FORGED, "127.0.0.1").unwrap(), "127.0.0.1");
    }

    #[test]
    fn a_private_caller_cannot_pass_for_another_one_unless_it_is_listed_as_a_proxy() {
        let chain: &[_] = &[("x-forwarded-for", "10.5.0.1, 10.6.0.1")];
        assert_eq!(caller("reverse_proxy: yes\n", chain, "127.0.0.1").unwrap(), "10.6.0.1");
        let listed = "reverse_proxy: yes\nreverse_proxy_trusted: [127.0.0.1, 10.6.0.1]\n";
        assert_eq!(caller(listed, chain, "127.0.0.1").unwrap(), "10.5.0.1");
    }

    #[test]
    fn all_lines_of_the_header_in_any_case_are_one_list() {
        let lines: &[_] = &[("x-real-ip", "198.51.100.66"), ("X-Real-IP", "192.0.2.7")];
        assert_eq!(
            caller("reverse_proxy: yes\nreverse_proxy_header: X-REAL-ip\n", lines, "::1").unwrap(),
            "192.0.2.7"
        );
    }

    #[test]
    fn a_trusted_proxy_that_says_nonsense_is_refused_and_one_that_says_nothing_speaks_for_itself() {
        assert_eq!(
            caller("reverse_proxy: yes\n", &[("x-forwarded-for", "unknown")], "127.0.0.1"),
            None
        );
        assert_eq!(
            caller("reverse_proxy: yes\n", &[("x-forwarded-for", "")], "127.0.0.1"),
            None
        );
        assert_eq!(caller("reverse_proxy: yes\n", &[], "127.0.0.1").unwrap(), "127.0.0.1");
    }
}
