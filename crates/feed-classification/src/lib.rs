#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | topic | type |
//! | --- | --- |
//! | the feed, its values, how recent they are | [`FeedName`], [`IndicatorType`], [`Age`] |
//! | tags of MISP | [`TagScheme`] |
//! | attribute types of MISP | [`AttributeType`] |
//! | indicators out of an attribute | [`Extractor`], [`DropReason`] |
//! | spellings of one thing | [`canonical_key`], [`url_host`] |
//! | the values of a feed | [`IndicatorSet`], [`IndicatorSetBuilder`], [`aggregate()`] |
//! | when they changed, and the newest of them | [`ValueTimes`], [`Newest`] |
//! | addresses and networks united, cut, searched | [`AddressSet`] |
//! | values that an analyst marked as harmless | [`FalsePositives`] |
//! | addresses that cannot be indicators | [`special_purpose`] |
//! | values that must not leave a site | [`Guard`], [`GuardRules`], [`NeverExport`] |
//! | the bytes for a consumer | [`Exporter`], [`Registry`], [`export`] |
//!
//! # Your own feeds, types and formats
//!
//! | wanted | without a fork |
//! | --- | --- |
//! | a feed with a tag of your own | [`FeedName::Cust1`] to [`FeedName::Cust5`]; [`TagScheme::new`] takes the tags |
//! | values of another attribute type of MISP in a feed | give its name to [`Extractor::extract`]; in cratosd list it in `mappings.yaml` |
//! | another format | implement [`Exporter`] and add it with [`Registry::with`] |
//! | another indicator type | see below |
//!
//! Feed names and indicator types are closed sets, on purpose. The attribute types of MISP decide them: each indicator
//! type is a list of attribute types ([`AttributeType`]) with a grammar for their values. Beside that a type has a
//! family for false positives, its place in [`TypeSet`] (a constant of 64 bits, so that an exporter declares its types
//! without a start-up step) and a name in tokens, configuration files and look-ups. If one of these parts knew a name
//! and another did not, a feed would be silently empty or a limit silently open. So a new type is a change of this
//! crate: a variant, a row of the table and a grammar, and the compiler names every other place.
//!
//! A program with values of another kind keeps its own type and uses the parts around it. Values of one line, for
//! example AS numbers, which MISP keeps in attributes of the type `AS`, pass the grammar of texts:
//!
//! ```
//! use feed_classification::{Extractor, IndicatorSetBuilder, IndicatorType};
//!
//! // The type with the most general grammar: a text of one line.
//! const TEXT: IndicatorType = IndicatorType::Mutex;
//!
//! let mut numbers = IndicatorSetBuilder::new(TEXT);
//! for attribute in ["64511", " 64496", "64496"] {
//!     Extractor::new(TEXT).extract("AS", attribute, &mut |value| numbers.push(value))?;
//! }
//! assert!(numbers.finish().iter().eq(["64496", "64511"]));
//! # Ok::<(), feed_classification::DropReason>(())
//! ```
//!
//! # Features
//!
//! `testkit` (off by default): [`export`]`::testkit`, the tests that every exporter has to pass.

mod address_set;
mod age;
mod aggregate;
mod attribute_type;
mod canonical;
mod composite;
mod drop_reason;
pub mod export;
mod extract;
mod false_positives;
mod feed;
mod grammar;
mod guard;
mod indicator;
mod indicator_type;
mod names;
mod newest;
mod set;
pub mod special_purpose;
mod tag;
mod type_set;
mod value_family;
mod value_times;

pub use address_set::{AddressSet, network_of};
pub use age::Age;
pub use aggregate::{AGGREGABLE, aggregate};
pub use attribute_type::AttributeType;
pub use canonical::{canonical_key, url_host};
pub use drop_reason::DropReason;
pub use export::{
    About, ExportCounts, ExportOption, Exporter, FeedInfo, Multiline, Options, QuarantineReason, Registry,
};
pub use extract::{DEFAULT_MAX_EXPAND, Extractor, MAX_RULE_BYTES, MAX_VALUE_BYTES};
pub use false_positives::FalsePositives;
pub use feed::FeedName;
pub use guard::{
    Guard, GuardRule, GuardRules, Guarded, GuardedBuilder, MAX_PARTS, NeverExport, NotExportable, OwnValue, Verdict,
};
pub use indicator::Indicator;
pub use indicator_type::IndicatorType;
pub use names::UnknownName;
pub use newest::Newest;
pub use set::{IndicatorSet, IndicatorSetBuilder, Iter, ValueList};
pub use tag::TagScheme;
pub use tlp::{Tlp, UnknownTlp};
pub use type_set::TypeSet;
pub use value_family::ValueFamily;
pub use value_times::ValueTimes;
