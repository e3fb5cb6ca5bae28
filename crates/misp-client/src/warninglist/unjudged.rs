//! What a matcher leaves to MISP.

use std::fmt;

/// A list, or one entry of it, that a matcher does not judge. Ask MISP for the hits of that list, for example with
/// [`AttributeSearch::include_warninglist_hits`](crate::AttributeSearch::include_warninglist_hits).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unjudged {
    /// MISP's number of the list.
    pub list_id: u64,
    /// Name of the list.
    pub list_name: String,
    /// The entry; `None` if no entry of the list is judged.
    pub entry: Option<String>,
    /// Why.
    pub reason: UnjudgedReason,
}

/// Why a matcher does not judge a list or an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnjudgedReason {
    /// The kind of the list is none of the five that MISP 2.5 has.
    UnknownKind,
    /// The expression has a part that Rust's `regex` does not have or takes in another sense; the text names it.
    Expression(&'static str),
    /// The expression would take too much memory.
    ExpressionTooLarge,
    /// The lists would take more memory than the builder allows.
    TooLarge,
    /// The matcher has as many lists as it can hold.
    TooManyLists,
}

impl fmt::Display for UnjudgedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind => f.write_str("the kind of the list is unknown"),
            Self::Expression(part) => write!(f, "the expression cannot be judged here: {part}"),
            Self::ExpressionTooLarge => f.write_str("the expression is too large"),
            Self::TooLarge => f.write_str("the lists are larger than the matcher may be"),
            Self::TooManyLists => f.write_str("there are more lists than a matcher can hold"),
        }
    }
}

impl fmt::Display for Unjudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warninglist {} ({})", self.list_id, self.list_name)?;
        if let Some(entry) = &self.entry {
            write!(f, ", entry {entry:?}")?;
        }
        write!(f, ": {}", self.reason)
    }
}
