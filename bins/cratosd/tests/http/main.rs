//! The daemon over real sockets against a MISP stand-in: one file per resource.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod addresses;
mod api_pages;
mod campaigns;
mod check;
mod clear_cache;
mod compression;
mod conditional;
mod feeds;
mod flights;
mod floods;
mod graylog;
mod hostile;
mod legacy;
mod limits;
mod live;
mod lookup;
mod metrics;
mod minting;
mod misp_in_trouble;
mod nginx;
mod openapi;
mod proxies;
mod reload;
mod scopes;
mod shared_cache;
mod shutdown;
mod static_files;
mod stream;
mod support;
mod tls;
mod token_form;
mod token_transports;
mod tokenless;
mod vendors;
mod warninglists;
