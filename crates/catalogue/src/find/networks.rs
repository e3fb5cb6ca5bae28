//! The listed networks that may contain an address or network.

use std::net::IpAddr;

use feed_classification::{IndicatorType, canonical_key};
use ipnet::IpNet;

use crate::Table;

/// The lengths of the networks in a table, a bit for each, so that a look-up searches for few networks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NetworkLengths {
    v4: u128,
    v6: u128,
}

impl NetworkLengths {
    pub(super) fn of(addresses: &Table) -> Self {
        let mut lengths = Self::default();
        for (_, value, _) in addresses.iter() {
            let Some((address, length)) = value.split_once('/') else {
                continue;
            };
            let Some(bit) = length.parse().ok().and_then(|length| 1_u128.checked_shl(length)) else {
                continue;
            };
            let of_family = if address.contains(':') {
                &mut lengths.v6
            } else {
                &mut lengths.v4
            };
            *of_family |= bit;
        }
        lengths
    }

    /// Returns the keys of the networks that contain this one and are wider, the smallest of them first. An address is
    /// a network of one.
    pub(super) fn containing(self, network: IpNet) -> impl Iterator<Item = String> {
        let lengths = match network.addr() {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(_) => self.v6,
        };
        let wider = (0..network.prefix_len())
            .rev()
            .filter(move |length| lengths >> length & 1 == 1);
        wider.filter_map(move |length| {
            let wider = IpNet::new(network.addr(), length).ok()?.trunc().to_string();
            Some(canonical_key(IndicatorType::Ip, &wider).into_owned())
        })
    }
}
