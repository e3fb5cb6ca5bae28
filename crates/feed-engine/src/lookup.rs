//! Look-ups of single values: whether an address, name or hash is listed, and from which events.
//!
//! A feed answers "which values", this answers "what about this value", from memory. For each feed, age and MISP key
//! the engine keeps one index over all types that can be looked up, and refreshes it like a feed. It holds the values
//! of the feeds of these types, by the same rules ([`crate::publication`], false positives by value), and the events of
//! each value. The limits of a caller are judged at each look-up: one index serves callers with all limits.

#[cfg(test)]
mod agreement;
mod builder;
mod entries;
mod feed_index;
mod feed_types;
mod index;
mod listed_values;
mod misp_index;
mod networks;

pub use builder::LookupIndexBuilder;
pub(crate) use feed_index::index_of_feeds;
pub use index::LookupIndex;
pub(crate) use misp_index::gather;
