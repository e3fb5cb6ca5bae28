//! The proxies of the core file, as the HTTP front takes them.

use std::net::IpAddr;

use http_front::{Proxies, Refusal};
use service_kit::LogLimit;
use site_config::{Loaded, ReverseProxy};

/// A wrong setting on either side closes every connection, so these are logged once a minute.
static CLOSED: LogLimit = LogLimit::once_a_minute();
static TOO_MANY: LogLimit = LogLimit::once_a_minute();

/// Returns the proxies of the configuration in force.
pub(crate) fn of(loaded: &Loaded) -> Proxies {
    converted(&loaded.core.reverse_proxy)
}

fn converted(proxy: &ReverseProxy) -> Proxies {
    if proxy.enabled || proxy.proxy_protocol {
        Proxies::new(proxy.trusted.iter().copied()).proxy_protocol(proxy.proxy_protocol)
    } else {
        Proxies::default()
    }
}

/// Logs why a connection was closed, in the words of the core file.
pub(crate) fn report(peer: IpAddr, refusal: &Refusal) {
    match refusal {
        Refusal::TooManyConnections { address, most } => TOO_MANY.say(|more| {
            tracing::warn!(
                %address,
                most,
                more,
                "a connection was closed: its address holds half of all connections; if it is a proxy's, list it in `reverse_proxy_trusted`"
            );
        }),
        Refusal::NotAProxy => CLOSED.say(|more| {
            tracing::warn!(
                %peer,
                more,
                "a connection was closed: `proxy_protocol` is on, and the peer is not in `reverse_proxy_trusted`"
            );
        }),
        other => CLOSED.say(|more| {
            tracing::warn!(%peer, why = %other, more, "a connection was closed: `proxy_protocol` is on");
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use site_config::Core;

    fn proxies(keys: &str) -> Proxies {
        let text = format!("encryption_key: {}\nsalt: {}\n{keys}", "k".repeat(64), "s".repeat(32));
        converted(&Core::from_yaml(&text).unwrap().reverse_proxy)
    }

    #[test]
    fn without_a_proxy_in_the_file_no_address_is_one() {
        assert_eq!(proxies(""), Proxies::default());
        assert_eq!(proxies("reverse_proxy: ignore\n"), Proxies::default());
    }

    #[test]
    fn listed_networks_are_proxies_and_the_protocol_is_required_where_the_file_says_so() {
        let listed = || Proxies::new(["192.0.2.9/32".parse().unwrap()]);
        let keys = "reverse_proxy_trusted: [192.0.2.9]\n";
        assert_eq!(
            proxies(&format!("proxy_protocol: yes\n{keys}")),
            listed().proxy_protocol(true)
        );
        assert_eq!(proxies(&format!("reverse_proxy: yes\n{keys}")), listed());
    }
}
