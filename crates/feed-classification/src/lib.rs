//! What a threat feed is, without any I/O: names, types, ages, tags, extraction, sets and exporters.

mod age;
mod aggregate;
mod composite;
mod dropped;
mod extract;
mod feed;
mod grammar;
mod indicator;
mod indicator_type;
mod names;
mod set;
mod tag;
mod type_set;

pub use age::Age;
pub use aggregate::aggregate;
pub use dropped::Dropped;
pub use extract::{DEFAULT_MAX_EXPAND, Extractor, MAX_RULE_BYTES, MAX_VALUE_BYTES};
pub use feed::FeedName;
pub use indicator::Indicator;
pub use indicator_type::{IndicatorType, ValueFamily};
pub use names::UnknownName;
pub use set::{IndicatorSet, IndicatorSetBuilder, Iter};
pub use tag::TagScheme;
pub use type_set::TypeSet;
