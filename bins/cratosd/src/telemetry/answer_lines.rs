//! The two lines that an answer has in the log, written at a tenth of the cost of an event of `tracing`.

use std::net::IpAddr;
use std::sync::OnceLock;

use gateway::{AnswerLog, AnsweredRequest, GivenFeed, TracingLog};
use http_front::LineQueue;
use jiff::Timestamp;
use service_kit::{write_address, write_number};
use tracing::Level;

use super::line_time;

/// The bytes of most lines.
const USUAL_BYTES: usize = 512;

/// The targets of the lines.
const ACCESS: &str = "cratosd::access";
const AUDIT: &str = "cratosd::audit";

/// The lines of a log that is text without colours and that drops lines, once it is started.
static STARTED: OnceLock<AnswerLines> = OnceLock::new();

/// Writes the lines of answers into the queue of the log, as [`TracingLog`] would have them written.
///
/// Each answer has two lines, and the log formats them nearly alike for all. Inside of a span, and with a text that
/// needs quoting, the event of `tracing` is emitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerLines {
    queue: &'static LineQueue,
    /// Outside of spans; a level may hold for a span only.
    shows_access: bool,
    shows_audit: bool,
}

/// Uses the queue for the lines of answers from now on. The log must be started, since its levels count.
pub(super) fn start(queue: &'static LineQueue) {
    let lines = AnswerLines {
        queue,
        shows_access: tracing::enabled!(target: ACCESS, Level::INFO),
        shows_audit: tracing::enabled!(target: AUDIT, Level::INFO),
    };
    // The log is started once.
    let _ = STARTED.set(lines);
}

/// Takes the lines of answers: through the queue, if the log has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnswerLogger;

impl AnswerLog for AnswerLogger {
    fn answered(&self, answer: &AnsweredRequest<'_>) {
        match STARTED.get().filter(|_| is_outside_of_spans()) {
            Some(lines) if lines.shows_access => lines.put(access_line(answer, Timestamp::now())),
            Some(_) => {}
            None => TracingLog.answered(answer),
        }
    }

    fn feed_given(&self, given: &GivenFeed<'_>) {
        match STARTED.get().filter(|_| is_outside_of_spans()) {
            Some(lines) if lines.shows_audit => match audit_line(given, Timestamp::now()) {
                Some(line) => lines.put(line),
                None => TracingLog.feed_given(given),
            },
            Some(_) => {}
            None => TracingLog.feed_given(given),
        }
    }
}

impl AnswerLines {
    fn put(self, line: Line) {
        // The queue counts lost lines.
        let _ = self.queue.put(&line.ended());
    }
}

fn is_outside_of_spans() -> bool {
    tracing::Span::current().is_none()
}

fn access_line(answer: &AnsweredRequest<'_>, now: Timestamp) -> Line {
    let mut line = Line::begun(now, ACCESS, "");
    line.address("client", answer.client);
    // Methods and templates of routes are our own words.
    line.quoted("method", answer.method);
    line.quoted("route", answer.route);
    line.number("status", answer.status.into());
    line.number("ms", u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX));
    line
}

/// Returns nothing for texts that are not plain: the formatter of the log then decides how they are escaped.
fn audit_line(given: &GivenFeed<'_>, now: Timestamp) -> Option<Line> {
    let (notes, asked) = (given.notes, given.asked);
    let texts = [
        notes.label(),
        notes.site(),
        asked.options.as_deref(),
        asked.limits.as_deref(),
    ];
    let own = [&*asked.feed, asked.kind, asked.age, &*asked.output];
    if !texts.into_iter().flatten().chain(own).all(is_plain) {
        return None;
    }
    let mut line = Line::begun(now, AUDIT, " feed given");
    line.shown("token_id", notes.token_id_text());
    line.text("label", notes.label());
    line.address("client", given.client);
    line.text("site", notes.site());
    line.quoted("feed", &asked.feed);
    line.quoted("type", asked.kind);
    line.quoted("age", asked.age);
    line.quoted("output", &asked.output);
    line.shown("options", asked.options.as_deref());
    line.shown("limits", asked.limits.as_deref());
    // Its quotes are the only ones.
    line.name("etag");
    line.push("\"\\\"");
    line.push(given.etag.trim_matches('"'));
    line.push("\\\"\"");
    line.number("count", given.count);
    if given.truncated > 0 {
        line.number("truncated", given.truncated);
    }
    line.number("status", given.status.into());
    Some(line)
}

/// Returns whether a text stands in a line as it is.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// One line of the log, as far as it is written.
struct Line(String);

impl Line {
    fn begun(now: Timestamp, target: &str, message: &str) -> Self {
        let mut line = Self(String::with_capacity(USUAL_BYTES));
        // Always so: the time is ASCII.
        line.push(std::str::from_utf8(&line_time::text(now)).unwrap_or_default());
        line.push("  INFO ");
        line.push(target);
        line.push(":");
        line.push(message);
        line
    }

    fn push(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn name(&mut self, name: &str) {
        self.push(" ");
        self.push(name);
        self.push("=");
    }

    fn quoted(&mut self, name: &str, text: &str) {
        self.name(name);
        self.push("\"");
        self.push(text);
        self.push("\"");
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.quoted(name, text);
        }
    }

    fn shown(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.name(name);
            self.push(text);
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        write_number(&mut self.0, number);
    }

    fn address(&mut self, name: &str, address: IpAddr) {
        self.name(name);
        write_address(&mut self.0, address);
    }

    fn ended(mut self) -> Vec<u8> {
        self.push("\n");
        self.0.into_bytes()
    }
}

#[cfg(test)]
mod tests;
