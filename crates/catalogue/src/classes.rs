//! Which attribute types of MISP each indicator type takes.

use std::fmt;
use std::sync::Arc;

use feed_classification::IndicatorType;
use misp_client::{brings_type, types_brought_by};

use crate::families;

/// The mappings of a site: which attribute types of MISP each indicator type takes.
///
/// As in a search of MISP, an attribute type takes in those that MISP sends along with it
/// ([`misp_client::types_brought_by`]). A catalogue is made for one set of mappings.
///
/// ```
/// use catalogue::Classes;
/// use feed_classification::IndicatorType;
///
/// let classes = Classes::defaults();
/// assert!(classes.takes(IndicatorType::Hostname, "domain|ip"));
/// assert!(!classes.takes(IndicatorType::Domain, "domain|ip"));
/// ```
#[derive(Clone)]
pub struct Classes {
    attribute_types: Arc<Vec<Vec<String>>>,
}

impl Classes {
    /// Makes them from the attribute types that a site's mappings give to each indicator type.
    #[must_use]
    pub fn new<'m>(attribute_types: impl Fn(IndicatorType) -> &'m [String]) -> Self {
        let lists = IndicatorType::ALL.iter().map(|kind| attribute_types(*kind).to_vec());
        Self {
            attribute_types: Arc::new(lists.collect()),
        }
    }

    /// Returns the built-in mappings ([`IndicatorType::default_attribute_types`]).
    #[must_use]
    pub fn defaults() -> Self {
        let lists = IndicatorType::ALL.iter().map(|kind| {
            let names = kind.default_attribute_types().iter();
            names.map(|name| (*name).to_owned()).collect()
        });
        Self {
            attribute_types: Arc::new(lists.collect()),
        }
    }

    /// Returns whether the indicator type takes this attribute type.
    #[must_use]
    pub fn takes(&self, kind: IndicatorType, attribute_type: &str) -> bool {
        self.asked(kind).iter().any(|asked| brings_type(asked, attribute_type))
    }

    /// Returns whether the indicator type takes one of the attribute types of which `is_there` is true.
    pub(crate) fn takes_any(&self, kind: IndicatorType, is_there: impl Fn(&str) -> bool) -> bool {
        self.asked(kind)
            .iter()
            .any(|asked| types_brought_by(asked).any(&is_there))
    }

    /// Returns the same for the indicator types of a family together.
    pub(crate) fn family_takes_any(&self, kind: IndicatorType, is_there: impl Fn(&str) -> bool) -> bool {
        let family = families::number_of(kind);
        let mut of_family = IndicatorType::ALL
            .iter()
            .filter(|other| families::number_of(**other) == family);
        of_family.any(|other| self.takes_any(*other, &is_there))
    }

    fn asked(&self, kind: IndicatorType) -> &[String] {
        self.attribute_types.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the families of the indicator types that take this attribute type, a bit for each.
    pub(crate) fn families_of(&self, attribute_type: &str) -> u64 {
        let takers = IndicatorType::ALL
            .iter()
            .filter(|kind| self.takes(**kind, attribute_type));
        takers.fold(0, |families, kind| families | 1 << families::number_of(*kind))
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classes").finish_non_exhaustive()
    }
}
