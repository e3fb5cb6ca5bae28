//! One address as proxies write it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Returns the address in a text such as `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]` or
/// `[2001:db8::7]:4711`.
///
/// An IPv4 address in IPv6 form (`::ffff:192.0.2.7`) becomes the IPv4 address, because networks are compared by family.
/// Names, zones (`%eth0`), octal and shortened forms are refused.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    let address = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        inner.parse::<Ipv6Addr>().ok()?.into()
    } else if text.contains('%') {
        // `SocketAddr` would read `[fe80::1%1]:80` and drop the zone, without which the address means another host.
        return None;
    } else {
        text.parse::<SocketAddr>().ok()?.ip()
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_usual_spelling_is_read() {
        for (text, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            (" 192.0.2.7\t", "192.0.2.7"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0::7", "2001:db8::7"),
            ("2001:db8::7:8080", "2001:db8::7:8080"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:4711", "192.0.2.7"),
            ("[::ffff:c000:207]", "192.0.2.7"),
        ] {
            assert_eq!(address(text), Some(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_addresses() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.07",
            "192.0.2.256",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7/32",
            "192.0.2.7 192.0.2.8",
            "3221225991",
            "0xc0000207",
            "[192.0.2.7]",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]x",
            "[2001:db8::7]4711",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "[[::1]]",
            "::ffff:192.0.2.7:80:1:2:3:4",
            "\"192.0.2.7\"",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_read_back(address in any::<IpAddr>(), port: u16) {
            for text in [address.to_string(), SocketAddr::new(address, port).to_string()] {
                prop_assert_eq!(super::address(&text), Some(address.to_canonical()));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = address(&text);
        }
    }
}
