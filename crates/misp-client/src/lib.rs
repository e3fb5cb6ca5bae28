#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! A question is a value (`search`, `endpoints`), made without I/O; `transport` sends it; `json` takes the answer apart while it
//! arrives; `paging` and `pages` go on until there is a clean end, `pace` says how large pages should be; `refusal` and `error` tell apart what may go wrong. `live` is what a
//! MISP tells by itself over ZeroMQ. `decay` reckons what an attribute is worth today.

mod address;
mod attribute;
mod client;
mod decay;
mod endpoints;
mod error;
mod json;
mod live;
mod pace;
mod pages;
mod paging;
mod reader;
mod refusal;
mod request;
mod retry;
mod search;
mod transport;

pub use address::{AuthKey, BaseUrl};
pub use attribute::{Attribute, EventSummary, Tag};
pub use client::{Client, ClientBuilder};
pub use decay::{DecayingModel, ModelError, Score, Scorer};
pub use endpoints::event_index::{EventEntry, EventIndex, EventIndexAnswer, EventList};
pub use endpoints::event_metadata::{EventMetadata, EventSearch};
pub use endpoints::me::{Me, Organisation, Role};
pub use endpoints::sightings::{SightingAnswer, SightingKind, SightingReport};
pub use endpoints::statistics::CountedBy;
pub use endpoints::version::MispVersion;
pub use endpoints::warninglists::{Warninglist, WarninglistEntries, WarninglistEntry};
pub use error::{Error, ErrorKind, Fault};
pub use live::message::{Action, EventNotice, Message, MessageError, ObjectNotice, SightingNotice, TagNotice};
#[cfg(feature = "zeromq")]
pub use live::subscription::{LinkError, LiveAddress, Notice, Subscription};
pub use pace::{PagePace, PageTimes};
pub use pages::{AttributePages, Batch, PageEnd, Place, Progress};
pub use reader::AttributeReader;
pub use search::{AttributeSearch, Deleted, Order, Published, Stray, brings_type, types_brought_by};
pub use web_protocol::{Protocol, UnknownProtocol};
