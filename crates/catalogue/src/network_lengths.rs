//! The lengths of the listed networks, so that a question about an address searches for few networks.

use std::net::IpAddr;

use feed_classification::{IndicatorType, canonical_key};
use ipnet::IpNet;

use crate::merge::Merged;
use crate::table::Table;

/// How many networks of each length a table of addresses has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetworkLengths {
    v4: [u32; 33],
    v6: [u32; 129],
}

impl Default for NetworkLengths {
    fn default() -> Self {
        Self {
            v4: [0; 33],
            v6: [0; 129],
        }
    }
}

impl NetworkLengths {
    /// Returns the lengths after a merge of the table `old`, whose lengths these are.
    pub(crate) fn after(&self, old: &Table, merged: &Merged) -> Self {
        let mut lengths = self.clone();
        for value in merged.removed.iter().filter_map(|rank| old.value(*rank)) {
            lengths.count(value, |networks| networks.saturating_sub(1));
        }
        for value in merged.inserted.iter().filter_map(|rank| merged.table.value(*rank)) {
            lengths.count(value, |networks| networks.saturating_add(1));
        }
        lengths
    }

    /// Returns whether a network of this length and family may be listed. Single addresses are not counted.
    pub(crate) fn has(&self, network: IpNet) -> bool {
        let length = usize::from(network.prefix_len());
        let networks = match network.addr() {
            IpAddr::V4(_) => self.v4.get(length),
            IpAddr::V6(_) => self.v6.get(length),
        };
        networks.is_some_and(|networks| *networks > 0) || network.prefix_len() == network.max_prefix_len()
    }

    /// Returns the networks that contain this one, are wider and may be listed, the smallest of them first. An address
    /// is a network of one.
    pub(crate) fn wider(&self, network: IpNet) -> impl Iterator<Item = IpNet> {
        let wider = (0..network.prefix_len()).rev();
        let wider = wider.filter_map(move |length| Some(IpNet::new(network.addr(), length).ok()?.trunc()));
        wider.filter(|wider| self.has(*wider))
    }

    fn count(&mut self, value: &str, change: fn(u32) -> u32) {
        let Some((address, length)) = value.split_once('/') else {
            return;
        };
        let Ok(length) = length.parse::<usize>() else { return };
        let networks = match address.contains(':') {
            true => self.v6.get_mut(length),
            false => self.v4.get_mut(length),
        };
        if let Some(networks) = networks {
            *networks = change(*networks);
        }
    }
}

/// Returns a network as the catalogue writes it: a network of one as an address.
pub(crate) fn key_of(network: IpNet) -> String {
    canonical_key(IndicatorType::Ip, &network.to_string()).into_owned()
}
