//! Sets of IP addresses as ranges: united, cut, written as networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::grammar::address::{self, Host};

mod ranges;

use ranges::Ranges;

/// A set of IPv4 and IPv6 addresses, kept as the fewest ranges that cover it.
///
/// Ranges are sorted, do not overlap and do not touch, so a set has one form only. Host bits of a network do not count.
/// All operations take time in proportion to the ranges of both sets.
///
/// An IPv4 address that is mapped into IPv6 is that IPv4 address: `::ffff:192.0.2.1` is `192.0.2.1`. Beyond that the
/// families never mix: `::/0` holds no IPv4 address.
///
/// ```
/// use feed_classification::AddressSet;
/// use ipnet::IpNet;
///
/// let listed = AddressSet::from_values(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
/// let own = AddressSet::from_values(["10.1.0.0/16", "192.0.2.7"]);
/// let blocked = listed.without(&own);
///
/// assert!(!blocked.contains("10.1.2.3".parse().unwrap()));
/// assert!(blocked.contains("10.2.0.0".parse().unwrap()));
/// let mut networks = blocked.networks();
/// assert_eq!(networks.next(), "10.0.0.0/16".parse::<IpNet>().ok());
/// assert_eq!(networks.last(), "2001:db8::/32".parse::<IpNet>().ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl AddressSet {
    /// Returns the set without any address.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            v4: Ranges::new(),
            v6: Ranges::new(),
        }
    }

    /// Returns the addresses of all values, each an address or a network. Other values are skipped.
    ///
    /// To notice such a value, read each with [`network_of`] and collect.
    #[must_use]
    pub fn from_values<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        values.into_iter().filter_map(network_of).collect()
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Returns the number of ranges of both families; a packet filter counts them as elements.
    #[must_use]
    pub fn range_count(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Returns whether the address is in the set.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// Returns whether the network has at least one address in common with the set.
    #[must_use]
    pub fn overlaps(&self, network: IpNet) -> bool {
        match bounds(network) {
            Bounds::V4(first, last) => self.v4.overlaps(first, last),
            Bounds::V6(first, last) => self.v6.overlaps(first, last),
        }
    }

    /// Returns whether every address of the network is in the set.
    #[must_use]
    pub fn covers(&self, network: IpNet) -> bool {
        match bounds(network) {
            Bounds::V4(first, last) => self.v4.covers(first, last),
            Bounds::V6(first, last) => self.v6.covers(first, last),
        }
    }

    /// Returns the addresses that are in one of the two sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.union(&other.v4),
            v6: self.v6.union(&other.v6),
        }
    }

    /// Returns the addresses that are not in `other`. Ranges are cut around the addresses that they lose.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.without(&other.v4),
            v6: self.v6.without(&other.v6),
        }
    }

    /// Returns the IPv4 ranges in order, first and last address each.
    pub fn v4_ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<Ipv4Addr>> {
        self.v4
            .iter()
            .map(|(first, last)| Ipv4Addr::from_bits(first)..=Ipv4Addr::from_bits(last))
    }

    /// Returns the IPv6 ranges in order, first and last address each.
    pub fn v6_ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<Ipv6Addr>> {
        self.v6
            .iter()
            .map(|(first, last)| Ipv6Addr::from_bits(first)..=Ipv6Addr::from_bits(last))
    }

    /// Returns the fewest networks that cover exactly this set, IPv4 first, each family in order of addresses.
    pub fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.networks_of_length(0)
    }

    /// Returns the fewest networks that cover exactly this set and have prefixes of at least `min_prefix` bits.
    ///
    /// Some consumers cannot read `/0`; with 1 they get the two halves. A number above the bits of a family counts as
    /// all of them.
    pub fn networks_of_length(&self, min_prefix: u8) -> impl Iterator<Item = IpNet> {
        let v4 = self.v4_ranges().flat_map(move |range| {
            let (first, last) = range.into_inner();
            Ipv4Subnets::new(first, last, min_prefix.min(32)).map(IpNet::V4)
        });
        let v6 = self.v6_ranges().flat_map(move |range| {
            let (first, last) = range.into_inner();
            Ipv6Subnets::new(first, last, min_prefix.min(128)).map(IpNet::V6)
        });
        v4.chain(v6)
    }
}

impl FromIterator<IpNet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut networks = networks.into_iter();
        // Most lists have one family. With room for all of it, the ranges are never moved to a larger place.
        while let Some(network) = networks.next() {
            match bounds(network) {
                Bounds::V4(first, last) => push(&mut v4, (first, last), &networks),
                Bounds::V6(first, last) => push(&mut v6, (first, last), &networks),
            }
        }
        Self {
            v4: Ranges::of(v4),
            v6: Ranges::of(v6),
        }
    }
}

