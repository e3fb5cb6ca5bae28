//! The common part of the formats for addresses and networks. Those of packet filters take all addresses at once.

use std::ops::RangeInclusive;

use crate::export::{ExportCounts, Exporter, QuarantineReason};
use crate::{AddressSet, Indicator, IndicatorType, network_of};

/// The bounds of a time-out. `ipset(8)` names the greatest one; nft takes longer ones.
pub(super) const TTL_SECONDS: RangeInclusive<u64> = 0..=2_147_483;

/// The name of the bytes of lists with one address or network per line and LF; see
/// [`About::bytes`](super::About::bytes).
pub(super) const LINES: &str = "address-lines";

/// Returns the reason for a value that is neither address nor network.
pub(super) fn refuses(item: &Indicator<'_>) -> Option<QuarantineReason> {
    network_of(item.value)
        .is_none()
        .then_some(QuarantineReason::UNREPRESENTABLE)
}

/// Returns all addresses of the indicators that `exporter` accepts, with the counts of its [`Exporter::export`].
///
/// Overlapping entries break the files of some consumers and slow down all of them, so entries are made after all
/// addresses are known.
pub(super) fn collect(
    exporter: &dyn Exporter,
    items: &mut dyn Iterator<Item = Indicator<'_>>,
) -> (AddressSet, ExportCounts) {
    let accepts = exporter.about().accepts;
    let mut exported = ExportCounts::default();
    let addresses = items
        .filter(|item| accepts.contains(item.kind))
        .filter_map(|item| {
            let network = network_of(item.value).filter(|_| exporter.leaves_out(&item).is_none());
            match network {
                Some(_) => exported.written += 1,
                None => exported.quarantined += 1,
            }
            network
        })
        .collect();
    (addresses, exported)
}

/// Returns whether a feed of this type can hold IPv4 addresses or networks.
pub(super) const fn can_be_v4(kind: IndicatorType) -> bool {
    matches!(
        kind,
        IndicatorType::Ipv4 | IndicatorType::Ipv4Ext | IndicatorType::Cidr4 | IndicatorType::Ip
    )
}

/// Returns whether a feed of this type can hold IPv6 addresses or networks.
pub(super) const fn can_be_v6(kind: IndicatorType) -> bool {
    matches!(
        kind,
        IndicatorType::Ipv6 | IndicatorType::Ipv6Ext | IndicatorType::Cidr6 | IndicatorType::Ip
    )
}
