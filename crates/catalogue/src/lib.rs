#![doc = include_str!("../README.md")]

mod answer;
mod attribute_types;
mod catalogue;
mod class;
mod classes;
mod dictionary;
mod error;
mod event;
mod explain;
mod families;
mod find;
mod guarded_ranks;
mod guarded_values;
mod harmless_cover;
mod harmless_values;
mod merge;
mod merges;
mod missing_events;
mod network_lengths;
mod omission;
mod present_state;
mod question;
mod row;
mod row_trial;
mod rule;
mod slot_set;
mod snapshot;
mod staged;
mod staging;
mod table;
mod tag_sets;
mod times;
mod writer;

// Types of these crates are in signatures here; use the same versions.
pub use {feed_classification, jiff, misp_client, misp_mirror, uuid};

pub use answer::Answer;
pub use catalogue::{Applied, Catalogue};
pub use class::Class;
pub use classes::Classes;
pub use error::{AnswerError, CatalogueError};
pub use event::Event;
pub use explain::{ExplainedAttribute, Explanation, HarmlessMark, View};
pub use find::{Finder, LOOKED_UP_FEEDS, LOOKUP_TYPES, Limits, Match, MatchedEvent, Query, Relation};
pub use omission::{Omission, OmissionReason};
pub use question::{Harmless, Publication, Question, ScoreRule, Selected};
pub use row::Row;
pub use row_trial::RowRule;
pub use snapshot::Snapshot;
pub use table::Table;
pub use tag_sets::RowTag;
