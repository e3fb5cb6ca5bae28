//! What becomes of a text when another one of the feed has the same number, id or name.

/// The effect that another text of the same feed has on one: [`Exporter::rivalry`](super::Exporter::rivalry) returns
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rivalry {
    /// Only one of the two can be in the file, and it is the other one.
    Outdone {
        /// The other text.
        by: String,
        /// What both have, and why the other one is written, for example `sid 7, and its rev 2 is higher than 1`.
        why: String,
    },
    /// Both are in the file, and rules of this one have other names there, for example `a is a_7692c3ad`.
    Renamed {
        /// Each name with the new one, between commas.
        names: String,
    },
}
