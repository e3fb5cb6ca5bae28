#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! A question is a value (`search`, `endpoints`), made without I/O; `transport` sends it; `json` reads the answer while
//! it arrives; `paging`, `page_reader` and `pages` continue until there is a clean end; `pace` chooses the size of
//! pages; `refusal` and `error` distinguish failures. `live` reads what MISP publishes over ZeroMQ. `decay` computes
//! the score of an attribute, and `warninglist` judges a value as MISP does.

mod address;
mod attribute;
mod attribute_list;
mod batch;
mod batches;
#[cfg(feature = "blocking")]
pub mod blocking;
mod breaker;
mod breakers;
mod client;
mod connections;
mod decay;
mod endpoints;
mod error;
mod event;
mod event_pages;
mod event_summary;
mod json;
mod live;
mod object;
mod organisation;
mod pace;
mod page_reader;
mod page_target;
mod pages;
mod paging;
mod progress;
mod reader;
mod refusal;
mod request;
mod retry;
mod row;
mod row_scan;
mod search;
mod search_time;
mod seen_ids;
mod tag;
mod traffic;
mod transport;
mod warning;
pub mod warninglist;

// Types of these crates are in signatures here; use the same versions.
pub use {futures_core, secrecy, serde_json, uuid};

pub use address::{AuthKey, BaseUrl};
pub use attribute::Attribute;
pub use batch::Batch;
pub use breaker::{Breaker, BreakerEvent, BreakerPolicy};
pub use client::{Client, ClientBuilder};
pub use connections::Connections;
pub use decay::{DecayingModel, ModelError, Score, ScoreTimes, Scorer, TagScore};
pub use endpoints::*;
pub use error::{Error, ErrorKind, Fault};
pub use event::Event;
pub use event_pages::{EventPages, EventProgress};
pub use event_summary::EventSummary;
pub use live::message::{Action, EventNotice, Message, MessageError, ObjectNotice, SightingNotice, TagNotice};
#[cfg(feature = "zeromq")]
pub use live::subscription::{LinkError, LiveAddress, Notice, Subscription};
pub use object::Object;
pub use organisation::Organisation;
pub use pace::{PagePace, PageTimes};
pub use pages::AttributePages;
pub use progress::{PageEnd, Place, Progress};
pub use reader::AttributeReader;
pub use retry::RetryPolicy;
pub use row::AttributeRow;
pub use search::{AttributeSearch, Deleted, Order, Published, Stray, brings_type, types_brought_by};
pub use tag::Tag;
pub use traffic::Traffic;
pub use web_protocol::{Protocol, UnknownProtocol};
