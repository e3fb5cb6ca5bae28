//! The caller's address: the other end of the connection, or the address that a proxy in front names.

use std::net::IpAddr;

use std::sync::Once;

use client_address::{FORWARDING_HEADERS, Forwarding, ForwardingError};
use http::HeaderMap;
use site_config::ReverseProxy;

use crate::reject::Reject;
use service_kit::LogLimit;

/// The log lines about proxies whose header cannot be read.
static UNREADABLE: LogLimit = LogLimit::once_a_minute();

/// The log lines about proxies whose header is not configured.
static UNEXPECTED: LogLimit = LogLimit::once_a_minute();

/// The log line about a header of a peer in the network. A device behind a forward proxy is fine, so it is logged once.
static OVERLOOKED: Once = Once::new();

/// Returns the address that counts for a request that came from `peer`.
///
/// Only trusted peers are believed. Without the header the peer counts, as in Cratos FastAPI: for example a monitor
/// that bypasses the proxy.
///
/// # Errors
/// 503 if a trusted proxy sends a header with an unreadable address, or names its caller in a header that is not
/// configured, and if a proxy that the configuration does not mention does so. The proxy's own address must not count,
/// since it may be allowed. 403 would make firewalls stop enforcing their lists for a fault of our configuration.
pub(crate) fn of(proxy: &ReverseProxy, headers: &HeaderMap, peer: IpAddr) -> Result<IpAddr, Reject> {
    if proxy.ignores_headers {
        return Ok(peer);
    }
    if !(proxy.enabled && proxy.trusts(peer)) {
        return not_believed(proxy, headers, peer);
    }
    let forwarding = Forwarding::new(
        &proxy.header,
        proxy.real_ip_regex.regex(),
        proxy.regex_place,
        &proxy.trusted,
    );
    let values = headers
        .get_all(proxy.header.as_str())
        .iter()
        .map(http::HeaderValue::as_bytes);
    match (forwarding.client(values), forwarding_header(proxy, headers)) {
        (Ok(Some(client)), _) => Ok(client),
        (Ok(None), Some(other)) => Err(unexpected(peer, other, "reverse_proxy_header")),
        (Ok(None), _) => Ok(peer),
        (Err(error), _) => Err(unreadable(proxy, peer, error)),
    }
}

/// Returns the peer, whatever the request's headers say. Two peers are refused, since each is a proxy that the
/// configuration does not mention, and many installations allow its address: one on this machine, and one with a
/// private address while `reverse_proxy` is on and no proxies are listed.
fn not_believed(proxy: &ReverseProxy, headers: &HeaderMap, peer: IpAddr) -> Result<IpAddr, Reject> {
    let Some(header) = forwarding_header(proxy, headers) else {
        return Ok(peer);
    };
    if peer.to_canonical().is_loopback() || (proxy.enabled && !proxy.lists_trusted && is_near(peer)) {
        let key = if proxy.enabled {
            "reverse_proxy_trusted"
        } else {
            "reverse_proxy"
        };
        return Err(unexpected(peer, header, key));
    }
    if is_near(peer) {
        OVERLOOKED.call_once(|| {
            tracing::warn!(
                %peer,
                header,
                "a peer names another caller and is not believed: its own address counts. If it is your proxy, set `reverse_proxy: True` \
                 and list it in `reverse_proxy_trusted`; if no proxy is in front of this service, set `reverse_proxy: ignore`. This is \
                 logged once"
            );
        });
    }
    Ok(peer)
}

/// Returns the name of a header of this request in which a proxy names its caller.
fn forwarding_header<'n>(proxy: &'n ReverseProxy, headers: &HeaderMap) -> Option<&'n str> {
    // Most requests have no header as long as one of these.
    let lengths = LENGTHS | length_bit(&proxy.header);
    if headers.keys().all(|key| length_bit(key.as_str()) & lengths == 0) {
        return None;
    }
    let names = std::iter::once(proxy.header.as_str()).chain(FORWARDING_HEADERS);
    // Requests have few headers, and looking a name up would first parse and hash it.
    let comes = |name: &str| headers.keys().any(|key| key.as_str().eq_ignore_ascii_case(name));
    names.into_iter().find(|name| comes(name))
}

/// A bit for the length of each of [`FORWARDING_HEADERS`].
const LENGTHS: u64 = {
    let (mut lengths, mut place) = (0, 0);
    while place < FORWARDING_HEADERS.len() {
        lengths |= length_bit(FORWARDING_HEADERS[place]);
        place += 1;
    }
    lengths
};

/// Returns the bit that stands for the length of a name; all long ones have the same.
const fn length_bit(name: &str) -> u64 {
    let length = if name.len() < 63 { name.len() } else { 63 };
    1 << length
}

