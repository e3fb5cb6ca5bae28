//! Sets of addresses, compared with the slow way: a check of each address of a small space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use feed_classification::AddressSet;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;

/// Sixty-four addresses at each end of both families, where sums overflow.
fn world() -> impl Iterator<Item = IpAddr> {
    let v4 = |offset: u32| IpAddr::V4(Ipv4Addr::from_bits(offset));
    let v6 = |offset: u128| IpAddr::V6(Ipv6Addr::from_bits(offset));
    let low = (0..64).map(v4).chain((0..64).map(v6));
    low.chain((u32::MAX - 63..=u32::MAX).map(v4))
        .chain((u128::MAX - 63..=u128::MAX).map(v6))
}

fn network() -> impl Strategy<Value = IpNet> {
    let network = |(address, host_bits): (IpAddr, u8)| match address {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 32 - host_bits).into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 128 - host_bits).into(),
    };
    let addresses: Vec<_> = world().collect();
    (proptest::sample::select(addresses), 0_u8..=6).prop_map(network)
}

fn networks() -> impl Strategy<Value = Vec<IpNet>> {
    proptest::collection::vec(network(), 0..12)
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

proptest! {
    #[test]
    fn a_set_holds_exactly_the_addresses_of_its_networks(some in networks(), others in networks()) {
        let (set, other): (AddressSet, AddressSet) = (some.iter().copied().collect(), others.iter().copied().collect());
        let (union, left) = (set.union(&other), set.without(&other));
        for address in world() {
            let (here, there) = (holds(&some, address), holds(&others, address));
            prop_assert_eq!(set.contains(address), here);
            prop_assert_eq!(union.contains(address), here || there);
            prop_assert_eq!(left.contains(address), here && !there);
        }
    }

    #[test]
    fn overlap_and_cover_are_those_of_the_addresses(some in networks(), network in network()) {
        let set: AddressSet = some.iter().copied().collect();
        let inside: Vec<bool> = world().filter(|address| network.contains(address)).map(|address| set.contains(address)).collect();
        prop_assert_eq!(set.overlaps(network), inside.contains(&true));
        prop_assert_eq!(set.covers(network), !inside.contains(&false));
    }

    #[test]
    fn a_set_has_one_form(some in networks(), others in networks()) {
        let (set, other): (AddressSet, AddressSet) = (some.iter().copied().collect(), others.iter().copied().collect());
        let again: AddressSet = set.networks_of_length(1).collect();
        prop_assert_eq!(&again, &set);
        let cut = set.without(&other).union(&set);
        prop_assert_eq!(&cut, &set);
        let ends: Vec<_> = set.v4_ranges().map(|range| (*range.start(), *range.end())).collect();
        for pair in ends.windows(2) {
            prop_assert!(u64::from(pair[0].1.to_bits()) + 1 < u64::from(pair[1].0.to_bits()), "{:?}", pair);
        }
    }

    /// The same result by an algorithm of another crate.
    #[test]
    fn networks_are_those_of_ipnet(some in networks()) {
        let set: AddressSet = some.iter().copied().collect();
        let mut expected = IpNet::aggregate(&some);
        expected.sort_unstable();
        prop_assert_eq!(set.networks().collect::<Vec<_>>(), expected);
    }
}
