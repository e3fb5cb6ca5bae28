//! A set of indicator types in eight bytes.

use std::fmt;

use crate::IndicatorType;

/// A set of indicator types, small enough to copy and to build in a constant.
///
/// ```
/// use feed_classification::{IndicatorType, TypeSet};
///
/// const WITHOUT_URLS: TypeSet = TypeSet::ALL.without(TypeSet::of(&[IndicatorType::Url]));
/// assert!(WITHOUT_URLS.contains(IndicatorType::Domain) && !WITHOUT_URLS.contains(IndicatorType::Url));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TypeSet(u64);

// One bit per type; the compiler refuses to build once there are more types than bits.
const _: () = assert!(IndicatorType::ALL.len() <= u64::BITS as usize);

impl TypeSet {
    /// No type.
    pub const NONE: Self = Self(0);

    /// Every type.
    pub const ALL: Self = Self::of(IndicatorType::ALL);

    /// Types whose values are addresses or networks.
    pub const ADDRESSES: Self = Self::of(&[
        IndicatorType::Ipv4Ext,
        IndicatorType::Ipv4,
        IndicatorType::Ipv6,
        IndicatorType::Cidr4,
        IndicatorType::Cidr6,
        IndicatorType::Ipv6Ext,
        IndicatorType::Ip,
    ]);

    /// Types whose values are names of the DNS.
    pub const NAMES: Self = Self::of(&[IndicatorType::Domain, IndicatorType::Hostname]);

    /// Types whose values are rules: texts that may have many lines and are never changed.
    pub const RULES: Self = Self::of(&[IndicatorType::Snort, IndicatorType::Yara, IndicatorType::Sigma]);

    /// Returns the set of the given types.
    #[must_use]
    pub const fn of(kinds: &[IndicatorType]) -> Self {
        let mut bits = 0;
        let mut rest = kinds;
        while let [kind, tail @ ..] = rest {
            bits |= 1 << (*kind as u64);
            rest = tail;
        }
        Self(bits)
    }

    /// Returns whether the set holds `kind`.
    #[must_use]
    pub const fn contains(self, kind: IndicatorType) -> bool {
        self.0 & (1 << (kind as u64)) != 0
    }

    /// Returns the types that are in one of the two sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the types of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns how many types the set holds.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns whether the set holds no type.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the types of the set, in the order of [`IndicatorType::ALL`].
    pub fn iter(self) -> impl Iterator<Item = IndicatorType> + Clone {
        IndicatorType::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

impl fmt::Debug for TypeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<IndicatorType> for TypeSet {
    fn from_iter<I: IntoIterator<Item = IndicatorType>>(kinds: I) -> Self {
        kinds
            .into_iter()
            .fold(Self::NONE, |set, kind| set.union(Self::of(&[kind])))
    }
}

#[cfg(test)]
mod tests {
    use super::TypeSet;
    use crate::IndicatorType;

    #[test]
    fn all_holds_every_type_once() {
        assert_eq!(TypeSet::ALL.len(), IndicatorType::ALL.len());
        assert!(TypeSet::ALL.iter().eq(IndicatorType::ALL.iter().copied()));
        assert_eq!(TypeSet::ALL.iter().collect::<TypeSet>(), TypeSet::ALL);
    }

    #[test]
    fn union_and_without_undo_each_other_on_disjoint_sets() {
        let both = TypeSet::RULES.union(TypeSet::NAMES);
        assert_eq!(both.len(), 5);
        assert_eq!(both.without(TypeSet::NAMES), TypeSet::RULES);
        assert!(TypeSet::RULES.without(both).is_empty());
    }
}
