//! The log: to standard error, for people or as JSON.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging. HTTP libraries are kept from their fine-grained events, which have heads of requests in them.
pub(crate) fn start(format: LogFormat, default: &str) -> Result<(), String> {
    let level = match std::env::var("RUST_LOG") {
        Ok(level) if !level.is_empty() => level,
        _ => default.to_owned(),
    };
    let level = format!("{level},h2=info,hyper=info,hyper_util=info,reqwest=info");
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| format!("RUST_LOG: {error}: write a level such as `debug`"))?;
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry();
    let started = match format {
        LogFormat::Text => registry
            .with(layer.with_ansi(io::stderr().is_terminal()).with_filter(filter))
            .try_init(),
        LogFormat::Json => registry
            .with(layer.json().flatten_event(true).with_filter(filter))
            .try_init(),
    };
    started.map_err(|error| error.to_string())
}
