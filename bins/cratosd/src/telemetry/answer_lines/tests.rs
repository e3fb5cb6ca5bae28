use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{AskedFeed, RequestNotes};
use token_crypto::TokenId;
use tracing_subscriber::fmt::MakeWriter;

use super::super::text_fields::TextFields;
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

/// Returns what the log of cratosd writes for an event, without the time.
fn event(emit: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .fmt_fields(TextFields)
        .without_time()
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, emit);
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

/// Returns a line of ours without the time, whose form has a test of its own.
fn ours(line: Line) -> String {
    let text = String::from_utf8(line.0.clone()).unwrap();
    let (time, rest) = text.split_once(' ').unwrap();
    assert_eq!(time.len(), 27, "{text}");
    rest.to_owned()
}

fn written(write: impl FnOnce(&mut Line)) -> Line {
    let mut line = Line::new();
    write(&mut line);
    line
}

fn notes(label: Option<&str>) -> RequestNotes {
    let notes = RequestNotes::default();
    let label = label.map(str::to_owned);
    notes.token(TokenId::from_bytes([0xab; 8]), label, "misp.example.net".to_owned());
    notes
}

fn asked_feed(feed: &str, output: &str) -> AskedFeed {
    let mut asked = AskedFeed::default();
    (asked.feed, asked.output) = (feed.to_owned(), output.to_owned());
    (asked.kind, asked.age) = ("ipv4", "1w");
    asked
}

fn given_feed<'a>(notes: &'a RequestNotes, asked: &'a AskedFeed, truncated: u64) -> GivenFeed<'a> {
    GivenFeed {
        client: [198, 51, 100, 9].into(),
        notes,
        asked,
        etag: "\"0123abcd-br\"",
        count: 12,
        truncated,
        status: 304,
    }
}

#[test]
fn the_line_of_an_answer_is_that_of_the_event() {
    for (client, method, route, status, millis) in [
        ("192.0.2.7", "GET", "/v1/feed/{feed}/type/{type}", 200, 0),
        ("2001:db8::1", "other", "unknown", 404, 12_345),
    ] {
        let answer = AnsweredRequest {
            client: client.parse().unwrap(),
            method,
            route,
            status,
            took: Duration::from_millis(millis),
        };
        assert_eq!(
            ours(written(|line| access_line(line, &answer, Timestamp::now()))),
            event(|| TracingLog.answered(&answer))
        );
    }
}

#[test]
fn the_line_of_a_given_feed_is_that_of_the_event() {
    let mut limited = asked_feed("block", "rpz");
    limited.options = Some("action=nodata&ttl=60".to_owned());
    limited.limits = Some("max_tlp=amber&min_score=50".to_owned());
    for (notes, asked, truncated) in [
        (notes(Some("fw 1")), asked_feed("any", "txt"), 0),
        (notes(None), limited.clone(), 7),
        (RequestNotes::default(), limited, 0),
    ] {
        let given = given_feed(&notes, &asked, truncated);
        assert_eq!(
            ours(audit_line(&given, Timestamp::now()).unwrap()),
            event(|| TracingLog.feed_given(&given))
        );
    }
}

/// How a text is escaped is for the formatter of the log to say.
#[test]
fn a_feed_whose_texts_are_not_plain_is_left_to_the_event() {
    let plain = asked_feed("block", "txt");
    let mut odd = plain.clone();
    odd.options = Some("title=\"x\"".to_owned());
    for label in ["fw \"1\"", "fw\\1", "fw\u{1b}[2J", "fw\n", "f\u{e6}"] {
        let notes = notes(Some(label));
        assert!(audit_line(&given_feed(&notes, &plain, 0), Timestamp::now()).is_none());
    }
    let notes = notes(None);
    assert!(audit_line(&given_feed(&notes, &odd, 0), Timestamp::now()).is_none());
}
