//! The log: to standard error, for people or as JSON.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, FilterFn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::exit::Failure;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    /// One line for people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line, with the fields of the event beside `timestamp`, `level`, `target` and `message`.
    Json,
}

/// HTTP libraries that write heads of requests, and so tokens and keys, into their own fine-grained events.
const HUSHED: &[&str] = &["h2", "hyper"];

/// Lines that wait for whoever reads standard error; each is shorter than a few KiB.
const QUEUE: usize = 8_192;

/// Counts what found no room in the queue.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Who waits while standard error takes no more: a terminal that was stopped, a journal that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Whoever has something to log. For programs that do one thing and end.
    Wait,
    /// Nobody: lines beyond some thousand are left out and counted. For those whose answers others wait for.
    Lose,
}

/// What must live until the last line is logged; when it is dropped, lines that wait are written, for a second at most.
#[derive(Debug)]
pub struct Logging {
    _guard: Option<WorkerGuard>,
}

/// Returns how many lines of the log were left out, since standard error took no more.
pub(crate) fn lost_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
}

/// Starts logging for the whole process.
///
/// `default` is what is shown unless `RUST_LOG` says otherwise, in the same form. A second call changes nothing.
///
/// # Errors
/// [`Exit::Usage`](crate::exit::Exit::Usage) if `RUST_LOG` cannot be understood.
pub fn start(format: LogFormat, default: &str, when_full: WhenFull) -> Result<Logging, Failure> {
    let filter = filter(env::var_os("RUST_LOG").as_deref(), default)?.and(FilterFn::new(may_be_shown));
    let registry = tracing_subscriber::registry();
    let (writer, guard) = writer(when_full);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    // An error means that a logger is there already: tests, or a program that embeds us. Theirs stays.
    let _ = match format {
        LogFormat::Text => {
            let ansi = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            registry.with(layer.with_ansi(ansi).with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            registry.with(layer.with_filter(filter)).try_init()
        }
    };
    Ok(Logging { _guard: guard })
}

fn writer(when_full: WhenFull) -> (BoxMakeWriter, Option<WorkerGuard>) {
    if when_full == WhenFull::Wait {
        return (BoxMakeWriter::new(io::stderr), None);
    }
    let queue = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE)
        .thread_name("log");
    let (writer, guard) = queue.finish(io::stderr());
    // Set already: another logger is there, which stays.
    let _ = LOST.set(writer.error_counter());
    (BoxMakeWriter::new(writer), Some(guard))
}

fn filter(rust_log: Option<&OsStr>, default: &str) -> Result<EnvFilter, Failure> {
    let builder = EnvFilter::builder();
    let Some(text) = rust_log.filter(|text| !text.is_empty()) else {
        return builder
            .parse(default)
            .map_err(|error| Failure::failed(error.to_string()));
    };
    let text = text
        .to_str()
        .ok_or_else(|| Failure::usage("RUST_LOG: not UTF-8: write a level such as `debug`"))?;
    builder.parse(text).map_err(|error| {
        Failure::usage(format!(
            "RUST_LOG: {error}: write a level such as `debug`, or `target=level` with commas between"
        ))
    })
}

fn may_be_shown(event: &Metadata<'_>) -> bool {
    let from = event.target().split("::").next().unwrap_or_default();
    *event.level() <= Level::INFO || !HUSHED.contains(&from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_rust_log_the_default_level_holds() {
        assert_eq!(filter(None, "warn").unwrap().to_string(), "warn");
        assert_eq!(filter(Some(OsStr::new("")), "info").unwrap().to_string(), "info");
        assert_eq!(filter(Some(OsStr::new("debug")), "info").unwrap().to_string(), "debug");
    }

    #[test]
    fn a_level_that_does_not_exist_is_a_usage_error() {
        let failure = filter(Some(OsStr::new("cratosd=loud")), "info").unwrap_err();
        assert_eq!(failure.exit(), crate::exit::Exit::Usage);
        assert!(failure.lines()[0].starts_with("error: RUST_LOG: "), "{failure:?}");
    }
}
