//! Some rows of a search.

use crate::Attribute;

/// Some rows of one page, in the order in which MISP sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The page of the rows, counted from 1. A page that the client requests again with fewer rows keeps its number.
    pub page: u32,
    /// The rows; never empty.
    pub attributes: Vec<Attribute>,
}
