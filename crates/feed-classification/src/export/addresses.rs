//! The common part of the formats for packet filters: they take all addresses at once.

use crate::export::{ExportCounts, Exporter};
use crate::{AddressSet, Indicator, IndicatorType, network_of};

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
