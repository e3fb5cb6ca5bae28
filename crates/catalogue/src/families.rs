//! Families of indicator types by number.

use feed_classification::{Extractor, IndicatorType, ValueFamily};

/// Number of families: addresses, names, and a place for each single type.
pub(crate) const FAMILIES: usize = 2 + IndicatorType::ALL.len();

// One bit for each family.
const _: () = assert!(FAMILIES <= u64::BITS as usize);

/// Returns the number of the family of this type, below [`FAMILIES`].
pub(crate) const fn number_of(kind: IndicatorType) -> usize {
    match kind.family() {
        ValueFamily::Address => 0,
        ValueFamily::Name => 1,
        _ => 2 + kind as usize,
    }
}

/// Returns the type as which the values of a family are kept. For addresses it takes every address and network, so that
/// the values of the other types can be derived from its values.
pub(crate) const fn kept_as(kind: IndicatorType) -> IndicatorType {
    match kind.family() {
        ValueFamily::Address => IndicatorType::Ip,
        ValueFamily::Name => IndicatorType::Hostname,
        _ => kind,
    }
}

/// Returns the type as which the values of the family with this number are kept; nothing for a number without a family.
pub(crate) fn kept_in(number: usize) -> Option<IndicatorType> {
    let kind = IndicatorType::ALL.iter().find(|kind| number_of(**kind) == number)?;
    Some(kept_as(*kind))
}

/// Returns the extractor of the family with this number; nothing for a number without a family.
pub(crate) fn extractor(number: usize) -> Option<Extractor> {
    kept_in(number).map(Extractor::new)
}
