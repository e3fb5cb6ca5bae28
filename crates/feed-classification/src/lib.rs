//! What a threat feed is, without any I/O: names, types, ages, tags, extraction, sets and exporters.

mod age;
mod feed;
mod indicator_type;
mod names;
mod tag;
mod type_set;

pub use age::Age;
pub use feed::FeedName;
pub use indicator_type::{IndicatorType, ValueFamily};
pub use names::UnknownName;
pub use tag::TagScheme;
pub use type_set::TypeSet;
