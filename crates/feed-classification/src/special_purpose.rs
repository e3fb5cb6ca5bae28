//! Addresses and networks that no indicator can mean: special-purpose ranges, and prefixes wider than any allocated
//! network.
//!
//! The tables are the *IANA IPv4 Special-Purpose Address Registry* and the *IANA IPv6 Special-Purpose Address Registry*
//! (RFC 6890, RFC 8190) with all entries up to RFC 9780 of 2025, and multicast, which has registries of its own.
//! Documentation ranges are not among them, so that examples work: [`DOCUMENTATION`].

use std::fmt;
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::AddressSet;

/// The widest IPv4 prefix that one indicator may have. IANA gives out no larger block than this to a regional registry
/// (IANA IPv4 Address Space Registry).
pub const WIDEST_V4: u8 = 8;

/// The widest IPv6 prefix that one indicator may have. It is the largest block that a network operator ever got, for
/// example `2003::/19`.
pub const WIDEST_V6: u8 = 19;

/// Ranges for examples in texts (RFC 5737, RFC 3849, RFC 9637). They are special-purpose too, and count as ordinary
/// addresses here.
pub const DOCUMENTATION: &[&str] = &[
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001:db8::/32",
    "3fff::/20",
];

/// The network, its name in the registry, and the document that sets it aside.
const TABLE: &[(&str, &str, &str)] = &[
    ("0.0.0.0/8", "this network", "RFC 791"),
    ("10.0.0.0/8", "private use", "RFC 1918"),
    ("100.64.0.0/10", "shared address space", "RFC 6598"),
    ("127.0.0.0/8", "loopback", "RFC 1122"),
    ("169.254.0.0/16", "link-local", "RFC 3927"),
    ("172.16.0.0/12", "private use", "RFC 1918"),
    ("192.0.0.0/24", "IETF protocol assignments", "RFC 6890"),
    ("192.0.0.0/29", "IPv4 service continuity prefix", "RFC 7335"),
    ("192.0.0.8/32", "IPv4 dummy address", "RFC 7600"),
    ("192.0.0.9/32", "Port Control Protocol anycast", "RFC 7723"),
    ("192.0.0.10/32", "TURN anycast", "RFC 8155"),
    ("192.0.0.170/31", "NAT64/DNS64 discovery", "RFC 8880"),
    ("192.31.196.0/24", "AS112-v4", "RFC 7535"),
    ("192.52.193.0/24", "AMT", "RFC 7450"),
    ("192.88.99.0/24", "deprecated 6to4 relay anycast", "RFC 7526"),
    ("192.88.99.2/32", "6a44 relay anycast", "RFC 6751"),
    ("192.168.0.0/16", "private use", "RFC 1918"),
    ("192.175.48.0/24", "direct delegation AS112 service", "RFC 7534"),
    ("198.18.0.0/15", "benchmarking", "RFC 2544"),
    ("224.0.0.0/4", "multicast", "RFC 5771"),
    ("240.0.0.0/4", "reserved", "RFC 1112"),
    ("255.255.255.255/32", "limited broadcast", "RFC 919"),
    ("::/128", "unspecified address", "RFC 4291"),
    ("::1/128", "loopback", "RFC 4291"),
    ("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    ("64:ff9b::/96", "IPv4-IPv6 translation", "RFC 6052"),
    ("64:ff9b:1::/48", "IPv4-IPv6 translation", "RFC 8215"),
    ("100::/64", "discard-only", "RFC 6666"),
    ("100:0:0:1::/64", "dummy IPv6 prefix", "RFC 9780"),
    ("2001::/23", "IETF protocol assignments", "RFC 2928"),
    ("2001::/32", "Teredo", "RFC 4380"),
    ("2001:1::1/128", "Port Control Protocol anycast", "RFC 7723"),
    ("2001:1::2/128", "TURN anycast", "RFC 8155"),
    ("2001:1::3/128", "DNS-SD service registration anycast", "RFC 9665"),
    ("2001:2::/48", "benchmarking", "RFC 5180"),
    ("2001:3::/32", "AMT", "RFC 7450"),
    ("2001:4:112::/48", "AS112-v6", "RFC 7535"),
    ("2001:10::/28", "deprecated ORCHID", "RFC 4843"),
    ("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    ("2001:30::/28", "drone remote identification", "RFC 9374"),
    ("2002::/16", "6to4", "RFC 3056"),
    ("2620:4f:8000::/48", "direct delegation AS112 service", "RFC 7534"),
    ("5f00::/16", "segment routing identifiers", "RFC 9602"),
    ("fc00::/7", "unique-local", "RFC 4193"),
    ("fe80::/10", "link-local", "RFC 4291"),
    ("ff00::/8", "multicast", "RFC 4291"),
];

/// One range with another use than hosts on the Internet.
///
/// ```
/// use feed_classification::special_purpose::ranges;
///
/// let loopback = ranges().iter().find(|range| range.name == "loopback").unwrap();
/// assert_eq!(loopback.to_string(), "127.0.0.0/8, loopback (RFC 1122)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecialPurpose {
    /// The range.
    pub network: IpNet,
    /// Its name in the registry, for example `private use`.
    pub name: &'static str,
    /// The document that reserves it, for example `RFC 1918`.
    pub source: &'static str,
}

impl fmt::Display for SpecialPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} ({})", self.network, self.name, self.source)
    }
}

