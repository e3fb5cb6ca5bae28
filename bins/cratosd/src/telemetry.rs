//! The log on standard error, as text or as JSON.

mod answer_lines;
mod line_time;
mod text_fields;

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::ValueEnum;
use indicatif::MultiProgress;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, FilterFn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use http_front::LineQueue;

use self::line_time::LineTime;
use self::text_fields::TextFields;
use crate::exit::Failure;

pub(crate) use self::answer_lines::AnswerLogger;

/// The format of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    /// One line for people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line, with the fields of the event beside `timestamp`, `level`, `target` and `message`.
    Json,
}

/// HTTP libraries whose debug events contain heads of requests, and so tokens and keys.
const SILENCED: &[&str] = &["h2", "hyper"];

/// The target of this crate.
const PROGRAM: &str = "cratosd";

/// Libraries whose events were those of [`PROGRAM`] once: a level for `cratosd` is one for them, too.
const PARTS: &[&str] = &["gateway", "http_front"];

/// The lines for standard error, once a log that drops lines is started.
static QUEUE: OnceLock<LineQueue> = OnceLock::new();

/// The bars of a daemon whose log is text on a terminal.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// What happens while standard error takes no more bytes, for example because a terminal is stopped or the journal
/// hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The thread that logs waits. For commands that do one thing and end.
    Wait,
    /// Lines beyond some thousand are dropped and counted. For a daemon, whose clients wait for answers.
    Lose,
}

/// Keeps the log running. Dropping it writes the lines that wait, for two seconds at most.
#[derive(Debug)]
pub struct Logging(());

impl Drop for Logging {
    fn drop(&mut self) {
        QUEUE.get().map(LineQueue::flush);
    }
}

/// One line for the queue.
struct Line(&'static LineQueue);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The queue counts lost lines.
        let _ = self.0.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns how many lines of the log were dropped because standard error took no more.
pub(crate) fn lost_lines() -> u64 {
    QUEUE.get().map_or(0, LineQueue::lost)
}

/// Returns where bars may be shown: below a log that is text on a terminal. The log steps around them.
pub(crate) fn bars() -> Option<&'static MultiProgress> {
    BARS.get()
}

/// Starts logging for the whole process.
///
/// `default` is the level without `RUST_LOG`, in the same form, for example `info` or `warn,feed_engine=error`. A
/// second call changes nothing.
///
/// # Errors
/// [`Exit::Usage`](crate::exit::Exit::Usage) if `RUST_LOG` cannot be understood.
pub fn start(format: LogFormat, default: &str, when_full: WhenFull) -> Result<Logging, Failure> {
    if format == LogFormat::Text && when_full == WhenFull::Lose && io::stderr().is_terminal() {
        BARS.get_or_init(MultiProgress::new);
    }
    let filter = filter(env::var_os("RUST_LOG").as_deref(), default)?.and(FilterFn::new(may_be_shown));
    let registry = tracing_subscriber::registry();
    let layer = tracing_subscriber::fmt::layer()
        .with_timer(LineTime)
        .with_writer(writer(when_full)?);
    // An error means that a test or an embedding program has started a log already, which stays.
    let ansi = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let started = match format {
        LogFormat::Text => {
            let layer = layer.fmt_fields(TextFields).with_ansi(ansi);
            registry.with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            registry.with(layer.with_filter(filter)).try_init()
        }
    };
    if started.is_ok()
        && format == LogFormat::Text
        && !ansi
        && when_full == WhenFull::Lose
        && let Some(queue) = QUEUE.get()
    {
        answer_lines::start(queue);
    }
    Ok(Logging(()))
}

fn writer(when_full: WhenFull) -> Result<BoxMakeWriter, Failure> {
    if when_full == WhenFull::Wait {
        return Ok(BoxMakeWriter::new(io::stderr));
    }
    if QUEUE.get().is_none() {
        // If standard error fails, no other place for a message exists.
        let write = |lines: &[&[u8]]| drop(io::stderr().write_all(&lines.concat()));
        let take = move |lines: &[&[u8]]| match BARS.get() {
            Some(bars) => bars.suspend(|| write(lines)),
            None => write(lines),
        };
        let queue = LineQueue::start("log", take).map_err(|error| Failure::failed(error.to_string()))?;
        // If another thread was faster, its queue is used.
        let _ = QUEUE.set(queue);
    }
    Ok(match QUEUE.get() {
        Some(queue) => BoxMakeWriter::new(move || Line(queue)),
        None => BoxMakeWriter::new(io::stderr),
    })
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
    builder.parse(with_parts(text)).map_err(|error| {
        Failure::usage(format!(
            "RUST_LOG: {error}: write a level such as `debug`, or `target=level` with commas between"
        ))
    })
}

/// Returns the directives, with those for `cratosd` once more for each part of it that is not named itself.
fn with_parts(text: &str) -> String {
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let parts = PARTS
        .iter()
        .filter(|part| !directives.iter().any(|named| target(named) == **part));
    let copies = parts.flat_map(|part| {
        let ours = directives.iter().filter_map(|named| named.strip_prefix(PROGRAM));
        ours.filter(|rest| target(rest).is_empty())
            .map(move |rest| format!(",{part}{rest}"))
    });
    let copies: String = copies.collect();
    format!("{text}{copies}")
}

/// Returns the text of a directive before its span and its level.
fn target(directive: &str) -> &str {
    directive.split(['[', '=']).next().unwrap_or_default()
}

fn may_be_shown(event: &Metadata<'_>) -> bool {
    let from = event.target().split("::").next().unwrap_or_default();
    *event.level() <= Level::INFO || !SILENCED.contains(&from)
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
    fn a_directive_for_cratosd_covers_the_crates_that_it_consists_of() {
        for (text, expected) in [
            ("cratosd=debug", "cratosd=debug,gateway=debug,http_front=debug"),
            (
                "info, cratosd=debug",
                "info, cratosd=debug,gateway=debug,http_front=debug",
            ),
            ("cratosd", "cratosd,gateway,http_front"),
            (
                "cratosd[request]=trace",
                "cratosd[request]=trace,gateway[request]=trace,http_front[request]=trace",
            ),
            (
                "cratosd=debug,gateway=warn",
                "cratosd=debug,gateway=warn,http_front=debug",
            ),
            // A single module of a part leaves the rest of that part to `cratosd`.
            (
                "cratosd=debug,gateway::stream=off,http_front=info",
                "cratosd=debug,gateway::stream=off,http_front=info,gateway=debug",
            ),
        ] {
            assert_eq!(with_parts(text), expected);
        }
        for other in [
            "debug",
            "cratosd::access=warn",
            "cratosd_agent=debug",
            "warn,feed_engine=debug",
        ] {
            assert_eq!(with_parts(other), other);
        }
    }

    #[test]
    fn a_level_that_does_not_exist_is_a_usage_error() {
        let failure = filter(Some(OsStr::new("cratosd=loud")), "info").unwrap_err();
        assert_eq!(failure.exit(), crate::exit::Exit::Usage);
        assert!(failure.lines()[0].starts_with("error: RUST_LOG: "), "{failure:?}");
    }
}
