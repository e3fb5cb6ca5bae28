//! The smallest list of networks that covers the same addresses.

use ipnet::IpNet;

use crate::grammar::address;
use crate::{IndicatorSet, IndicatorSetBuilder, IndicatorType, TypeSet};

/// The types with networks that [`aggregate()`] merges.
pub const AGGREGABLE: TypeSet = TypeSet::of(&[IndicatorType::Cidr4, IndicatorType::Cidr6, IndicatorType::Ip]);

/// Returns the minimal set of networks that covers exactly the addresses of a `cidr4`, `cidr6` or `ip` set.
///
/// A single address is written without a prefix length. Sets of other types come back unchanged, and so does a value
/// that is neither address nor network.
///
/// ```
/// use feed_classification::{IndicatorSet, IndicatorType, aggregate};
///
/// let set = IndicatorSet::of(IndicatorType::Cidr4, ["192.0.2.0/25", "192.0.2.128/25", "192.0.2.77/30"]);
/// assert!(aggregate(&set).iter().eq(["192.0.2.0/24"]));
/// ```
#[must_use]
pub fn aggregate(set: &IndicatorSet) -> IndicatorSet {
    let kind = set.kind();
    if !AGGREGABLE.contains(kind) {
        return set.clone();
    }
    let mut networks = Vec::with_capacity(set.len());
    let mut covered = IndicatorSetBuilder::new(kind);
    for value in set {
        match address::host(value) {
            Ok(host) => networks.push(host.network()),
            Err(_) => covered.push(value),
        }
    }
    for network in IpNet::aggregate(&networks) {
        covered.push(&network.to_string());
    }
    covered.finish()
}

#[cfg(test)]
mod tests {
    use super::aggregate;
    use crate::{IndicatorSet, IndicatorType};

    fn aggregated(kind: IndicatorType, values: &[&str]) -> Vec<String> {
        aggregate(&IndicatorSet::of(kind, values.iter().copied()))
            .iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn neighbours_merge_and_covered_networks_disappear() {
        let networks = ["10.0.0.0/25", "10.0.0.128/25", "10.0.0.64/26", "10.0.2.0/24"];
        assert_eq!(
            aggregated(IndicatorType::Cidr4, &networks),
            ["10.0.0.0/24", "10.0.2.0/24"]
        );
    }

    #[test]
    fn host_bits_go() {
        assert_eq!(aggregated(IndicatorType::Cidr4, &["10.0.0.77/24"]), ["10.0.0.0/24"]);
    }

    #[test]
    fn networks_that_only_touch_are_not_merged() {
        assert_eq!(
            aggregated(IndicatorType::Cidr4, &["10.0.1.0/24", "10.0.2.0/24"]),
            ["10.0.1.0/24", "10.0.2.0/24"]
        );
    }

    #[test]
    fn single_addresses_are_plain_in_every_type() {
        assert_eq!(aggregated(IndicatorType::Cidr4, &["192.0.2.1/32"]), ["192.0.2.1"]);
        assert_eq!(
            aggregated(IndicatorType::Ip, &["192.0.2.1", "192.0.2.1/32", "2001:db8::1"]),
            ["192.0.2.1", "2001:db8::1"]
        );
        assert_eq!(
            aggregated(IndicatorType::Ip, &["192.0.2.2", "192.0.2.3"]),
            ["192.0.2.2/31"]
        );
    }

    #[test]
    fn both_families_and_the_whole_of_each_work() {
        let all = ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "2001:db8::/32"];
        assert_eq!(aggregated(IndicatorType::Ip, &all), ["0.0.0.0/0", "::/0"]);
    }

    #[test]
    fn other_types_are_unchanged() {
        assert_eq!(
            aggregated(IndicatorType::Ipv4, &["10.0.0.0", "10.0.0.1"]),
            ["10.0.0.0", "10.0.0.1"]
        );
    }
}
