//! The reach of values: networks that are too wide and addresses with a special purpose are refused.
//!
//! An operator permits such a prefix by its name (`may_block` in `agent.yaml`). The never-block list is applied
//! afterwards and is stronger than any permission: see `never_block`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use feed_classification::special_purpose::{self, SpecialPurpose};
use feed_classification::{AddressSet, IndicatorSet, IndicatorSetBuilder, TypeSet, network_of};
use ipnet::IpNet;

use crate::Values;
use cratos_client::Refusals;

/// Which addresses and names may be enforced at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The prefixes that the operator permits.
    named: Vec<IpNet>,
    /// Special-purpose addresses that the operator does not permit.
    special: AddressSet,
}

/// Why a value is refused, in whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfReach {
    /// The network is wider than one value may be.
    TooWide(IpNet),
    /// Networks of the list lie side by side and make one that is too wide; the widest of them are refused.
    UnitedTooWide(IpNet),
    /// The value lies in a special-purpose range.
    Special(&'static SpecialPurpose),
    /// The network holds a special-purpose range, which is cut out of it.
    Cut(&'static SpecialPurpose),
    /// A value of an address feed that is neither an address nor a network.
    NotAnAddress,
    /// A top-level domain or the root: blocking it blocks all names below it.
    TopLevel,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooWide(network) => write!(f, "wider than /{}", special_purpose::widest(*network)),
            Self::UnitedTooWide(network) => write!(
                f,
                "makes {network} together with other networks of the list, which is wider than /{}",
                special_purpose::widest(*network)
            ),
            Self::Special(range) => write!(f, "in {range}"),
            Self::Cut(range) => write!(f, "cut around {range}"),
            Self::NotAnAddress => f.write_str("neither an address nor a network"),
            Self::TopLevel => f.write_str("a top-level domain or the root of the DNS"),
        }
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self::new([])
    }
}

impl Reach {
    /// Returns a judge that permits these prefixes, and no others that are too wide or have a special purpose.
    ///
    /// A prefix permits networks as wide as itself and narrower. It permits special-purpose addresses only if it lies
    /// in such a range as a whole: `10.1.0.0/16` does, and `0.0.0.0/0` does not.
    #[must_use]
    pub fn new(permitted: impl IntoIterator<Item = IpNet>) -> Self {
        let named: Vec<IpNet> = permitted.into_iter().map(|network| network.trunc()).collect();
        let all = special_purpose::addresses();
        let special = all.without(&named.iter().copied().filter(|network| all.covers(*network)).collect());
        Self { named, special }
    }

    /// Returns the values that may be enforced, and those that may not with the reason for each.
    #[must_use]
    pub fn filter(&self, values: &Values) -> (Values, Refusals) {
        let mut refused = Refusals::default();
        let kept: Values = values.sets().map(|set| self.filter_set(set, &mut refused)).collect();
        (self.without_united(kept, &mut refused), refused)
    }

    fn filter_set(&self, set: &IndicatorSet, refused: &mut Refusals) -> IndicatorSet {
        let kind = set.kind();
        if TypeSet::NAMES.contains(kind) {
            return picked(
                set,
                |name| {
                    let is_top_level = !name.trim_end_matches('.').contains('.');
                    is_top_level.then_some(OutOfReach::TopLevel)
                },
                refused,
            );
        }
        if !TypeSet::ADDRESSES.contains(kind) {
            return set.clone();
        }
        let mut kept = IndicatorSetBuilder::new(kind);
        for value in set {
            match self.judged(value) {
                Ok(()) => kept.push(value),
                Err((why, left)) => {
                    refused.push(value, why);
                    left.iter().for_each(|network| kept.push(&network.to_string()));
                }
            }
        }
        kept.finish()
    }

    /// Judges one value of an address feed.
    ///
    /// # Errors
    /// The reason, and the part that remains.
    fn judged(&self, value: &str) -> Result<(), (OutOfReach, Vec<IpNet>)> {
        let nothing_of = |why| (why, Vec::new());
        let network = network_of(value).ok_or(nothing_of(OutOfReach::NotAnAddress))?;
        if special_purpose::is_too_wide(network) && !self.is_named(network) {
            return Err(nothing_of(OutOfReach::TooWide(network)));
        }
        if !self.special.overlaps(network) {
            return Ok(());
        }
        let range = special_purpose::range_of(network).ok_or(nothing_of(OutOfReach::NotAnAddress))?;
        let left = AddressSet::from_iter([network]).without(&self.special);
        if left.is_empty() {
            return Err(nothing_of(OutOfReach::Special(range)));
        }
        Err((OutOfReach::Cut(range), left.networks().collect()))
    }

