//! The fields of a line of the log as text: written as `tracing-subscriber` writes them, at a third of the cost.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{MakeVisitor, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Writes fields as [`DefaultFields`](tracing_subscriber::fmt::format::DefaultFields) does. Texts in ASCII and numbers,
/// nearly all fields of the lines that every request writes, do not go through the formatting of `{:?}`.
#[derive(Debug, Default)]
pub(super) struct TextFields;

impl<'w> MakeVisitor<Writer<'w>> for TextFields {
    type Visitor = TextVisitor<'w>;

    fn make_visitor(&self, writer: Writer<'w>) -> TextVisitor<'w> {
        TextVisitor {
            // On a terminal, names of fields have a style. That is rare and may cost more.
            is_plain: !writer.has_ansi_escapes(),
            writer,
            is_empty: true,
            outcome: Ok(()),
        }
    }
}

#[derive(Debug)]
pub(super) struct TextVisitor<'w> {
    writer: Writer<'w>,
    is_plain: bool,
    is_empty: bool,
    outcome: fmt::Result,
}

impl TextVisitor<'_> {
    fn write(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_err() {
            return;
        }
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        let space = if self.is_empty { "" } else { " " };
        self.is_empty = false;
        let writer = &mut self.writer;
        self.outcome = writer
            .write_str(space)
            .and_then(|()| writer.write_str(name))
            .and_then(|()| writer.write_char('='))
            .and_then(|()| write(writer));
    }

    /// Leaves a field to the visitor of the library.
    fn leave(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.outcome.is_err() {
            return;
        }
        let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_empty);
        record(&mut visitor);
        self.outcome = visitor.finish();
        self.is_empty = false;
    }
}

impl Visit for TextVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.is_plain && field.name() != "message" && value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.write(field, |writer| quoted(writer, value));
        } else {
            self.leave(|visitor| visitor.record_str(field, value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.is_plain {
            self.write(field, |writer| write!(writer, "{value}"));
        } else {
            self.leave(|visitor| visitor.record_u64(field, value));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.leave(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.leave(|visitor| visitor.record_debug(field, value));
    }
}

impl VisitOutput<fmt::Result> for TextVisitor<'_> {
    fn finish(self) -> fmt::Result {
        self.outcome
    }
}

impl VisitFmt for TextVisitor<'_> {
    fn writer(&mut self) -> &mut dyn fmt::Write {
        &mut self.writer
    }
}

/// Writes printable ASCII as `{:?}` does.
fn quoted(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    for piece in text.split_inclusive(['"', '\\']) {
        let (before, last) = match piece.strip_suffix(['"', '\\']) {
            Some(before) => (before, piece.chars().next_back()),
            None => (piece, None),
        };
        writer.write_str(before)?;
        if let Some(last) = last {
            writer.write_char('\\')?;
            writer.write_char(last)?;
        }
    }
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::DefaultFields;

    use super::super::line_time::LineTime;
    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Lines {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    /// Writes lines with everything that a field may hold.
    fn events() {
        let _span = tracing::info_span!("request", trace_id = "0af7", hostile = "\u{1b}[2J").entered();
        tracing::info!(target: "cratosd::audit", label = "fw \"1\" \\ x", client = %"192.0.2.7", count = 12, r#type = "ipv4", "feed given");
        tracing::warn!(
            empty = "",
            none = None::<u64>,
            some = Some("x"),
            less = -3,
            yes = true,
            ratio = 0.5,
            "a \u{1b}[31m text"
        );
        tracing::error!(error = &io::Error::other("bad") as &dyn std::error::Error, other = "æ \n \u{202e}", debug = ?Some("x"));
        tracing::info!(message = "only a message");
        tracing::info!("'single' and \"double\"");
    }

    fn text<F>(fields: F, ansi: bool) -> String
    where
        F: for<'w> tracing_subscriber::fmt::FormatFields<'w> + Send + Sync + 'static,
    {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(fields)
            .without_time()
            .with_ansi(ansi)
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, events);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_those_of_the_library() {
        for ansi in [false, true] {
            let ours = text(TextFields, ansi);
            assert_eq!(ours, text(DefaultFields::new(), ansi));
            assert!(ours.contains("feed given") && ours.lines().count() >= 5, "{ours}");
        }
    }

    #[test]
    fn a_line_begins_with_the_time_in_utc() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_timer(LineTime)
            .with_ansi(false)
            .with_writer(lines.clone());
        let before = jiff::Timestamp::now();
        tracing::subscriber::with_default(subscriber.finish(), || tracing::info!("x"));
        let bytes = lines.0.lock().unwrap().clone();
        let line = String::from_utf8(bytes).unwrap();
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!((time.len(), rest.starts_with(" INFO ")), (27, true), "{line}");
        let time: jiff::Timestamp = time.parse().unwrap();
        assert!(
            before.as_microsecond() <= time.as_microsecond() && time <= jiff::Timestamp::now(),
            "{line}"
        );
    }
}
