#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! [`FeedEngine::feed`] takes a [`FeedRequest`] and gives a [`RenderedFeed`]. Between the two, each step in a file of its own:
//!
//! 1. `question`: what MISP is asked for this feed (design of the question in the module's documentation);
//! 2. `pass`: all pages of one question, every row held against the question, moved rows noticed;
//! 3. `filter`: the limits of whoever asks, and the one judge of them;
//! 4. `publication`: which events count as published, also while an analyst edits them;
//! 5. `false_positives`: values that an analyst called harmless anywhere at this site;
//! 6. `feed_set`: the sorted unique values, and since when they are what they are;
//! 7. `bodies`, `rendered`: validators and numbers without the bytes, and the bytes in the consumer's format;
//! 8. `engine`: memory, freshness, and one flight per feed around all of it;
//! 9. `changes`, `following`, `asked`: what came and went in a feed, for its listeners, and which feeds a change in MISP touches;
//! 10. `errand`, `turns`, `round`, `afterwards`: who is asked for first at MISP, and what the feeds of one round of refreshes share;
//! 11. `lookup`: an index over single values, for whoever asks about one.
//!
//! Where indicators come from is one trait, [`IndicatorSource`]; [`MispSource`] is the one that asks MISP. It works on threads of its own
//! (`workshop`); what else takes long runs on blocking threads (`aside`), so that the caller's runtime can serve sockets.

mod afterwards;
mod aside;
mod asked;
mod bodies;
mod changes;
mod encoding;
mod engine;
mod errand;
mod error;
mod false_positives;
mod feed_set;
mod feed_values;
mod filter;
mod following;
mod left_out;
mod lookup;
mod misp_source;
mod models;
mod observed;
mod paces;
mod pass;
mod publication;
mod question;
mod rendered;
mod request;
mod round;
mod rows;
mod score;
mod shared_sets;
mod source;
mod tagged_events;
mod turns;
mod upstream;
mod withdrawals;
mod workshop;

pub use asked::Touched;
pub use bodies::FeedStream;
pub use cache::{Clock, ManualClock, Moment, MonotonicClock, Sleep};
pub use changes::{Change, Delta, Follower, Rendering, Snapshot};
pub use encoding::Encoding;
pub use engine::{FeedEngine, FeedEngineBuilder};
pub use errand::{Errand, Urgency};
pub use error::{Fault, FeedError};
pub use feed_set::FeedSet;
pub use feed_values::FeedValues;
pub use filter::{Filter, Judge};
pub use left_out::LeftOut;
pub use lookup::{LOOKUP_TYPES, LookupIndex, LookupIndexBuilder, LookupScope, Match, MatchedEvent, Query, Relation};
pub use misp_client::Protocol;
pub use misp_source::MispSource;
pub use models::{ModelFault, scorer_named};
pub use observed::{HeldFeed, SiteRefreshes};
pub use paces::SitePages;
pub use rendered::{Counts, FeedBody, FeedHead, Origin, RenderedFeed};
pub use request::{FeedRequest, FeedScope, Selection};
pub use score::{MinScore, NotAScore, ScoreLimit, Unscored};
pub use source::{Gathered, Gathering, Indexing, IndicatorSource};
pub use upstream::{Upstream, UpstreamNameError};