    fn is_named(&self, network: IpNet) -> bool {
        self.named.iter().any(|named| named.contains(&network))
    }

    /// Removes the values that form a too wide network together with their neighbours. The widest values go first, so
    /// that a few wide networks do not take the single addresses between them out of the list.
    fn without_united(&self, mut values: Values, refused: &mut Refusals) -> Values {
        let named: AddressSet = self.named.iter().copied().collect();
        // Each round takes the widest values of every such network out, and there are 129 widths.
        for _ in 0..=128 {
            let addresses: AddressSet = networks(&values).collect();
            let united = addresses.without(&named);
            let united = united
                .networks()
                .filter(|network| special_purpose::is_too_wide(*network));
            let mut wide: BTreeMap<IpAddr, (IpNet, u8)> =
                united.map(|network| (network.network(), (network, 128))).collect();
            if wide.is_empty() {
                return values;
            }
            for network in networks(&values).filter(|network| !self.is_named(*network)) {
                if let Some((_, shortest)) = holder(&mut wide, network) {
                    *shortest = network.prefix_len().min(*shortest);
                }
            }
            let sets = values.sets().map(|set| {
                if !TypeSet::ADDRESSES.contains(set.kind()) {
                    return set.clone();
                }
                let judge = |value: &str| {
                    let network = network_of(value).filter(|network| !self.is_named(*network))?;
                    let (wide, shortest) = holder(&mut wide, network)?;
                    (network.prefix_len() == *shortest).then_some(OutOfReach::UnitedTooWide(*wide))
                };
                picked(set, judge, refused)
            });
            values = sets.collect();
        }
        values
    }
}

/// Returns the set without the values that `judge` has a reason against.
fn picked(
    set: &IndicatorSet,
    mut judge: impl FnMut(&str) -> Option<OutOfReach>,
    refused: &mut Refusals,
) -> IndicatorSet {
    let mut kept = IndicatorSetBuilder::new(set.kind());
    for value in set {
        match judge(value) {
            None => kept.push(value),
            Some(why) => refused.push(value, why),
        }
    }
    kept.finish()
}

fn networks(values: &Values) -> impl Iterator<Item = IpNet> {
    let sets = values.sets().filter(|set| TypeSet::ADDRESSES.contains(set.kind()));
    sets.flatten().filter_map(network_of)
}