static ALL: LazyLock<Vec<SpecialPurpose>> = LazyLock::new(|| {
    let rows = TABLE.iter().filter_map(|(network, name, source)| {
        let network = network.parse().ok()?;
        Some(SpecialPurpose { network, name, source })
    });
    rows.collect()
});

static ADDRESSES: LazyLock<AddressSet> = LazyLock::new(|| ALL.iter().map(|range| range.network).collect());

/// Returns every special-purpose range, IPv4 first, each family in order of addresses.
#[must_use]
pub fn ranges() -> &'static [SpecialPurpose] {
    &ALL
}

/// Returns the addresses of all special-purpose ranges together.
#[must_use]
pub fn addresses() -> &'static AddressSet {
    &ADDRESSES
}

/// Returns the narrowest special-purpose range that holds the whole network, else the first one that has an address in
/// common with it.
///
/// ```
/// use feed_classification::special_purpose::range_of;
///
/// let range = range_of("192.168.7.0/24".parse()?).map(ToString::to_string);
/// assert_eq!(range.as_deref(), Some("192.168.0.0/16, private use (RFC 1918)"));
/// assert_eq!(range_of("192.0.2.0/24".parse()?), None);
/// # Ok::<(), ipnet::AddrParseError>(())
/// ```
#[must_use]
pub fn range_of(network: IpNet) -> Option<&'static SpecialPurpose> {
    let holding = ALL.iter().filter(|range| range.network.contains(&network));
    let narrowest = holding.max_by_key(|range| range.network.prefix_len());
    narrowest.or_else(|| ALL.iter().find(|range| network.contains(&range.network)))
}

/// Returns the widest prefix length that an indicator of this network's family may have.
#[must_use]
pub const fn widest(network: IpNet) -> u8 {
    match network {
        IpNet::V4(_) => WIDEST_V4,
        IpNet::V6(_) => WIDEST_V6,
    }
}

/// Returns whether the network is wider than any that an indicator may name.
#[must_use]
pub fn is_too_wide(network: IpNet) -> bool {
    network.prefix_len() < widest(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn every_row_of_the_table_is_a_network_and_the_rows_are_in_order() {
        assert_eq!(ranges().len(), TABLE.len());
        assert!(ranges().iter().all(|range| range.network == range.network.trunc()));
        assert!(ranges().is_sorted_by_key(|range| (range.network.network(), range.network.prefix_len())));
        assert!(ranges().iter().all(|range| range.source.starts_with("RFC ")));
    }

    #[test]
    fn documentation_ranges_are_ordinary() {
        for text in DOCUMENTATION {
            assert_eq!(range_of(net(text)), None, "{text}");
            assert!(!addresses().overlaps(net(text)), "{text}");
        }
    }

    #[test]
    fn the_narrowest_range_is_named() {
        let named = |text: &str| range_of(net(text)).map(ToString::to_string).unwrap_or_default();
        assert_eq!(named("10.1.2.3/32"), "10.0.0.0/8, private use (RFC 1918)");
        assert_eq!(
            named("192.0.0.9/32"),
            "192.0.0.9/32, Port Control Protocol anycast (RFC 7723)"
        );
        assert_eq!(
            named("192.0.0.0/16"),
            "192.0.0.0/24, IETF protocol assignments (RFC 6890)"
        );
        assert_eq!(
            named("::ffff:203.0.113.9/128"),
            "::ffff:0.0.0.0/96, IPv4-mapped (RFC 4291)"
        );
        assert_eq!(named("2001:4860::/32"), "");
        assert_eq!(named("fd00::/8"), "fc00::/7, unique-local (RFC 4193)");
    }

    #[test]
    fn width_is_judged_by_family() {
        for (text, wide) in [
            ("8.0.0.0/8", false),
            ("8.0.0.0/7", true),
            ("2003::/19", false),
            ("2002::/18", true),
        ] {
            assert_eq!(is_too_wide(net(text)), wide, "{text}");
        }
    }
}
