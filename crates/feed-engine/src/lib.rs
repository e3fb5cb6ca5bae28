#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! [`FeedEngine::feed`] takes a [`FeedRequest`] and returns a [`RenderedFeed`]. Each step between the two has a module:
//!
//! 1. `question`: the typed question to MISP for this feed;
//! 2. `pass`: all pages of one question; it checks every row against the question and notices rows that moved between
//!    pages;
//! 3. `filter`, `score`: the limits of the caller, and the one judge of them;
//! 4. `publication`: which events count as published, also while an analyst edits them;
//! 5. `false_positives`: values that an analyst called harmless anywhere at this site;
//! 6. `feed_contents`, `feed_set`: the sorted unique values, and the time of their last change;
//! 7. `bodies`, `answer`: validators and numbers without the bytes, and the bytes in the consumer's format;
//! 8. `engine`: memory, freshness, and one flight per feed around all of it; `engine::listeners` follows feeds and
//!    refreshes those that MISP hints at, `engine::lookups` and `engine::held_indexes` keep indexes for look-ups;
//! 9. `changes`: the differences between two states of a feed;
//! 10. `errand`, `turns`, `round`, `judgement`: the order of questions to one MISP, and the questions that the feeds of
//!     one round share;
//! 11. `lookup`: single values, in the catalogue of a mirror or in one of gathered rows (`gathered_rows`, `misp_rows`).
//!
//! [`IndicatorSource`] is the one trait between the engine and its indicators; [`MispSource`] is the implementation
//! that asks MISP. It works on threads of its own (`workshop`). Other work that takes long runs on blocking threads
//! (`blocking_work`), so that the caller's runtime can serve sockets.

mod answer;
mod blocking_work;
mod bodies;
mod caller_id;
mod catalogue_question;
mod change_listener;
mod changes;
mod digest;
mod drop_list;
mod encoding;
mod engine;
mod errand;
mod error;
mod event_rows;
mod explain;
mod false_positives;
mod feed_contents;
mod feed_key;
mod feed_set;
mod feed_values;
mod filter;
mod gathered_rows;
mod hashed_key;
mod held_back;
mod judgement;
mod long_list;
mod lookup;
mod loss;
mod mirror;
mod misp_breakers;
mod misp_clients;
mod misp_connections;
mod misp_facts;
mod misp_places;
mod misp_rows;
mod misp_source;
mod model_fault;
mod models;
mod omission;
mod origin;
mod paces;
mod page_events;
mod pass;
mod places;
mod provenance;
mod publication;
mod question;
mod recent_requests;
mod refreshes;
mod request;
mod round;
mod row_list;
mod rows;
mod score;
mod shared_sets;
mod site_health;
mod source;
mod tagged_events;
mod turns;
mod upstream;
mod used_longest_ago;
mod value_type;
mod way;
mod withdrawals;
mod workshop;

pub use answer::{Counts, FeedBody, FeedHead, LengthLimit, RenderedFeed};
pub use bodies::FeedStream;
pub use cache::{Clock, ManualClock, Moment, MonotonicClock, Sleep};
pub use caller_id::CallerId;
pub use catalogue::{
    ExplainedAttribute, Explanation, HarmlessMark, LOOKUP_TYPES, Match, MatchedEvent, Query, Relation, RowRule, View,
};
pub use change_listener::ChangeListener;
pub use changes::{Change, Delta, Follower, Rendering, Snapshot};
pub use drop_list::{DropList, MAX_NAMED, RecordingSource};
pub use encoding::Encoding;
pub use engine::{FeedEngine, FeedEngineBuilder, FeedExplanation, PreparedFeed};
pub use errand::{Errand, Urgency};
pub use error::{Fault, FeedError};
pub use explain::{OutputEffect, ReasonedAttribute, Reasons};
pub use feed_contents::FeedContents;
pub use feed_set::FeedSet;
pub use feed_values::FeedValues;
pub use filter::{Filter, Judge};
pub use held_back::HeldBack;
pub use lookup::{LookupIndex, LookupIndexBuilder};
pub use mirror::{MirrorKeys, MirrorSource, MirrorState};
pub use misp_breakers::Suspensions;
pub use misp_client::Protocol;
pub use misp_source::MispSource;
pub use model_fault::ModelFault;
pub use models::scorer_named;
pub use omission::Omission;
pub use origin::Origin;
pub use paces::SitePages;
pub use recent_requests::ChangeHint;
pub use refreshes::{HeldFeed, SiteRefreshes};
pub use request::{FeedRequest, FeedScope, LookupScope, MAX_LIMIT, Selection};
pub use score::{MinScore, NotAScore, ScoreLimit, Unscored};
pub use source::{ExplainFuture, GatherFuture, IndexFuture, IndicatorSource};
pub use turns::Turn;
pub use upstream::{Upstream, UpstreamNameError};
pub use way::{DirectReason, MirrorPhase, MirrorStanding, MirrorStatus, Way};
