//! The types of feeds that take each attribute type of MISP.

use std::collections::HashMap;

use feed_classification::{IndicatorType, TypeSet};
use misp_client::types_brought_by;
use site_config::Mappings;

/// The types that take an attribute, by the attribute types that come when MISP is asked by a site's mappings. A feed
/// takes all attributes that answer its question, so a look-up has to know the same.
#[derive(Debug, Default)]
pub(super) struct FeedTypes(HashMap<String, TypeSet>);

impl FeedTypes {
    /// Returns the attribute types that the feeds of these types take, each by its own line of the mappings.
    pub(super) fn feeds(mappings: &Mappings, kinds: &[IndicatorType]) -> Self {
        let mut taken: HashMap<String, TypeSet> = HashMap::new();
        for &kind in kinds {
            let asked = mappings.attribute_types(kind).iter();
            for brought in asked.flat_map(|asked| types_brought_by(asked)) {
                let by = taken.entry(brought.to_ascii_lowercase()).or_default();
                *by = by.union(TypeSet::of(&[kind]));
            }
        }
        Self(taken)
    }

    /// Returns the same, but for all types of a family where one of them takes an attribute: a false positive reaches
    /// the whole family.
    pub(super) fn families(mappings: &Mappings, kinds: &[IndicatorType]) -> Self {
        let Self(mut taken) = Self::feeds(mappings, kinds);
        for by in taken.values_mut() {
            *by = by.iter().fold(*by, |by, kind| by.union(kind.family().types()));
        }
        Self(taken)
    }

    /// Returns the types that take attributes of this type; as in MISP, case does not count.
    pub(super) fn of(&self, attribute_type: &str) -> TypeSet {
        let known = self.0.get(attribute_type);
        let known = known.or_else(|| self.0.get(&attribute_type.to_ascii_lowercase()));
        known.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::IndicatorType::{Cidr4, Domain, EmailAddress, Hostname, Ip};

    use super::*;

    fn mappings() -> Mappings {
        Mappings::from_yaml("types: {email-address: [Email-Src], cidr4: [ip-src, other], hostname: [hostname]}")
            .unwrap()
    }

    #[test]
    fn an_attribute_is_taken_by_the_types_whose_question_brings_it() {
        let taken = FeedTypes::feeds(&mappings(), &[EmailAddress, Cidr4, Ip, Domain]);
        assert_eq!(taken.of("email"), TypeSet::of(&[EmailAddress]));
        assert_eq!(taken.of("EMAIL-SRC"), TypeSet::of(&[EmailAddress]));
        assert_eq!(taken.of("ip-src"), TypeSet::of(&[Cidr4, Ip]));
        assert_eq!(taken.of("other"), TypeSet::of(&[Cidr4]));
        for none in ["email-dst", "hostname", ""] {
            assert_eq!(taken.of(none), TypeSet::NONE, "{none}");
        }
    }

    #[test]
    fn a_false_positive_reaches_the_whole_family() {
        let taken = FeedTypes::families(&mappings(), &[Cidr4, Hostname]);
        assert_eq!(taken.of("other"), TypeSet::ADDRESSES);
        assert_eq!(taken.of("hostname"), TypeSet::of(&[Domain, Hostname]));
    }
}
