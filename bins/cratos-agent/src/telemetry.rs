//! The log on standard error, as text or as JSON.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts the log. Detailed events of HTTP libraries stay out of it: they hold heads of requests, and so tokens.
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
