//! The program from outside: what it prints, how it ends, and what it does with signals.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "the helpers of tests fail as tests do"
)]

mod access_log;
mod check;
mod convert;
mod demo;
#[cfg(target_os = "linux")]
mod exhaustion;
mod exit_codes;
mod explain;
mod feed;
mod handbook;
mod held_back;
mod help;
#[cfg(target_os = "linux")]
mod idle;
mod init;
mod mirror;
mod mirror_peers;
mod mirror_trials;
mod mirrored;
mod monitoring;
#[cfg(feature = "otlp")]
mod otlp;
mod recipes;
mod resolver;
mod serve;
mod sightings;
mod story;
mod support;
mod systemd;
mod tls;
mod token;
mod tokens;
mod withdrawn;
