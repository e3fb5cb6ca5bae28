//! Families of indicator types: types whose values name the same things.

use crate::{IndicatorType, TypeSet};

/// Types whose values name the same things, so that a false positive of one type is a false positive of the others.
///
/// For example `192.0.2.1` is the same address in an `ipv4` and in an `ip` feed. A text that is both a mutex and a file
/// name is two things.
///
/// ```
/// use feed_classification::{IndicatorType, ValueFamily};
///
/// assert_eq!(IndicatorType::Ipv4.family(), ValueFamily::Address);
/// assert_eq!(IndicatorType::Domain.family(), IndicatorType::Hostname.family());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ValueFamily {
    /// Addresses and networks: [`TypeSet::ADDRESSES`].
    Address,
    /// Names of the DNS: `domain` and `hostname`.
    Name,
    /// One type on its own.
    Only(IndicatorType),
}

impl ValueFamily {
    /// Returns the types that belong to this family.
    #[must_use]
    pub const fn types(self) -> TypeSet {
        match self {
            Self::Address => TypeSet::ADDRESSES,
            Self::Name => TypeSet::NAMES,
            Self::Only(kind) => TypeSet::of(&[kind]),
        }
    }
}

impl IndicatorType {
    /// Returns the family of types that share false positives with this one.
    #[must_use]
    pub const fn family(self) -> ValueFamily {
        if TypeSet::ADDRESSES.contains(self) {
            ValueFamily::Address
        } else if TypeSet::NAMES.contains(self) {
            ValueFamily::Name
        } else {
            ValueFamily::Only(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IndicatorType, TypeSet, ValueFamily};

    #[test]
    fn a_type_belongs_to_its_own_family() {
        for kind in IndicatorType::ALL {
            assert!(kind.family().types().contains(*kind), "{kind}");
        }
        assert_eq!(IndicatorType::Cidr6.family(), ValueFamily::Address);
        assert_eq!(IndicatorType::Hostname.family(), IndicatorType::Domain.family());
        assert_eq!(
            IndicatorType::Yara.family().types(),
            TypeSet::of(&[IndicatorType::Yara])
        );
    }
}