/// Returns which of these networks, which do not overlap, holds the given one.
fn holder(wide: &mut BTreeMap<IpAddr, (IpNet, u8)>, network: IpNet) -> Option<&mut (IpNet, u8)> {
    let (_, candidate) = wide.range_mut(..=network.network()).next_back()?;
    candidate.0.contains(&network).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use feed_classification::IndicatorType;

    use super::*;

    fn filtered(permitted: &[&str], kind: IndicatorType, values: &[&str]) -> (Vec<String>, Vec<String>) {
        let reach = Reach::new(permitted.iter().map(|text| text.parse().unwrap()));
        let set = IndicatorSet::of(kind, values.iter().copied());
        let (kept, refused) = reach.filter(&[set].into_iter().collect());
        let kept = kept.sets().flatten().map(str::to_owned).collect();
        (kept, refused.named().iter().map(ToString::to_string).collect())
    }

    fn kept(permitted: &[&str], kind: IndicatorType, values: &[&str]) -> String {
        filtered(permitted, kind, values).0.join(" ")
    }

    #[test]
    fn the_whole_internet_is_refused_in_every_spelling() {
        use IndicatorType as Kind;
        for (kind, value, shown) in [
            (Kind::Ip, "0.0.0.0/0", "0.0.0.0/0"),
            (Kind::Ip, "::/0", "::/0"),
            (Kind::Ip, "::ffff:0:0/96", "::ffff:0.0.0.0/96"),
            (Kind::Ip, "::ffff:8.0.0.0/103", "8.0.0.0/7"),
            (Kind::Ip, "8.0.0.0/7", "8.0.0.0/7"),
            (Kind::Ip, "9.9.9.9/1", "0.0.0.0/1"),
            (Kind::Ip, "2002::/18", "2002::/18"),
            (Kind::Cidr4, "0.0.0.0/0", "0.0.0.0/0"),
            (Kind::Cidr6, "::/0", "::/0"),
            (Kind::Ipv4, "10.0.0.1", "10.0.0.1"),
            (Kind::Ipv4Ext, "192.168.0.1", "192.168.0.1"),
            (Kind::Ipv6Ext, "fd00::1", "fd00::1"),
            (Kind::Ip, "::ffff:10.0.0.1", "10.0.0.1"),
            (Kind::Ip, "64:ff9b::808:808", "64:ff9b::808:808"),
        ] {
            let (kept, refused) = filtered(&[], kind, &[value]);
            assert_eq!(
                (kept.len(), refused.len()),
                (0, 1),
                "{kind} {value}: {kept:?} {refused:?}"
            );
            assert!(refused[0].starts_with(&format!("`{shown}`: ")), "{refused:?}");
        }
        assert_eq!(
            filtered(&[], Kind::Ip, &["0.0.0.0/0", "10.0.0.1"]).1,
            [
                "`0.0.0.0/0`: wider than /8",
                "`10.0.0.1`: in 10.0.0.0/8, private use (RFC 1918)"
            ]
        );
    }

    #[test]
    fn ordinary_addresses_and_examples_pass() {
        let ordinary = [
            "192.0.2.1",
            "8.0.0.0/8",
            "2001:db8::/32",
            "203.0.113.0/24",
            "2003::/19",
            "9.9.9.9",
        ];
        let (kept, refused) = filtered(&[], IndicatorType::Ip, &ordinary);
        assert_eq!((kept.len(), refused.len()), (ordinary.len(), 0), "{refused:?}");
        assert_eq!(kept_of_mapped(), "203.0.113.9");
    }

    fn kept_of_mapped() -> String {
        kept(&[], IndicatorType::Ip, &["::ffff:203.0.113.9"])
    }

    #[test]
    fn halves_that_make_a_wide_network_are_refused_and_single_addresses_stay() {
        let halves = [
            "2.0.0.0/9",
            "2.128.0.0/9",
            "3.0.0.0/9",
            "3.128.0.0/9",
            "2.2.2.2",
            "3.3.0.0/16",
            "9.9.9.9",
        ];
        let (kept, refused) = filtered(&[], IndicatorType::Ip, &halves);
        assert_eq!(kept, ["2.2.2.2", "3.3.0.0/16", "9.9.9.9"]);
        assert_eq!(refused.len(), 4, "{refused:?}");
        assert!(refused[0].contains("makes 2.0.0.0/7 together"), "{refused:?}");
        assert_eq!(
            kept_of_neighbours(),
            "4.0.0.0/8 5.0.0.0/9",
            "less than the wider network"
        );
    }

    fn kept_of_neighbours() -> String {
        kept(&[], IndicatorType::Cidr4, &["4.0.0.0/8", "5.0.0.0/9"])
    }

    #[test]
    fn lists_of_several_types_are_united_too() {
        let (one, two) = (
            IndicatorSet::of(IndicatorType::Cidr4, ["2.0.0.0/8"]),
            IndicatorSet::of(IndicatorType::Ip, ["3.0.0.0/8", "9.9.9.9"]),
        );
        let (kept, refused) = Reach::default().filter(&[one, two].into_iter().collect());
        assert_eq!((kept.len(), refused.count()), (1, 2));
    }

    #[test]
    fn a_network_that_holds_a_special_range_is_cut_and_the_report_says_so() {
        let (kept, refused) = filtered(&[], IndicatorType::Cidr4, &["198.16.0.0/14"]);
        assert_eq!(kept, ["198.16.0.0/15"]);
        assert_eq!(
            refused,
            ["`198.16.0.0/14`: cut around 198.18.0.0/15, benchmarking (RFC 2544)"]
        );
    }

    #[test]
    fn a_prefix_that_is_permitted_by_name_passes_and_nothing_beside_it() {
        use IndicatorType::Ip;
        assert_eq!(kept(&["10.1.0.0/16"], Ip, &["10.1.2.3", "10.2.0.1"]), "10.1.2.3");
        assert_eq!(kept(&["64.0.0.0/7"], Ip, &["64.0.0.0/7", "66.0.0.0/7"]), "64.0.0.0/7");
        assert_eq!(
            kept(&["64.0.0.0/7"], Ip, &["64.0.0.0/8", "65.0.0.0/8", "66.0.0.0/8"]),
            "64.0.0.0/8 65.0.0.0/8 66.0.0.0/8"
        );
        let all = kept(&["0.0.0.0/0"], Ip, &["0.0.0.0/0"]);
        assert!(
            !all.is_empty() && !all.contains(" 10."),
            "special-purpose ranges are named by themselves: {all}"
        );
    }

    #[test]
    fn a_top_level_domain_and_the_root_are_refused() {
        let names = ["com", "com.", ".", "evil.example"];
        let (kept, refused) = filtered(&[], IndicatorType::Domain, &names);
        assert_eq!(
            (kept.join(" ").as_str(), refused.len()),
            ("evil.example", 3),
            "{refused:?}"
        );
    }

    #[test]
    fn other_types_pass_as_they_are() {
        assert_eq!(kept(&[], IndicatorType::Filename, &["0.0.0.0"]), "0.0.0.0");
    }
}
