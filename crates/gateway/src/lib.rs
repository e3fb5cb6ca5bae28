#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! A request runs one way: service (`service`), route (`routes`), grant (`auth`), engine, reply. It carries one
//! snapshot of the configuration (`configuration`) from its start to its end.
//!
//! - `routes` is a table with an entry for each route: path, methods, handler, words for the OpenAPI document.
//! - `auth` opens the token and checks it against site, expiry, revocation and address before the route looks at the
//!   request.
//! - `reply`, `reject` and `problem` are the only places that know status codes, headers and bodies of answers.
//! - `app` puts the services together; `background` starts the work beside requests.
//!
//! Logs never hold a token, a key, a path or a query of a caller: they name the route's template.

pub mod metrics;
pub mod preflight;
#[cfg(feature = "testkit")]
pub mod testkit;

mod accept;
mod accept_encoding;
mod answer_log;
mod app;
mod assets;
mod auth;
mod background;
mod body;
mod caller;
mod conditional;
mod configuration;
mod error;
mod even_time;
mod feed_tags;
mod gateway;
mod good_token;
mod hit;
mod invalid;
mod live;
mod mirror_rules;
mod notes;
mod openapi;
mod origin;
mod own_names;
mod prepared_answers;
mod problem;
mod query;
mod rate_limit;
mod ready_head;
mod ready_headers;
mod refusals;
mod reject;
mod repeated_request;
mod reply;
mod request;
mod request_time;
mod routes;
mod secret_digest;
mod service;
mod shared_cache;
mod sighting_desk;
mod snapshot_cache;
mod state_directory;
mod stored_body;
mod streams;
mod throttle;
mod token_uses;
mod withdrawals;

pub use answer_log::{AnswerLog, AnsweredRequest, AskedFeed, GivenFeed, TracingLog};
pub use background::Background;
pub use client_address::Peer;
pub use error::GatewayError;
pub use gateway::{Answering, Gateway, GatewayBuilder};
pub use notes::RequestNotes;
pub use repeated_request::{RepeatedAnswer, RepeatedRequest};
pub use reply::{Body, CutShort};
pub use service::Facts;
