//! How much of the Internet a list covers, counted so that both families weigh alike.

use std::fmt;

use feed_classification::{AddressSet, TypeSet, network_of};
use ipnet::IpNet;

use crate::Values;

/// An IPv6 address counts with the 2⁸⁰ others of its /48: so much a site gets (RFC 6177), as it gets one address of
/// IPv4.
const BITS_OF_SITE: u32 = 80;

/// The addresses of a list, each once, however many values hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coverage(AddressSet);

impl Coverage {
    /// Returns the addresses that the values cover. Values of other types cover none.
    pub(crate) fn of(values: &Values) -> Self {
        let sets = values.sets().filter(|set| TypeSet::ADDRESSES.contains(set.kind()));
        Self(sets.flatten().filter_map(network_of).collect())
    }

    /// Returns the number of IPv4 addresses and of /48 networks of IPv6.
    pub(crate) fn count(&self) -> u64 {
        let v4 = self
            .0
            .v4_ranges()
            .map(|range| u64::from(range.end().to_bits() - range.start().to_bits()) + 1);
        let v6 = self.0.v6_ranges().map(|range| {
            let sites = (range.end().to_bits() >> BITS_OF_SITE) - (range.start().to_bits() >> BITS_OF_SITE) + 1;
            u64::try_from(sites).unwrap_or(u64::MAX)
        });
        v4.chain(v6).fold(0, u64::saturating_add)
    }

    /// Returns the addresses that are covered here and not there.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self(self.0.without(&other.0))
    }

    /// Returns the network with the most addresses.
    pub(crate) fn largest(&self) -> Option<IpNet> {
        let weight = |network: &IpNet| match network {
            IpNet::V4(network) => u32::from(32 - network.prefix_len()),
            IpNet::V6(network) => u32::from(128 - network.prefix_len()).saturating_sub(BITS_OF_SITE),
        };
        self.0.networks().max_by_key(weight)
    }
}

/// A number of things, written with its noun: `1 value`, `2 values`.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        let ending = match (*count, *noun) {
            (1, _) => "",
            (_, noun) if noun.ends_with('s') => "es",
            _ => "s",
        };
        let noun = match (ending, noun.strip_suffix('y')) {
            ("s", Some(stem)) => return write!(f, "{count} {stem}ies"),
            _ => noun,
        };
        write!(f, "{count} {noun}{ending}")
    }
}

/// Returns a length as a number that is never negative.
pub(crate) fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorSet, IndicatorType};

    use super::*;

    fn coverage(values: &[&str]) -> Coverage {
        let set = IndicatorSet::of(IndicatorType::Ip, values.iter().copied());
        Coverage::of(&[set].into_iter().collect())
    }

    fn count(values: &[&str]) -> u64 {
        coverage(values).count()
    }

    #[test]
    fn every_address_counts_once_and_ipv6_by_sites() {
        assert_eq!(count(&["192.0.2.0/24", "192.0.2.7", "192.0.2.0/25"]), 256);
        assert_eq!(count(&["2001:db8::1"]), 1);
        assert_eq!(count(&["2001:db8::/48"]), 1);
        assert_eq!(count(&["2001:db8::/32"]), 65_536);
        assert_eq!(count(&["0.0.0.0/0"]), 1 << 32);
        assert_eq!(count(&["::/0"]), 1 << 48);
        let names = IndicatorSet::of(IndicatorType::Domain, ["a.example"]);
        assert_eq!(Coverage::of(&[names].into_iter().collect()).count(), 0);
    }

    #[test]
    fn the_largest_network_is_that_of_either_family_with_the_most_addresses_or_sites() {
        let largest = |values: &[&str]| coverage(values).largest().map(|network| network.to_string());
        for (largest_of_them, others) in [
            ("192.0.2.0/24", ["198.51.100.0/30", "203.0.113.7/32"]),
            ("2001:db8::/34", ["2001:dba::/40", "2001:dbc::/48"]),
            ("10.0.0.0/8", ["192.0.2.0/24", "2001:db8::/32"]),
            ("2001:db8::/32", ["192.0.2.0/24", "198.51.100.0/30"]),
        ] {
            let [one, another] = others;
            assert_eq!(
                largest(&[one, largest_of_them, another]).as_deref(),
                Some(largest_of_them)
            );
        }
        assert_eq!(largest(&[]), None);
    }

    #[test]
    fn one_and_many_have_their_words() {
        let shown = |count, noun| Counted(count, noun).to_string();
        assert_eq!([shown(1, "value"), shown(2, "value")], ["1 value", "2 values"]);
        assert_eq!([shown(1, "address"), shown(0, "address")], ["1 address", "0 addresses"]);
        assert_eq!([shown(1, "entry"), shown(3, "entry")], ["1 entry", "3 entries"]);
    }
}
