#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! | question | type |
//! | --- | --- |
//! | which feed, which values, how recent | [`FeedName`], [`IndicatorType`], [`Age`] |
//! | which tag of MISP | [`TagScheme`] |
//! | which attribute types of MISP | [`AttributeType`] |
//! | from attribute to indicators | [`Extractor`], [`Dropped`] |
//! | two spellings of one thing | [`canonical_key`], [`url_host`] |
//! | the values of a feed | [`IndicatorSet`], [`IndicatorSetBuilder`], [`aggregate()`] |
//! | addresses and networks united, cut, searched | [`AddressSet`] |
//! | values that an analyst called harmless | [`FalsePositives`] |
//! | addresses that no indicator can mean | [`special_purpose`] |
//! | bytes for a consumer | [`Exporter`], [`Registry`], [`export`] |
//!
//! # Features
//!
//! `testkit` (off by default): [`export`]`::testkit`, the battery that every exporter has to pass.

mod address_set;
mod age;
mod aggregate;
mod attribute_type;
mod canonical;
mod composite;
mod dropped;
pub mod export;
mod extract;
mod false_positives;
mod feed;
mod grammar;
mod indicator;
mod indicator_type;
mod names;
mod set;
pub mod special_purpose;
mod tag;
mod type_set;

pub use address_set::{AddressSet, network_of};
pub use age::Age;
pub use aggregate::{AGGREGABLE, aggregate};
pub use attribute_type::AttributeType;
pub use canonical::{canonical_key, url_host};
pub use dropped::Dropped;
pub use export::{About, Exported, Exporter, FeedInfo, Multiline, Quarantined, Registry};
pub use extract::{DEFAULT_MAX_EXPAND, Extractor, MAX_RULE_BYTES, MAX_VALUE_BYTES};
pub use false_positives::FalsePositives;
pub use feed::FeedName;
pub use indicator::Indicator;
pub use indicator_type::{IndicatorType, ValueFamily};
pub use names::UnknownName;
pub use set::{IndicatorSet, IndicatorSetBuilder, Iter};
pub use tag::TagScheme;
pub use tlp::{Tlp, UnknownTlp};
pub use type_set::TypeSet;
