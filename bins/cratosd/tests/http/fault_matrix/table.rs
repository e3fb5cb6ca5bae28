//! The table: one row for each fault, with the exact answer.

use std::time::Duration;

use misp_sim::Fault;

use super::site::Size;

/// The answer to a device that insists on a new answer, while the fault strikes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// 200, `X-Cache: MISS`: the fault does no harm.
    Whole,
    /// 200, `X-Cache: MISS`, no values: MISP says that the feed is empty, and nothing contradicts it.
    Empty,
    /// 200, `X-Cache: STALE`, with a `Warning`: the values from before the fault.
    LastGood,
    /// The same with `X-Feed-Held`: MISP says that the feed is empty, and nothing explains that.
    HeldBack,
    /// This status with a problem document: MISP gave no usable answer, and these words.
    Trouble(u16, &'static str),
    /// This status with a problem document of just these words.
    Sentence(u16, &'static str),
}

impl Expected {
    /// Returns the whole sentence of a problem document. The cause from the operating system may follow it, and is
    /// not compared.
    pub(super) fn sentence(words: &str) -> String {
        format!("MISP gave no usable answer: {words}, asked for /attributes/restSearch")
    }
}

pub(super) struct Row {
    /// The fault, for a place in the middle of MISP's answer.
    fault: fn(usize) -> Fault,
    /// Seconds in `Retry-After` of an error.
    pub(super) retry_after: u64,
    /// Without a last good feed.
    first: Expected,
    /// The same in the middle of 100 000 values, if that is something else.
    first_in_the_middle: Option<Expected>,
    /// With one.
    pub(super) later: Expected,
    /// The usual run has the large set too.
    pub(super) depends_on_size: bool,
}

impl Row {
    pub(super) fn fault(&self, middle: usize) -> Fault {
        (self.fault)(middle)
    }

    /// Returns the answer without a last good feed.
    pub(super) fn first(&self, size: Size) -> Expected {
        match size {
            Size::Ten => self.first,
            Size::HundredThousand => self.first_in_the_middle.unwrap_or(self.first),
        }
    }

    /// Returns whether only a time-out ends the fault.
    pub(super) fn hangs(&self) -> bool {
        matches!(self.first, Expected::Trouble(504, _))
    }

    fn in_the_middle(self, words: &'static str) -> Self {
        Self {
            first_in_the_middle: Some(Expected::Trouble(503, words)),
            ..self
        }
    }

    fn depends_on_size(self) -> Self {
        Self {
            depends_on_size: true,
            ..self
        }
    }
}

/// Returns a fault that is noticed: an error of these words, or the last good feed with a warning.
fn noticed(fault: fn(usize) -> Fault, words: &'static str) -> Row {
    Row {
        fault,
        retry_after: 30,
        first: Expected::Trouble(503, words),
        first_in_the_middle: None,
        later: Expected::LastGood,
        depends_on_size: false,
    }
}

/// Returns a fault that only a time-out ends.
fn hanging(fault: fn(usize) -> Fault, words: &'static str) -> Row {
    Row {
        first: Expected::Trouble(504, words),
        // The time of the caller covers the pages before, too.
        first_in_the_middle: Some(Expected::Sentence(504, "MISP did not answer within 2 s")),
        ..noticed(fault, "")
    }
}

/// Returns a fault that changes nothing in a feed.
fn harmless(fault: fn(usize) -> Fault) -> Row {
    Row {
        first: Expected::Whole,
        later: Expected::Whole,
        ..noticed(fault, "")
    }
}

const SILENT: &str = "MISP did not answer in time: no answer came";

const ENDLESS: &str = "MISP did not answer in time: the answer began, but did not end in time";

const LOST: &str = "cannot connect to MISP: lost before an answer came";

const CUT: &str = "the answer of MISP was cut short";

const NO_JSON: &str = "the answer is not JSON: byte 0 and on";

const STRAYS: &str = "4 of 4 rows in MISP's answer were not asked for (first: of a type that was not asked for); the \
                      answer is refused, since a filter was lost on the way";

const LONG_PAGE: &str = "the answer is not what was asked for: a page with more than the 10000 rows asked for; the \
                         question was probably lost on the way";

pub(super) fn rows() -> Vec<Row> {
    [connections(), pages(), rest()].into_iter().flatten().collect()
}

/// Faults of connections and of time.
fn connections() -> Vec<Row> {
    let cut_off = |fault| noticed(fault, CUT);
    vec![
        noticed(|_| Fault::Refuse, "cannot connect to MISP").in_the_middle(LOST),
        noticed(|_| Fault::CloseEarly, LOST),
        cut_off(|after_bytes| Fault::CutOff {
            after_bytes,
            chunked: false,
        })
        .depends_on_size(),
        cut_off(|after_bytes| Fault::CutOff {
            after_bytes,
            chunked: true,
        }),
        hanging(|_| Fault::Hang, SILENT),
        hanging(|after_bytes| Fault::HangInBody { after_bytes }, ENDLESS).depends_on_size(),
        hanging(
            |_| Fault::SlowDrip {
                bytes: 1,
                pause: Duration::from_millis(500),
            },
            ENDLESS,
        ),
        hanging(|_| Fault::Late(Duration::from_secs(30)), SILENT),
        harmless(|_| Fault::Late(Duration::from_millis(300))),
    ]
}

/// Pages of MISP, or of a proxy, in place of an answer.
fn pages() -> Vec<Row> {
    vec![
        noticed(|_| Fault::Html { status: 200 }, NO_JSON),
        noticed(
            |_| Fault::Html { status: 502 },
            "MISP answered with an error (status 502)",
        ),
        noticed(
            |_| Fault::Status(403),
            "the key may not do this in MISP (status 403): You do not have permission to use this functionality.",
        ),
        noticed(
            |_| Fault::Status(404),
            "MISP does not know what was asked for (status 404): Not Found",
        ),
        noticed(
            |_| Fault::Status(405),
            "MISP answered with an error (status 405): Method Not Allowed",
        ),
        noticed(
            |_| Fault::Status(429),
            "the rate limit of MISP is used up (status 429): Rate limit exceeded.",
        ),
        noticed(
            |_| Fault::Status(500),
            "MISP answered with an error (status 500): An Internal Error Has Occurred.",
        ),
        noticed(
            |_| Fault::Invalid(200),
            "the answer is not what was asked for: no list of rows in it",
        ),
        noticed(
            |_| Fault::Invalid(403),
            "MISP rejected the data (status 403): Could not add: value: not valid",
        ),
        noticed(|_| Fault::NotJson, NO_JSON),
        noticed(|_| Fault::LoginRedirect, "MISP answered with a redirect (status 302)"),
    ]
}

/// Wrong headers, rows and lists.
fn rest() -> Vec<Row> {
    vec![
        harmless(|_| Fault::WrongContentType),
        harmless(|_| Fault::WithoutCounts).depends_on_size(),
        harmless(|_| Fault::NumbersUnquoted),
        Row {
            first: Expected::Sentence(503, STRAYS),
            ..noticed(|_| Fault::EverythingUnfiltered, "")
        }
        .in_the_middle(LONG_PAGE),
        Row {
            first: Expected::Empty,
            later: Expected::HeldBack,
            ..noticed(|_| Fault::NoRows, "")
        },
        // The others are about lists of events, which only the mirror asks for.
        harmless(|_| Fault::ListsNothing),
        harmless(|_| Fault::ListsHalf),
        harmless(|_| Fault::LongIndex { events: 1_000 }),
        harmless(|_| Fault::ManyTags { tags: 1_000 }),
    ]
}
