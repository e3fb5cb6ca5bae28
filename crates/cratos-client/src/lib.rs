#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod error;
mod feed;
mod lookup;
mod problem;
mod raw_answer;
mod refusals;
mod request;
mod retry;
mod sighting;
mod stream;
#[cfg(feature = "testkit")]
pub mod testkit;
mod token;
mod token_order;
mod values;

pub use client::{Builder, Client};
pub use error::Error;
pub use feed::{Feed, FeedAnswer, FeedValues};
pub use lookup::{Context, LookUp, MAX_LOOK_UP_VALUES, Match, Verdict};
pub use problem::{InvalidField, Problem};
pub use refusals::{Refusal, Refusals};
pub use retry::Retry;
pub use sighting::{MAX_SIGHTINGS, Receipt, RejectedSighting, Sighting, SightingKind};
pub use stream::{FeedState, FeedStream, StreamTiming, StreamUpdate};
pub use token::Token;
pub use token_order::{MintedToken, Scope, TokenOrder};

/// Types of other crates that appear in this crate's signatures.
pub use feed_classification::{Age, FeedName, IndicatorSet, IndicatorType, Tlp};
pub use secrecy::SecretString;
pub use url::Url;
