//! The two lines that an answer has in the log, written at a tenth of the cost of an event of `tracing`.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::OnceLock;

use gateway::{AnswerLog, AnsweredRequest, AskedFeed, GivenFeed, TracingLog};
use http_front::LineQueue;
use jiff::Timestamp;
use service_kit::{write_address, write_number};
use tracing::Level;

use super::line_time;

/// The targets of the lines.
const ACCESS: &str = "cratosd::access";
const AUDIT: &str = "cratosd::audit";

thread_local! {
    /// The memory in which this thread writes its lines.
    static TEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

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
        match lines() {
            Some(lines) => lines.put_access(answer, Timestamp::now()),
            None => TracingLog.answered(answer),
        }
    }

    fn feed_given(&self, given: &GivenFeed<'_>) {
        match lines() {
            Some(lines) => lines.put_audit(given, Timestamp::now()),
            None => TracingLog.feed_given(given),
        }
    }

    fn feed_answered(&self, given: &GivenFeed<'_>, answer: &AnsweredRequest<'_>) {
        match lines() {
            Some(lines) => lines.put_both(given, answer, Timestamp::now()),
            None => TracingLog.feed_answered(given, answer),
        }
    }
}

/// Returns where lines go now; nothing where the event of `tracing` is emitted.
fn lines() -> Option<&'static AnswerLines> {
    STARTED.get().filter(|_| tracing::Span::current().is_none())
}

impl AnswerLines {
    fn put_access(self, answer: &AnsweredRequest<'_>, now: Timestamp) {
        if self.shows_access {
            let mut line = Line::new();
            access_line(&mut line, answer, now);
            self.put(line);
        }
    }

    fn put_audit(self, given: &GivenFeed<'_>, now: Timestamp) {
        if self.shows_audit {
            match audit_line(given, now) {
                Some(line) => self.put(line),
                None => TracingLog.feed_given(given),
            }
        }
    }

    /// Puts both lines into the queue at once: each time costs a lock and a copy.
    fn put_both(self, given: &GivenFeed<'_>, answer: &AnsweredRequest<'_>, now: Timestamp) {
        let both = self.shows_audit && self.shows_access;
        if let Some(mut lines) = both.then(|| audit_line(given, now)).flatten() {
            access_line(&mut lines, answer, now);
            self.put(lines);
        } else {
            self.put_audit(given, now);
            self.put_access(answer, now);
        }
    }

    fn put(self, lines: Line) {
        // The queue counts lost lines.
        let _ = self.queue.put(&lines.0);
    }
}

fn access_line(line: &mut Line, answer: &AnsweredRequest<'_>, now: Timestamp) {
    line.begin(now, "  INFO cratosd::access:");
    line.address(" client=", answer.client);
    // Methods and templates of routes are our own words.
    line.quoted(" method=\"", answer.method);
    line.quoted(" route=\"", answer.route);
    line.number(" status=", answer.status.into());
    line.number(" ms=", u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX));
    line.push("\n");
}

/// Returns nothing for texts that are not plain: the formatter of the log then decides how they are escaped.
fn audit_line(given: &GivenFeed<'_>, now: Timestamp) -> Option<Line> {
    let notes = given.notes;
    let asked = given.asked.once(asked_fields)?;
    if ![notes.label(), notes.site()].into_iter().flatten().all(is_plain) {
        return None;
    }
    let mut line = Line::new();
    line.begin(now, "  INFO cratosd::audit: feed given");
    line.shown(" token_id=", notes.token_id_text());
    line.text(" label=\"", notes.label());
    line.address(" client=", given.client);
    line.text(" site=\"", notes.site());
    line.0.extend_from_slice(asked);
    // Its quotes are the only ones.
    line.push(" etag=\"\\\"");
    line.push(given.etag.trim_matches('"'));
    line.push("\\\"\"");
    line.number(" count=", given.count);
    if given.truncated > 0 {
        line.number(" truncated=", given.truncated);
    }
    line.number(" status=", given.status.into());
    line.push("\n");
    Some(line)
}

/// Returns the fields that are the same in each line of a request, if their texts are plain.
fn asked_fields(asked: &AskedFeed) -> Option<Vec<u8>> {
    let own = [&*asked.feed, asked.kind, asked.age, &*asked.output];
    let texts = [asked.options.as_deref(), asked.limits.as_deref()];
    if !texts.into_iter().flatten().chain(own).all(is_plain) {
        return None;
    }
    let mut fields = Line(Vec::new());
    fields.quoted(" feed=\"", &asked.feed);
    fields.quoted(" type=\"", asked.kind);
    fields.quoted(" age=\"", asked.age);
    fields.quoted(" output=\"", &asked.output);
    fields.shown(" options=", asked.options.as_deref());
    fields.shown(" limits=", asked.limits.as_deref());
    Some(std::mem::take(&mut fields.0))
}

/// Returns whether a text stands in a line as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |is_plain, byte| {
        is_plain & matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\')
    })
}

/// One line of the log or two, as far as they are written. Their memory is that of the thread.
struct Line(Vec<u8>);

impl Line {
    fn new() -> Self {
        let mut text = TEXT.take();
        text.clear();
        Self(text)
    }

    /// `begin` stands after the time.
    fn begin(&mut self, now: Timestamp, begin: &str) {
        self.0.extend_from_slice(&line_time::text(now));
        self.push(begin);
    }

    fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// `begin` is the name with what stands around it: the fewer pieces, the less a line costs.
    fn quoted(&mut self, begin: &str, text: &str) {
        self.push(begin);
        self.push(text);
        self.push("\"");
    }

    fn text(&mut self, begin: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.quoted(begin, text);
        }
    }

    fn shown(&mut self, begin: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.push(begin);
            self.push(text);
        }
    }

    fn number(&mut self, begin: &str, number: u64) {
        self.push(begin);
        write_number(&mut self.0, number);
    }

    fn address(&mut self, begin: &str, address: IpAddr) {
        self.push(begin);
        write_address(&mut self.0, address);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        TEXT.set(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests;
