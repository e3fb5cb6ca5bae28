//! Which listed networks contain an address or a network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeTo;

use ipnet::IpNet;

/// Networks by family and length; for each length that occurs, the first addresses in order with the place of their
/// value.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: BTreeMap<u8, Vec<(u32, u32)>>,
    v6: BTreeMap<u8, Vec<(u128, u32)>>,
}

impl Networks {
    /// Adds a network whose value has this place; places come in order of the values' texts.
    pub(super) fn add(&mut self, network: IpNet, place: u32) {
        match network {
            IpNet::V4(network) => {
                let first = u32::from(network.network());
                self.v4.entry(network.prefix_len()).or_default().push((first, place));
            }
            IpNet::V6(network) => {
                let first = u128::from(network.network());
                self.v6.entry(network.prefix_len()).or_default().push((first, place));
            }
        }
    }

    /// Puts everything in order; to be called once, after the last network.
    pub(super) fn settle(&mut self) {
        self.v4.values_mut().for_each(|networks| networks.sort_unstable());
        self.v6.values_mut().for_each(|networks| networks.sort_unstable());
    }

    /// Returns the places of the networks that contain this one and are wider, the smallest of them first. An address
    /// is a network of one.
    pub(super) fn containing(&self, network: IpNet) -> Vec<u32> {
        let lengths = ..network.prefix_len();
        match network.addr() {
            IpAddr::V4(address) => containing(&self.v4, lengths, |length| u32::from(first_v4(address, length))),
            IpAddr::V6(address) => containing(&self.v6, lengths, |length| u128::from(first_v6(address, length))),
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        let v4: usize = self.v4.values().map(Vec::capacity).sum();
        let v6: usize = self.v6.values().map(Vec::capacity).sum();
        v4 * size_of::<(u32, u32)>() + v6 * size_of::<(u128, u32)>()
    }
}

fn containing<A: Ord>(
    networks: &BTreeMap<u8, Vec<(A, u32)>>,
    lengths: RangeTo<u8>,
    first: impl Fn(u8) -> A,
) -> Vec<u32> {
    let by_length = networks.range(lengths).rev();
    let places = by_length.filter_map(|(length, networks)| {
        let wanted = first(*length);
        let at = networks.binary_search_by(|(first, _)| first.cmp(&wanted)).ok()?;
        networks.get(at).map(|(_, place)| *place)
    });
    places.collect()
}

fn first_v4(address: Ipv4Addr, length: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    Ipv4Addr::from(u32::from(address) & mask)
}

fn first_v6(address: Ipv6Addr, length: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
    Ipv6Addr::from(u128::from(address) & mask)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn exactly_the_networks_that_contain_an_address_or_network_are_found(
            networks in prop::collection::btree_set((any::<[u8; 2]>(), 0_u8..32), 0..20),
            v6 in prop::collection::btree_set((any::<u8>(), 0_u8..128), 0..20),
            asked in any::<[u8; 2]>(),
            length in 0_u8..=32,
        ) {
            let v4 = networks.into_iter().map(|([a, b], length)| IpNet::new(Ipv4Addr::new(10, a, b, 7).into(), length));
            let v6 = v6.into_iter().map(|(a, length)| {
                IpNet::new(Ipv6Addr::new(0x2001, 0xdb8, a.into(), 0, 0, 0, 0, 1).into(), length)
            });
            let mut all: Vec<IpNet> = v4.chain(v6).map(|network| network.unwrap().trunc()).collect();
            all.sort_unstable();
            all.dedup();
            let mut index = Networks::default();
            all.iter().zip(0..).for_each(|(network, place)| index.add(*network, place));
            index.settle();
            let [a, b] = asked;
            let v4 = IpAddr::from(Ipv4Addr::new(10, a, b, 7));
            let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, a.into(), 0, 0, 0, 0, 1));
            for asked in [
                IpNet::from(v4),
                IpNet::from(v6),
                IpNet::new(v4, length).unwrap().trunc(),
                IpNet::new(v6, 4 * length).unwrap().trunc(),
            ] {
                let mut found: Vec<IpNet> = index.containing(asked).iter().map(|place| all[*place as usize]).collect();
                prop_assert!(found.is_sorted_by_key(|network| std::cmp::Reverse(network.prefix_len())));
                found.sort_unstable();
                let expected: Vec<IpNet> = all.iter().copied().filter(|network| *network != asked && network.contains(&asked)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