fn is_near(peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Refuses a request of a proxy whose header is not configured. `key` is the setting that the operator has to change.
fn unexpected(peer: IpAddr, header: &str, key: &'static str) -> Reject {
    let cure = match key {
        "reverse_proxy" => {
            "set `reverse_proxy: True` in config.yaml to take the caller's address from it, or `reverse_proxy: ignore` if no proxy is in front".to_owned()
        }
        "reverse_proxy_trusted" if peer.to_canonical().is_loopback() => {
            "add the address from which your proxy connects (127.0.0.1, ::1) to `reverse_proxy_trusted` in config.yaml".to_owned()
        }
        "reverse_proxy_trusted" => format!(
            "if {peer} is your proxy, write `reverse_proxy_trusted: [\"127.0.0.1\", \"::1\", \"{peer}\"]` in config.yaml; if it is not, leave {peer} out of that list"
        ),
        _ => "set `reverse_proxy_header` in config.yaml to the header that your proxy sets".to_owned(),
    };
    UNEXPECTED.say(|more| {
        tracing::error!(%peer, header, key, more, "a proxy names its caller in a header that is not read; its requests are refused with 503: {cure}");
    });
    Reject::unavailable(format!(
        "A proxy sent this request with the header {header}, which is not read here, so it is not known who is asking. Operator: {cure}."
    ))
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
        assert_eq!(caller("", FORGED, "192.0.2.7").unwrap(), "192.0.2.7");
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
        assert_eq!(caller(listed, FORGED, "10.1.2.3").unwrap(), "10.1.2.3");
    }

    /// Earlier versions believed such a peer. It may be a proxy or a device, and only the operator knows.
    #[test]
    fn a_private_peer_is_refused_until_the_file_lists_the_proxies() {
        for peer in ["10.1.2.3", "172.16.0.9", "192.168.7.7", "fd00::1"] {
            assert_eq!(caller("reverse_proxy: yes\n", FORGED, peer), None, "{peer}");
            let found = caller("reverse_proxy: yes\n", &[], peer);
            assert_eq!(found.unwrap(), peer, "a device that asks past the proxy");
            let listed = format!("reverse_proxy: yes\nreverse_proxy_trusted: [127.0.0.1, '::1', '{peer}']\n");
            assert_eq!(caller(&listed, FORGED, peer).unwrap(), "198.51.100.66", "{peer}");
        }
    }

    /// For example, nginx connects over ::1, or the file lists nginx's address in the network.
    #[test]
    fn a_proxy_on_this_machine_that_the_trusted_list_leaves_out_is_refused() {
        for (trusted, peer) in [("192.0.2.7", "127.0.0.1"), ("127.0.0.1", "::1"), ("", "127.0.0.1")] {
            let keys = format!("reverse_proxy: yes\nreverse_proxy_trusted: [{trusted}]\n");
            for header in FORWARDING_HEADERS {
                let found = caller(&keys, &[(header, "198.51.100.66")], peer);
                assert_eq!(found, None, "{trusted} {header}");
            }
            assert_eq!(caller(&keys, &[], peer).unwrap(), peer, "a health check");
        }
    }

    #[test]
    fn a_private_caller_cannot_pass_for_another_one_unless_it_is_listed_as_a_proxy() {
        let chain: &[_] = &[("x-forwarded-for", "10.5.0.1, 10.6.0.1")];
        assert_eq!(caller("reverse_proxy: yes\n", chain, "127.0.0.1").unwrap(), "10.6.0.1");
        let listed = "reverse_proxy: yes\nreverse_proxy_trusted: [127.0.0.1, 10.6.0.1]\n";
        assert_eq!(caller(listed, chain, "127.0.0.1").unwrap(), "10.5.0.1");
    }

    /// Served under the proxy's address, every caller would be allowed.
    #[test]
    fn a_proxy_on_this_machine_that_nobody_mentioned_is_refused() {
        let headers = ["x-forwarded-for", "forwarded", "x-real-ip", "x-edge"];
        let keys = "reverse_proxy: False\nreverse_proxy_header: X-Edge\n";
        for header in headers {
            for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
                assert_eq!(
                    caller(keys, &[(header, "198.51.100.66")], peer),
                    None,
                    "{header} {peer}"
                );
                assert_eq!(caller(keys, &[], peer).unwrap(), peer, "a health check");
            }
            for peer in ["10.1.2.3", "fd00::1", "192.0.2.7"] {
                assert_eq!(
                    caller(keys, &[(header, "198.51.100.66")], peer).unwrap(),
                    peer,
                    "{header}"
                );
            }
        }
        assert_eq!(
            caller("", &[("x-edge", "198.51.100.66")], "127.0.0.1").unwrap(),
            "127.0.0.1"
        );
    }

    #[test]
    fn headers_can_be_ignored_on_purpose() {
        let keys = "reverse_proxy: ignore\n";
        for peer in ["127.0.0.1", "10.1.2.3", "192.0.2.7"] {
            assert_eq!(caller(keys, FORGED, peer).unwrap(), peer);
        }
    }

    /// The same hole with the key set and its header misspelt.
    #[test]
    fn a_proxy_that_names_its_caller_in_another_header_is_refused() {
        let keys = "reverse_proxy: True\nreverse_proxy_header: X-Real-IP\n";
        assert_eq!(caller(keys, FORGED, "127.0.0.1"), None);
        assert_eq!(
            caller(keys, &[("x-real-ip", "198.51.100.9"), FORGED[0]], "::1").unwrap(),
            "198.51.100.9"
        );
        let listed = |proxy: &str| format!("{keys}reverse_proxy_trusted: [{proxy}]\n");
        assert_eq!(
            caller(&listed("127.0.0.1"), FORGED, "10.1.2.3").unwrap(),
            "10.1.2.3",
            "perhaps a device behind a forward proxy"
        );
        assert_eq!(caller(&listed("10.1.2.3"), FORGED, "10.1.2.3"), None);
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
