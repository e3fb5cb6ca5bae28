//! Whether one address or network is harmless, without a look at all others.

use feed_classification::{IndicatorType, network_of, special_purpose};
use ipnet::IpNet;

use crate::network_lengths::key_of;
use crate::row_trial::RowTrial;
use crate::{Class, Harmless, Snapshot};

/// Returns whether an address or network, which need not be listed, lies in one that carries the mark or in several
/// together. [`HarmlessValues`](crate::harmless_values::HarmlessValues) judges many values faster, and alike.
pub(crate) fn is_harmless(snapshot: &Snapshot, harmless: &Harmless, value: &str) -> bool {
    let Some(network) = network_of(value) else {
        return false;
    };
    let cover = |of_too_wide| Cover {
        snapshot,
        class: snapshot.class(IndicatorType::Ip),
        harmless,
        of_too_wide,
    };
    cover(false).covers(network) || (special_purpose::is_too_wide(network) && cover(true).covers(network))
}

/// The marked addresses and networks.
struct Cover<'s> {
    snapshot: &'s Snapshot,
    class: &'s Class,
    harmless: &'s Harmless,
    /// Whether only networks count that are too wide to be an indicator, or only the others.
    of_too_wide: bool,
}

impl Cover<'_> {
    fn covers(&self, network: IpNet) -> bool {
        let mut holders = self.class.network_lengths().wider(network);
        self.is_marked(network) || holders.any(|wider| self.is_marked(wider)) || self.is_filled(network)
    }

    /// Returns whether marked parts fill the network. It goes on only where the first half is filled, so its time is
    /// bounded by the number of marked values inside.
    fn is_filled(&self, network: IpNet) -> bool {
        if network.prefix_len() == network.max_prefix_len() {
            return false;
        }
        let Ok(mut halves) = network.subnets(network.prefix_len() + 1) else {
            return false;
        };
        halves.all(|half| self.is_marked(half) || self.is_filled(half))
    }

    fn is_marked(&self, network: IpNet) -> bool {
        if !self.class.network_lengths().has(network) || special_purpose::is_too_wide(network) != self.of_too_wide {
            return false;
        }
        let rank = self.class.values().rank_of(&key_of(network));
        let rows = rank.map_or(&[][..], |rank| self.class.values().rows(rank));
        rows.iter()
            .any(|row| RowTrial::of(self.snapshot, row).is_harmless(self.harmless))
    }
}
