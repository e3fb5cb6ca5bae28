//! Values that an analyst marked as harmless.

use ipnet::IpNet;

use crate::{AddressSet, IndicatorSet, IndicatorType, TypeSet, network_of, special_purpose};

/// Values that an analyst marked as harmless, of any number of types, compared by [`crate::canonical_key`].
///
/// A value counts for all types of its family ([`IndicatorType::family`]): a domain that is harmless is harmless as a
/// host name too. A network takes out everything that lies inside of it, addresses and smaller networks. A wider
/// network that only holds a harmless address is not touched here; [`Guard`](crate::Guard) cuts it around the address.
///
/// A network that is too wide to be an indicator ([`special_purpose::is_too_wide`]) takes out only networks that are
/// too wide themselves. An analyst who marks a listed `0.0.0.0/0` as harmless means that entry. Without this rule, the
/// mark would empty every list of addresses.
///
/// ```
/// use feed_classification::{FalsePositives, IndicatorSet, IndicatorType};
///
/// let harmless = FalsePositives::of([IndicatorSet::of(IndicatorType::Ip, ["198.51.100.0/24", "203.0.113.9"])]);
/// let listed = ["198.51.100.7", "198.51.100.64/26", "203.0.113.0/24", "::ffff:203.0.113.9", "192.0.2.1"];
/// let listed = IndicatorSet::of(IndicatorType::Ip, listed);
/// assert!(harmless.taken_from(&listed).iter().eq(["192.0.2.1", "203.0.113.0/24"]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct FalsePositives {
    addresses: AddressSet,
    /// The addresses of networks that are too wide to be an indicator.
    too_wide: AddressSet,
    /// The values of all types but addresses.
    values: Vec<IndicatorSet>,
}

impl FalsePositives {
    /// Returns the values of all these sets.
    #[must_use]
    pub fn of(sets: impl IntoIterator<Item = IndicatorSet>) -> Self {
        let sets = sets.into_iter().filter(|set| !set.is_empty());
        let (addresses, values): (Vec<_>, Vec<_>) = sets.partition(|set| TypeSet::ADDRESSES.contains(set.kind()));
        let networks = addresses.iter().flatten().filter_map(network_of);
        let (too_wide, networks): (Vec<IpNet>, Vec<IpNet>) =
            networks.partition(|network| special_purpose::is_too_wide(*network));
        Self {
            addresses: networks.into_iter().collect(),
            too_wide: too_wide.into_iter().collect(),
            values,
        }
    }

    /// Returns whether no value is harmless.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.too_wide.is_empty() && self.values.is_empty()
    }

    /// Returns whether a value of this type is harmless.
    #[must_use]
    pub fn contains(&self, kind: IndicatorType, value: &str) -> bool {
        if TypeSet::ADDRESSES.contains(kind) {
            return !(self.addresses.is_empty() && self.too_wide.is_empty())
                && network_of(value).is_some_and(|network| self.covers(network));
        }
        let mut of_its_family = self.values.iter().filter(|set| set.kind().family() == kind.family());
        of_its_family.any(|set| set.contains(value))
    }

    /// Returns the addresses of all networks that may be indicators.
    pub(crate) fn addresses(&self) -> &AddressSet {
        &self.addresses
    }

    /// Returns whether a network is harmless.
    pub(crate) fn covers(&self, network: IpNet) -> bool {
        self.addresses.covers(network) || (special_purpose::is_too_wide(network) && self.too_wide.covers(network))
    }

    /// Returns the values of a set that are not harmless.
    #[must_use]
    pub fn taken_from(&self, set: &IndicatorSet) -> IndicatorSet {
        set.retain(|value| !self.contains(set.kind(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::FalsePositives;
    use crate::IndicatorSet;
    use crate::IndicatorType::{self, Cidr4, Domain, Hostname, Ip, Ipv4, Mutex, Url};

    fn left(harmless: &[(IndicatorType, &str)], kind: IndicatorType, listed: &[&str]) -> Vec<String> {
        let harmless = FalsePositives::of(harmless.iter().map(|(kind, value)| IndicatorSet::of(*kind, [*value])));
        let left = harmless.taken_from(&IndicatorSet::of(kind, listed.iter().copied()));
        left.iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_value_counts_in_every_spelling() {
        let harmless = [
            (Ip, "192.0.2.6"),
            (Ip, "198.51.100.0/24"),
            (Ip, "203.0.113.9"),
            (Url, "http://rs.example/"),
        ];
        assert!(
            left(
                &harmless,
                Ip,
                &["192.0.2.6/32", "198.51.100.77/24", "::ffff:203.0.113.9"]
            )
            .is_empty()
        );
        assert!(left(&harmless, Url, &["http://rs.example"]).is_empty());
        assert_eq!(left(&harmless, Url, &["http://rs.example/x"]), ["http://rs.example/x"]);
    }

    #[test]
    fn a_network_removes_the_values_inside_of_it_and_no_others() {
        let harmless = [(Cidr4, "198.51.100.0/24")];
        assert_eq!(
            left(&harmless, Ipv4, &["198.51.100.7", "198.51.101.7"]),
            ["198.51.101.7"]
        );
        let networks = ["198.51.100.0/24", "198.51.100.0/25", "198.51.100.0/23", "2001:db8::/32"];
        assert_eq!(left(&harmless, Ip, &networks), ["198.51.100.0/23", "2001:db8::/32"]);
        assert_eq!(
            left(&harmless, Url, &["http://198.51.100.7/"]),
            ["http://198.51.100.7/"]
        );
    }

    #[test]
    fn a_harmless_network_that_is_too_wide_takes_out_itself_and_no_other_list() {
        let listed = ["0.0.0.0/0", "192.0.2.1", "198.51.100.0/24", "2001:db8::1", "8.0.0.0/8"];
        let others = ["192.0.2.1", "198.51.100.0/24", "2001:db8::1", "8.0.0.0/8"];
        assert_eq!(left(&[(Ip, "0.0.0.0/0"), (Ip, "::/0")], Ip, &listed), others);
        assert_eq!(left(&[(Ip, "0.0.0.0/1"), (Ip, "128.0.0.0/1")], Ip, &listed), others);
        assert_eq!(left(&[(Cidr4, "0.0.0.0/0")], Ipv4, &["192.0.2.1"]), ["192.0.2.1"]);
        assert!(left(&[(Ip, "0.0.0.0/0")], Cidr4, &["0.0.0.0/1", "0.0.0.0/0"]).is_empty());
        // The widest networks that may be indicators count as any other.
        let harmless = [(Ip, "8.0.0.0/8"), (Ip, "2003::/19")];
        assert!(left(&harmless, Ip, &["8.8.8.8", "8.0.0.0/8", "2003::1"]).is_empty());
    }

    #[test]
    fn a_family_shares_them_and_a_text_is_only_itself() {
        assert!(left(&[(Hostname, "good.example")], Domain, &["good.example"]).is_empty());
        assert_eq!(
            left(&[(Mutex, "good.example")], Domain, &["good.example"]),
            ["good.example"]
        );
    }
}