impl Extend<IpNet> for AddressSet {
    fn extend<I: IntoIterator<Item = IpNet>>(&mut self, networks: I) {
        *self = self.union(&networks.into_iter().collect());
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        addresses.into_iter().map(IpNet::from).collect()
    }
}

/// Returns the network that a value names, its host bits cleared; an address is a network of one. `None` if it is
/// neither.
///
/// A network of addresses that are mapped into IPv6 is the IPv4 network. The spelling is as strict as that of
/// indicators: no leading zeros, no zone ids, no netmasks, no ranges.
///
/// ```
/// assert_eq!(feed_classification::network_of("192.0.2.77/24"), "192.0.2.0/24".parse().ok());
/// assert_eq!(feed_classification::network_of("evil.example"), None);
/// ```
#[must_use]
pub fn network_of(value: &str) -> Option<IpNet> {
    address::host(value).ok().map(Host::network)
}

/// Adds a range. The first one makes room for those that follow.
fn push<N>(ranges: &mut Vec<(N, N)>, range: (N, N), rest: &impl Iterator) {
    if ranges.is_empty() {
        ranges.reserve_exact(rest.size_hint().0.saturating_add(1));
    }
    ranges.push(range);
}

/// First and last address of a network as numbers.
enum Bounds {
    V4(u32, u32),
    V6(u128, u128),
}

fn bounds(network: IpNet) -> Bounds {
    match address::unmapped(network) {
        IpNet::V4(network) => Bounds::V4(network.network().to_bits(), network.broadcast().to_bits()),
        IpNet::V6(network) => Bounds::V6(network.network().to_bits(), network.broadcast().to_bits()),
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressSet, network_of};

    fn networks(set: &AddressSet) -> Vec<String> {
        set.networks().map(|network| network.to_string()).collect()
    }

    #[test]
    fn neighbours_and_inner_networks_merge() {
        let set = AddressSet::from_values(["10.0.0.0/25", "10.0.0.128/25", "10.0.0.7", "10.0.1.9/24", "::1", "::"]);
        assert_eq!(networks(&set), ["10.0.0.0/23", "::/127"]);
        assert_eq!(set.range_count(), 2);
    }

    #[test]
    fn a_network_is_cut_around_removed_addresses() {
        let listed = AddressSet::from_values(["192.0.2.0/29"]);
        let own = AddressSet::from_values(["192.0.2.2", "192.0.2.7"]);
        let left = listed.without(&own);
        assert_eq!(
            networks(&left),
            ["192.0.2.0/31", "192.0.2.3/32", "192.0.2.4/31", "192.0.2.6/32"]
        );
        assert!(left.overlaps("192.0.2.2/31".parse().unwrap()));
        assert!(!left.covers("192.0.2.2/31".parse().unwrap()));
        assert!(!left.overlaps("192.0.2.7/32".parse().unwrap()));
    }

    #[test]
    fn the_whole_of_both_families_is_two_ranges() {
        let all = AddressSet::from_values(["0.0.0.0/0", "::/0", "255.255.255.255"]);
        assert_eq!(all.range_count(), 2);
        assert_eq!(networks(&all), ["0.0.0.0/0", "::/0"]);
        let halves: Vec<_> = all.networks_of_length(1).map(|network| network.to_string()).collect();
        assert_eq!(halves, ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]);
        assert!(all.without(&all).is_empty());
        let edges = all.without(&AddressSet::from_values(["0.0.0.0", "255.255.255.255", "::/1"]));
        assert_eq!(edges.range_count(), 2);
        assert!(edges.contains("8000::".parse().unwrap()));
        assert!(!edges.contains("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn the_families_never_mix() {
        let v4 = AddressSet::from_values(["192.0.2.1"]);
        assert_eq!(v4.without(&AddressSet::from_values(["::/0"])), v4);
        assert!(!AddressSet::from_values(["::/0"]).contains("192.0.2.1".parse().unwrap()));
        assert!(!AddressSet::from_values(["::ffff:0:0/96"]).contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let v4 = AddressSet::from_values(["192.0.2.0/24"]);
        for network in ["::ffff:192.0.2.0/120", "::ffff:192.0.2.77/120"] {
            assert_eq!(AddressSet::from_values([network]), v4, "{network}");
            assert_eq!(AddressSet::from_iter([network.parse::<ipnet::IpNet>().unwrap()]), v4);
            assert!(v4.covers(network.parse().unwrap()));
        }
        assert!(v4.contains("::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_not_networks() {
        for value in [
            "",
            "192.0.2.010",
            "192.0.2.1/33",
            "fe80::1%eth0",
            "192.0.2.1-192.0.2.9",
            "a.example",
        ] {
            assert_eq!(network_of(value), None, "{value}");
        }
    }
}
