#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! A request runs one way: socket (`server`), route (`routes`), grant (`auth`), engine, reply. [`App`] holds what every request
//! needs, a [`server::Server`] gives it sockets; [`cli`] is the command line around both.
//!
//! - `routes` is one closed enum with a file for each route; everything that is wrong with a path or a query is told there;
//! - `auth` opens the token and checks it against site, expiry, revocation and address before anything else is looked at;
//! - `reply` and `reject` are the only places that know status codes, headers and bodies of answers.
//!
//! No token, key, path or query of a caller is ever logged: the log names the route's template.

pub mod cli;
pub mod exit;
pub mod server;
pub mod telemetry;
mod tls;
mod withdrawals;

mod accept;
mod accept_encoding;
mod access_log;
mod app;
mod assets;
mod auth;
mod background;
mod body;
mod caller;
mod conditional;
mod configuration;
mod error;
mod feed_tags;
mod front_metrics;
mod invalid;
mod live;
mod metrics;
mod noted;
mod openapi;
mod origin;
mod problem;
mod proxies;
mod query;
mod rate_limit;
mod refusals;
mod reject;
mod reply;
mod request;
mod routes;
mod service;
mod shared_cache;
mod sighting_desk;
mod state_directory;
mod streams;
mod throttle;

pub use app::App;
pub use error::AppError;
