//! Values of several lines in a format.

use crate::{IndicatorType, TypeSet};

/// How a format writes a value of several lines, for example a YARA rule.
///
/// ```
/// use feed_classification::export::{About, Multiline};
/// use feed_classification::{IndicatorType, TypeSet};
///
/// static JSON: About = About::new("json-lines", "One JSON string per line.").multiline(Multiline::Escaped);
/// static RULES: About = About::new("rules", "A file of rules.").multiline(Multiline::Verbatim(TypeSet::RULES));
/// assert!(JSON.multiline.takes(IndicatorType::Filename) && !RULES.multiline.takes(IndicatorType::Filename));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Multiline {
    /// Not at all: such a value is left out and counted as quarantined
    /// ([`QuarantineReason::LINE_BREAK`](super::QuarantineReason::LINE_BREAK)).
    LeftOut,
    /// Escaped, so that a reader gets the same text back: for example as `\n` in a JSON string, or in base64.
    Escaped,
    /// Unchanged, for these types; values of other types are left out. For rules: a rule engine reads a file of many
    /// rules, and the grammar of the rules says where one ends.
    Verbatim(TypeSet),
}

impl Multiline {
    /// Returns whether a value of this type may have several lines.
    #[must_use]
    pub const fn takes(self, kind: IndicatorType) -> bool {
        match self {
            Self::LeftOut => false,
            Self::Escaped => true,
            Self::Verbatim(types) => types.contains(kind),
        }
    }
}
