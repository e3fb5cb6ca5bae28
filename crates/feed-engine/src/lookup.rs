//! Look-ups of single values: whether an address, name or hash is listed, and from which events.
//!
//! A feed answers "which values", this answers "what about this value", from a catalogue in memory. With a mirror that
//! is the catalogue of its feeds, and an index holds the rules of a feed only: each look-up takes the present state.
//! Without one, the rows of the feed over all types that can be looked up are gathered from MISP into a catalogue of
//! their own, and the index is refreshed like a feed; a source of another kind hands its values over in the same form
//! ([`LookupIndexBuilder`]). The limits of a caller are judged at each look-up: one index serves callers with all
//! limits.

mod builder;
mod feed_index;
mod index;
mod kept_index;
mod misp_index;

pub use builder::LookupIndexBuilder;
pub(crate) use feed_index::index_of_feeds;
pub use index::LookupIndex;
pub(crate) use index::Rules;
pub(crate) use kept_index::KeptIndex;
pub(crate) use misp_index::gather;
